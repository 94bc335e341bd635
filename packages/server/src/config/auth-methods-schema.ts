import { z } from 'zod';
import { fileName, flag, notYet, text, wholeNumber } from './fields.ts';

const count = (description: string) => wholeNumber(description, { min: 0, max: 100 });

/** zot's `http.auth.ldap`. */
export const ldap = z.strictObject({
  address: text('The host of the LDAP server; needed.'),
  port: wholeNumber('Its port. Default 636, or 389 where insecure is true.', { min: 1, max: 65_535 }),
  insecure: flag('True connects in the clear (LDAP, not LDAPS). Default false.'),
  startTLS: flag('True encrypts a connection that began in the clear; together with insecure, as in zot.'),
  skipVerify: flag('True takes any certificate of the server. Default false.'),
  caCert: fileName('The authorities of its certificate, a PEM file. Default: those of the system.'),
  baseDN: text('Below which entry users are; needed.'),
  userAttribute: text('The attribute of users that holds their names, such as "uid"; needed.'),
  userGroupAttribute: text('The attribute of users that holds their groups, such as "memberOf".'),
  userFilter: text('A filter that users must match, such as "(!(nsaccountlock=TRUE))".'),
  subtreeSearch: flag('True looks for users below the children of baseDN, too. Default false.'),
  credentialsFile: fileName(
    'A JSON file with the keys bindDN and bindPassword, as whom users are searched; read again when it changes. Default: anonymous.',
  ),
});

/** The keys of zot's `http.auth.bearer` that are about a token server of a registry. */
export const tokenServerFields = {
  realm: text('The URL of the token server that clients are sent to; with service and cert.'),
  service: text('What the token server calls this registry; the audience of its tokens.'),
  cert: fileName('The certificate or the public key its tokens are signed with, a PEM file.'),
  awsSecretsManager: notYet(),
  upstreamTokenEndpoint: z
    .strictObject({
      realm: text('The URL of the token server that /zot/auth/token asks for those it does not know.'),
      service: text('The service it is asked for.'),
      allowInsecureHttp: flag('True lets the realm be http. Default false.'),
    })
    .optional(),
};

const IDENTITIES = [
  'commonname',
  'cn',
  'subject',
  'dn',
  'email',
  'rfc822name',
  'uri',
  'url',
  'dnsname',
  'dns',
];

/** zot's `http.auth.mtls`. */
export const mtls = z.strictObject({
  identityAttributes: z
    .array(
      z
        .string()
        .transform((word) => word.trim().toLowerCase())
        .refine((word) => IDENTITIES.includes(word), {
          error: 'must be "CommonName", "Subject", "Email", "URI" or "DNSName"',
        }),
      { error: 'must be a list' },
    )
    .max(10)
    .optional()
    .meta({
      description: 'Which parts of a certificate name its user; the first there is. Default ["CommonName"].',
    }),
  uriSanPattern: text(
    'A pattern (RE2) for the URI, whose first group is the name: "spiffe://example.org/workload/(.*)". Default: the whole URI.',
  ),
  uriSanIndex: count('Which URI, where there are several; from 0.'),
  dnsSanIndex: count('Which DNS name, where there are several; from 0.'),
  emailSanIndex: count('Which e-mail address, where there are several; from 0.'),
});
