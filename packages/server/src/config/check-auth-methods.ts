import type { Problem } from './key-path.ts';
import type { ConfigFile } from './schema.ts';

type AuthSection = NonNullable<NonNullable<ConfigFile['http']>['auth']>;

/** What zot checks of `http.auth.ldap`, `bearer` and `mtls`, and what else could not work. */
export function checkAuthMethods(file: ConfigFile): Problem[] {
  const { ldap, bearer, mtls } = file.http?.auth ?? {};
  return [
    ...(ldap === undefined ? [] : checkLdap(ldap)),
    ...(bearer === undefined ? [] : checkTokenServer(bearer)),
    ...(mtls !== undefined && !file.http?.tls?.cacert
      ? [{ place: 'http.auth.mtls', message: 'needs http.tls.cacert, which says whose certificates count' }]
      : []),
  ];
}

function checkLdap(ldap: NonNullable<AuthSection['ldap']>): Problem[] {
  const missing = (['address', 'baseDN', 'userAttribute'] as const).filter((key) => !ldap[key]);
  const problems = missing.map((key) => ({ place: `http.auth.ldap.${key}`, message: 'is missing' }));
  if (ldap.address && !/^[A-Za-z0-9._:-]+$/.test(ldap.address)) {
    const message = 'must be a host name or an address; the port and the kind of connection have own keys';
    problems.push({ place: 'http.auth.ldap.address', message });
  }
  for (const key of ['userAttribute', 'userGroupAttribute'] as const) {
    const attribute = ldap[key];
    if (!attribute || /^[A-Za-z][A-Za-z0-9;.-]*$/.test(attribute)) continue;
    problems.push({
      place: `http.auth.ldap.${key}`,
      message: 'must be the name of an attribute, such as "uid"',
    });
  }
  return problems;
}

function checkTokenServer(bearer: NonNullable<AuthSection['bearer']>): Problem[] {
  const problems: Problem[] = [];
  const { realm, service, cert, upstreamTokenEndpoint: upstream } = bearer;
  if (cert) {
    if (!isUrl(realm, ['http:', 'https:'])) {
      problems.push({ place: 'http.auth.bearer.realm', message: 'must be the URL of the token server' });
    }
    if (!service)
      problems.push({ place: 'http.auth.bearer.service', message: 'is missing; tokens must be for it' });
  }
  for (const [key, text] of Object.entries({ realm, service })) {
    if (!text || /^[\x20-\x21\x23-\x5b\x5d-\x7e]+$/.test(text)) continue;
    const message = 'must hold printable ASCII characters only, and no quotes';
    problems.push({ place: `http.auth.bearer.${key}`, message });
  }
  if (upstream === undefined) return problems;
  const place = 'http.auth.bearer.upstreamTokenEndpoint';
  if (!upstream.realm || !upstream.service) {
    problems.push({ place, message: 'needs realm and service' });
  } else if (!isUrl(upstream.realm, upstream.allowInsecureHttp ? ['http:', 'https:'] : ['https:'])) {
    const message = 'must be an https URL; allowInsecureHttp takes http, too';
    problems.push({ place: `${place}.realm`, message });
  }
  return problems;
}

function isUrl(text: string | undefined, protocols: readonly string[]): boolean {
  const url = URL.parse(text ?? '');
  return url !== null && protocols.includes(url.protocol);
}
