import type { Config } from './config.ts';
import type { Problem } from './key-path.ts';

const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/i;

/** Issuers whose keys cross a network without TLS. */
export function issuerRemarks({ access, sections }: Config): Problem[] {
  const providers: unknown = sections.rbac?.providers;
  const places = [
    ...access.bearerOidc.map(({ issuer }, index) => [`http.auth.bearer.oidc[${index}].issuer`, issuer]),
    ...access.openid.map(({ name, issuer }) => [`http.auth.openid.providers.${name}.issuer`, issuer]),
    ...(Array.isArray(providers) ? providers : []).flatMap((provider: unknown, index) =>
      reachedAt(provider).map(([key, url]) => [`extensions.rbac.providers[${index}].${key}`, url]),
    ),
  ];
  return places.flatMap(([place = '', url = '']) => {
    const parsed = URL.parse(url);
    if (parsed === null || parsed.protocol !== 'http:' || LOOPBACK.test(parsed.hostname)) return [];
    const message = 'is reached without TLS: whoever is on the way can become any of its users';
    return [{ place, message }];
  });
}

/** The address that is asked, with its key. The section is the extension's; its schema has checked it. */
function reachedAt(provider: unknown): readonly (readonly [string, string])[] {
  const key = ['internalUrl', 'issuer'].find(
    (name) => typeof Reflect.get(Object(provider), name) === 'string',
  );
  return key === undefined ? [] : [[key, String(Reflect.get(Object(provider), key))]];
}
