import { resolve } from 'node:path';
import type { AccessConfig, BearerOidcConfig, OpenidConfig } from './config.ts';
import type { OpenidCredentials } from './openid-credentials.ts';
import type { ConfigFile } from './schema.ts';

/** What zot's `http.auth.bearer.oidc` and `http.auth.openid` say, and what browser logins need besides. */
export function resolveOpenid(
  file: ConfigFile,
  around: { readonly cwd: string; readonly openidCredentials: OpenidCredentials },
): Pick<
  AccessConfig,
  'bearerOidc' | 'openid' | 'publicOrigin' | 'listenOrigin' | 'callbackOrigins' | 'secureCookies'
> {
  const external = URL.parse(file.http?.externalUrl ?? '');
  const { auth, tls } = file.http ?? {};
  const origins = auth?.openid?.callbackAllowOrigins ?? [];
  return {
    bearerOidc: (auth?.bearer?.oidc ?? []).map((given) => bearerOidc(given, around.cwd)),
    openid: openidProviders(file, around.openidCredentials),
    ...(external && { publicOrigin: external.origin }),
    listenOrigin: listenOrigin(file),
    callbackOrigins: origins.flatMap((origin) => URL.parse(origin)?.origin ?? []),
    secureCookies:
      auth?.secureSession ?? (external === null ? Boolean(tls?.cert) : external.protocol === 'https:'),
  };
}

function listenOrigin({ http }: ConfigFile): string {
  const address = http?.address ?? '127.0.0.1';
  const host = address.includes(':') ? `[${address}]` : address;
  return `${http?.tls?.cert ? 'https' : 'http'}://${host}:${http?.port ?? 8080}`;
}

type BearerOidcSection = NonNullable<
  NonNullable<NonNullable<NonNullable<ConfigFile['http']>['auth']>['bearer']>['oidc']
>[number];

function bearerOidc(given: BearerOidcSection, cwd: string): BearerOidcConfig {
  const { variables = [], validations = [], username, groups } = given.claimMapping ?? {};
  return {
    issuer: given.issuer,
    audiences: given.audiences,
    skipIssuerVerification: given.skipIssuerVerification ?? false,
    ...(given.certificateAuthority && { certificateAuthority: given.certificateAuthority }),
    ...(given.certificateAuthorityFile && {
      certificateAuthorityFile: resolve(cwd, given.certificateAuthorityFile),
    }),
    claimMapping: { variables, validations, ...(username && { username }), ...(groups && { groups }) },
  };
}

function openidProviders(file: ConfigFile, credentials: OpenidCredentials): readonly OpenidConfig[] {
  return Object.entries(file.http?.auth?.openid?.providers ?? {}).map(([name, given]) => {
    const fromFile = credentials.get(name);
    const clientSecret = fromFile?.clientSecret ?? given.clientsecret;
    return {
      name,
      issuer: given.issuer ?? '',
      clientId: fromFile?.clientId ?? given.clientid ?? '',
      scopes: given.scopes ?? [],
      ...(given.name && { title: given.name }),
      ...(clientSecret && { clientSecret }),
      ...(given.authurl && { authUrl: given.authurl }),
      ...(given.tokenurl && { tokenUrl: given.tokenurl }),
      ...(given.claimMapping?.username && { usernameClaim: given.claimMapping.username }),
      ...(given.claimMapping?.groups && { groupsClaim: given.claimMapping.groups }),
    };
  });
}
