import { z } from 'zod';
import { fileName, flag, notYet, text } from './fields.ts';

const MAX_LISTED = 50;
const NAMES: readonly string[] = ['oidc', 'google', 'gitlab', 'github'];

const url = (description: string) =>
  z
    .string({ error: 'must be a URL' })
    .max(2048)
    .refine((value) => /^https?:$/.test(URL.parse(value)?.protocol ?? ''), {
      error: 'must be a whole URL such as "https://id.example.com"',
    })
    .meta({ description });

const words = (description: string) =>
  z
    .array(z.string({ error: 'must be a text' }).min(1).max(2048), { error: 'must be a list of texts' })
    .max(MAX_LISTED)
    .meta({ description });

const required = (description: string) =>
  z.string({ error: 'must be a text' }).min(1, 'must not be empty').max(4096).meta({ description });

/** `http.auth.bearer.oidc` of zot. */
export const bearerOidc = z
  .array(
    z.strictObject({
      issuer: url('The issuer, exactly as it is in tokens.'),
      audiences: words('One of these must be in the `aud` of a token.')
        .min(1, 'must name an audience')
        .refine((list) => list.every((one) => one.trim() !== ''), { error: 'must hold no empty audience' }),
      claimMapping: z
        .strictObject({
          variables: z
            .array(
              z.strictObject({
                name: required('What later expressions call it: vars.<name>.'),
                expression: required('A CEL expression over claims and vars.'),
              }),
            )
            .max(MAX_LISTED)
            .optional()
            .meta({ description: 'Computed first, in their order.' }),
          validations: z
            .array(
              z.strictObject({
                expression: required('A CEL expression that must be true.'),
                message: required('What is said when it is not.'),
              }),
            )
            .max(MAX_LISTED)
            .optional(),
          username: text('A CEL expression for the user name. Default "claims.iss + \'/\' + claims.sub".'),
          groups: text('A CEL expression for the list of groups. Default none.'),
        })
        .optional(),
      certificateAuthority: text('The authorities of its certificate, in PEM.'),
      certificateAuthorityFile: fileName('The authorities of its certificate, a PEM file.'),
      skipIssuerVerification: flag(
        'Whether the discovery document may name another issuer, for tests. Tokens must name the issuer all the same.',
      ),
    }),
    { error: 'must be a list of issuers' },
  )
  .max(MAX_LISTED)
  .superRefine((list, context) => {
    for (const [index, one] of list.entries()) {
      if (!one.certificateAuthority || !one.certificateAuthorityFile) continue;
      const message = 'goes not together with certificateAuthority; give one of them';
      context.addIssue({ code: 'custom', path: [index, 'certificateAuthorityFile'], message });
    }
  })
  .optional()
  .meta({ description: 'Issuers whose tokens are credentials (workload identity).' });

/** `http.auth.openid` of zot. */
export const openid = z.strictObject({
  providers: z
    .record(
      z.string(),
      z.strictObject({
        name: text('What people are shown.'),
        issuer: url('The issuer.').optional(),
        clientid: text('The client browsers log in with; better in the credentialsFile.'),
        clientsecret: text('Its secret; better in the credentialsFile. Without one, PKCE alone.'),
        credentialsFile: fileName('A JSON file with clientid and clientsecret.'),
        scopes: words('Scopes asked for at a login.').optional(),
        keypath: notYet(),
        authurl: url('Of a GitHub of your own: where browsers log in. With tokenurl.').optional(),
        tokenurl: url('Of a GitHub of your own: where codes are traded. With authurl.').optional(),
        claimMapping: z
          .strictObject({
            username: text('The claim that names the user. Default "email".'),
            groups: text('The claim that lists groups. Default "groups".'),
          })
          .optional(),
      }),
    )
    .superRefine((providers, context) => {
      for (const [name, one] of Object.entries(providers)) {
        if (!NAMES.includes(name)) {
          const message = `is no provider; ${NAMES.join(', ')} are`;
          context.addIssue({ code: 'custom', path: [name], message });
          continue;
        }
        const isGithub = name === 'github';
        if (!isGithub && (one.authurl || one.tokenurl)) {
          context.addIssue({ code: 'custom', path: [name, 'authurl'], message: 'is for github alone' });
        }
        if (isGithub && Boolean(one.authurl) !== Boolean(one.tokenurl)) {
          context.addIssue({ code: 'custom', path: [name, 'authurl'], message: 'and tokenurl go together' });
        }
        const missing = [
          ...(one.issuer || isGithub ? [] : ['issuer']),
          ...(one.scopes?.length ? [] : ['scopes']),
          ...(one.clientid || one.credentialsFile ? [] : ['clientid']),
        ];
        for (const key of missing)
          context.addIssue({ code: 'custom', path: [name, key], message: 'is missing' });
      }
    })
    .optional()
    .meta({ description: 'By name: "oidc", "google", "gitlab", "github".' }),
  callbackAllowOrigins: z
    .array(
      z
        .string({ error: 'must be an origin' })
        .refine((one) => URL.parse(one)?.origin === one.replace(/\/$/, ''), {
          error: 'must be an origin such as "https://ui.example.com"',
        }),
      { error: 'must be a list of origins' },
    )
    .max(MAX_LISTED)
    .optional()
    .meta({
      description: 'Origins that a browser may be sent back to after its login, besides this server.',
    }),
});
