import { resolve } from 'node:path';
import type { AccessConfig, LdapConfig, TokenServerConfig } from './config.ts';
import type { ConfigFile } from './schema.ts';

/** What zot's `http.auth.ldap`, `bearer` and `mtls` say. */
export function resolveAuthMethods(
  file: ConfigFile,
  { cwd }: { readonly cwd: string },
): Pick<AccessConfig, 'ldap' | 'tokenServer' | 'upstreamTokenEndpoint' | 'clientCertificates'> {
  const { ldap, bearer, mtls } = file.http?.auth ?? {};
  const upstream = bearer?.upstreamTokenEndpoint;
  return {
    ...(ldap?.address && { ldap: resolveLdap(ldap, cwd) }),
    ...(bearer?.cert && { tokenServer: resolveTokenServer(bearer, bearer.cert, cwd) }),
    ...(upstream?.realm && {
      upstreamTokenEndpoint: { realm: upstream.realm, service: upstream.service ?? '' },
    }),
    ...(file.http?.tls?.cacert && {
      clientCertificates: {
        identityAttributes: mtls?.identityAttributes?.length ? mtls.identityAttributes : ['commonname'],
        ...(mtls?.uriSanPattern && { uriPattern: mtls.uriSanPattern }),
        uriIndex: mtls?.uriSanIndex ?? 0,
        dnsIndex: mtls?.dnsSanIndex ?? 0,
        emailIndex: mtls?.emailSanIndex ?? 0,
      },
    }),
  };
}

type AuthSection = NonNullable<NonNullable<ConfigFile['http']>['auth']>;

function resolveLdap(given: NonNullable<AuthSection['ldap']>, cwd: string): LdapConfig {
  const isPlain = given.insecure ?? false;
  const transport = isPlain ? (given.startTLS ? 'starttls' : 'plain') : 'ldaps';
  return {
    host: given.address ?? '',
    port: given.port ?? (isPlain ? 389 : 636),
    transport,
    skipVerify: given.skipVerify ?? false,
    baseDn: given.baseDN ?? '',
    userAttribute: given.userAttribute ?? '',
    isSubtree: given.subtreeSearch ?? false,
    ...(given.caCert && { caPath: resolve(cwd, given.caCert) }),
    ...(given.userGroupAttribute && { groupAttribute: given.userGroupAttribute }),
    ...(given.userFilter && { userFilter: given.userFilter }),
    ...(given.credentialsFile && { credentialsPath: resolve(cwd, given.credentialsFile) }),
  };
}

function resolveTokenServer(
  { realm = '', service = '' }: NonNullable<AuthSection['bearer']>,
  cert: string,
  cwd: string,
): TokenServerConfig {
  return { realm, service, certPath: resolve(cwd, cert) };
}
