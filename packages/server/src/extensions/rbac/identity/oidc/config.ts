import { z } from 'zod';
import { fileName, flag, text, wholeNumber } from '../../../../config/fields.ts';
import { ALGORITHMS, type Provider } from './provider.ts';

const MAX_PROVIDERS = 20;
const MAX_LISTED = 50;
/** Stands in the path of its callback. */
export const PROVIDER_NAME = /^[a-z0-9][a-z0-9-]{0,62}$/;

const httpUrl = z.string({ error: 'must be a URL' }).max(2048).refine(isHttpUrl, {
  error: 'must be a whole URL such as "https://id.example.com/realms/main", without query and fragment',
});

const words = (description: string) =>
  z
    .array(z.string({ error: 'must be a text' }).min(1).max(2048), { error: 'must be a list of texts' })
    .max(MAX_LISTED)
    .meta({ description });

/** One entry of `extensions.rbac.providers`. */
const provider = z
  .strictObject({
    name: z
      .string({ error: 'must be a name' })
      .regex(PROVIDER_NAME, 'must be lower-case letters, digits and dashes, such as "keycloak"')
      .meta({ description: 'What it is called here; in the path of its callback. Unique.' }),
    title: text('What people are shown. Default: the name.'),
    issuer: httpUrl.meta({
      description: 'The issuer, exactly as it is in tokens: "https://id.example.com/realms/main".',
    }),
    audience: words('One of these must be in the `aud` of a token. Default: clientId.').optional(),
    authorizedParties: words('Clients (`azp`) whose tokens are accepted. Default: all.').default([]),
    acceptIdTokens: flag(
      'Whether ID tokens are credentials too. Default false: access tokens alone.',
    ).default(false),
    algorithms: z
      .array(z.enum(ALGORITHMS, { error: `must be among ${ALGORITHMS.join(', ')}` }))
      .min(1)
      .default([...ALGORITHMS])
      .meta({ description: 'Signature algorithms accepted. Default: RS, PS, ES and EdDSA.' }),
    usernameClaim: text('The claim that names the user. Default "preferred_username".').default(
      'preferred_username',
    ),
    groupsClaim: text('The claim that lists groups. Default "groups".').default('groups'),
    roleClients: words(
      'Roles of these clients count (`resource_access.<client>.roles`). Default: the audiences.',
    ).optional(),
    realmRoles: flag('Whether roles of the realm (`realm_access.roles`) count too. Default false.').default(
      false,
    ),
    maxTokenLifetimeSeconds: wholeNumber(
      'A token that lives longer from `iat` to `exp` is refused; 0 is no bound. Default 86400, a day.',
      { min: 0, max: 100_000_000 },
    ).default(86_400),
    jwksUri: httpUrl.optional().meta({ description: 'Where its keys are. Default: found by discovery.' }),
    internalUrl: httpUrl
      .refine((url) => new URL(url).pathname === '/', {
        error: 'must be an origin such as "http://keycloak:8080", without a path',
      })
      .optional()
      .meta({
        description:
          'Where this server reaches it, when that differs from where browsers do: "http://keycloak:8080".',
      }),
    caFile: fileName('The authorities of its certificate, a PEM file. Default: those of the system.'),
    maxStaleSeconds: wholeNumber(
      'How long its keys are used while it does not answer. Default 86400, a day.',
      { min: 0, max: 100_000_000 },
    ).default(86_400),
    clientId: text('The client browsers log in with. Default: there is no browser login.'),
    clientSecretFile: fileName("A file with that client's secret. Default: none, a public client."),
    scopes: words('Scopes asked for at a login. Default "openid", "profile", "email".').default([
      'openid',
      'profile',
      'email',
    ]),
    cliClientId: text('The public client "zas login" uses by device flow. Default: none.'),
  })
  .superRefine((given, context) => {
    if (!given.audience?.length && !given.clientId) {
      context.addIssue({
        code: 'custom',
        path: ['audience'],
        message: 'is missing: without it a token made for any other service would be accepted',
      });
    }
    if (given.clientSecretFile && !given.clientId) {
      context.addIssue({ code: 'custom', path: ['clientSecretFile'], message: 'needs clientId' });
    }
  });

export const providersField = z
  .array(provider, { error: 'must be a list of providers' })
  .max(MAX_PROVIDERS)
  .superRefine((list, context) => {
    for (const [index, { name }] of list.entries()) {
      if (list.findIndex((other) => other.name === name) !== index) {
        context.addIssue({ code: 'custom', path: [index, 'name'], message: `is taken: "${name}"` });
      }
    }
  })
  .default([])
  .meta({ description: 'Issuers of tokens (OpenID Connect) whose users may come in. Default none.' });

export type ProviderSection = z.output<typeof provider>;

/** A provider of the configuration file with what follows from what. */
export function toProvider(given: ProviderSection): Provider {
  const audiences = given.audience?.length ? given.audience : [given.clientId ?? ''];
  const maxLifetimeMs = (given.maxTokenLifetimeSeconds ?? 0) * 1000;
  return {
    name: given.name,
    via: 'oidc',
    title: given.title ?? given.name,
    issuer: {
      issuer: given.issuer,
      algorithms: given.algorithms,
      maxStaleMs: (given.maxStaleSeconds ?? 0) * 1000,
      ...(given.jwksUri && { jwksUri: given.jwksUri }),
      ...(given.internalUrl && { internalUrl: given.internalUrl }),
      ...(given.caFile && { caFile: given.caFile }),
    },
    tokens: {
      audiences,
      authorizedParties: given.authorizedParties,
      kinds: given.acceptIdTokens === true ? 'any' : 'access',
      ...(maxLifetimeMs > 0 && { maxLifetimeMs }),
    },
    identity: {
      kind: 'claims',
      username: given.usernameClaim ?? 'preferred_username',
      groups: given.groupsClaim ?? 'groups',
      roleClients: given.roleClients ?? audiences,
      realmRoles: given.realmRoles === true,
    },
    ...(given.clientId && {
      browser: {
        clientId: given.clientId,
        scopes: given.scopes,
        usesUserInfo: false,
        ...(given.clientSecretFile && { clientSecretFile: given.clientSecretFile }),
      },
    }),
    ...(given.cliClientId && { cli: { clientId: given.cliClientId, scopes: given.scopes } }),
  };
}

function isHttpUrl(url: string): boolean {
  const parsed = URL.parse(url);
  if (parsed === null || !/^https?:$/.test(parsed.protocol)) return false;
  return parsed.search === '' && parsed.hash === '' && parsed.username === '' && parsed.password === '';
}
