import { DEFAULT_USERNAME_EXPRESSION } from './claim-expressions.ts';
import { ALGORITHMS, type Provider } from './provider.ts';

/** One entry of zot's `http.auth.bearer.oidc`. */
export interface BearerOidcOptions {
  readonly issuer: string;
  readonly audiences: readonly string[];
  /** PEM. */
  readonly certificateAuthority?: string;
  /** Absolute. */
  readonly certificateAuthorityFile?: string;
  readonly skipIssuerVerification: boolean;
  readonly claimMapping: {
    readonly variables: readonly { readonly name: string; readonly expression: string }[];
    readonly validations: readonly { readonly expression: string; readonly message: string }[];
    readonly username?: string;
    readonly groups?: string;
  };
}

/** One of zot's `http.auth.openid.providers`. */
export interface OpenidOptions {
  /** Its key in the file: `oidc`, `google`, `gitlab`, `github`. */
  readonly name: string;
  readonly title?: string;
  readonly issuer: string;
  readonly clientId: string;
  readonly clientSecret?: string;
  readonly scopes: readonly string[];
  readonly usernameClaim?: string;
  readonly groupsClaim?: string;
  /** Of a GitHub of one's own; both or none. */
  readonly authUrl?: string;
  readonly tokenUrl?: string;
}

/** zot keeps keys of an issuer for a minute; here they outlive a night in which it is down. */
const MAX_STALE_MS = 24 * 3_600_000;

/** Workloads' tokens as credentials: every JWT of the issuer with the right audience, as in zot. */
export function fromBearerOidc(options: readonly BearerOidcOptions[]): readonly Provider[] {
  return options.map((given, index) => ({
    name: `bearer-oidc-${index}`,
    via: 'workload',
    title: given.issuer,
    issuer: {
      issuer: given.issuer,
      algorithms: ALGORITHMS,
      maxStaleMs: MAX_STALE_MS,
      ...(given.certificateAuthority && { caPem: given.certificateAuthority }),
      ...(given.certificateAuthorityFile && { caFile: given.certificateAuthorityFile }),
      ...(given.skipIssuerVerification && { anyIssuerName: true }),
    },
    tokens: { audiences: given.audiences.map((one) => one.trim()), authorizedParties: [], kinds: 'any' },
    identity: {
      kind: 'expressions',
      variables: given.claimMapping.variables,
      validations: given.claimMapping.validations,
      username: given.claimMapping.username || DEFAULT_USERNAME_EXPRESSION,
      ...(given.claimMapping.groups && { groups: given.claimMapping.groups }),
    },
  }));
}

/** Logins of people by browser; tokens of these issuers are no credentials, as in zot. */
export function fromOpenid(options: readonly OpenidOptions[]): readonly Provider[] {
  return options.map((given) => (given.name === 'github' ? fromGithub(given) : fromOidc(given)));
}

function fromOidc(given: OpenidOptions): Provider {
  return {
    name: given.name,
    via: 'openid',
    title: given.title ?? given.name,
    issuer: { issuer: given.issuer, algorithms: ALGORITHMS, maxStaleMs: MAX_STALE_MS },
    identity: {
      kind: 'claims',
      username: given.usernameClaim ?? 'email',
      ...(given.usernameClaim !== undefined && { fallbackUsername: 'email' }),
      groups: given.groupsClaim ?? 'groups',
      roleClients: [given.clientId],
      realmRoles: false,
    },
    browser: {
      clientId: given.clientId,
      scopes: given.scopes.includes('openid') ? given.scopes : ['openid', ...given.scopes],
      usesUserInfo: true,
      ...(given.clientSecret && { clientSecret: given.clientSecret }),
    },
  };
}

const GITHUB = 'https://github.com';

function fromGithub(given: OpenidOptions): Provider {
  const { authUrl = `${GITHUB}/login/oauth/authorize`, tokenUrl = `${GITHUB}/login/oauth/access_token` } =
    given;
  const { origin } = new URL(authUrl);
  const usernameClaim = given.usernameClaim ?? 'email';
  return {
    name: given.name,
    via: 'openid',
    title: given.title ?? 'GitHub',
    issuer: { issuer: origin, algorithms: [], maxStaleMs: 0, hasNoKeys: true },
    identity: {
      kind: 'claims',
      username: usernameClaim,
      ...(usernameClaim !== 'email' && { fallbackUsername: 'email' }),
      groups: given.groupsClaim ?? 'groups',
      roleClients: [],
      realmRoles: false,
    },
    browser: {
      clientId: given.clientId,
      scopes: given.scopes,
      usesUserInfo: false,
      ...(given.clientSecret && { clientSecret: given.clientSecret }),
    },
    github: {
      authorizeUrl: authUrl,
      tokenUrl,
      apiUrl: origin === GITHUB ? 'https://api.github.com' : `${origin}/api/v3`,
    },
  };
}
