import { compileClaimExpressions } from './claim-expressions.ts';
import { type BearerOidcOptions, fromBearerOidc, type OpenidOptions } from './zot-providers.ts';

/** What the schemas of the configuration cannot see about providers, in sentences. */
export function checkProviders(given: {
  readonly bearerOidc: readonly BearerOidcOptions[];
  readonly openid: readonly OpenidOptions[];
  /** Names of `extensions.rbac.providers`. */
  readonly names: readonly string[];
}): readonly string[] {
  const expressions = fromBearerOidc(given.bearerOidc).flatMap(({ identity }, index) => {
    if (identity.kind !== 'expressions') return [];
    try {
      compileClaimExpressions(identity);
      return [];
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      return [`http.auth.bearer.oidc[${index}].claimMapping: ${why}`];
    }
  });
  const taken = new Set(given.openid.map(({ name }) => name));
  const clashes = given.names.flatMap((name, index) =>
    taken.has(name)
      ? [
          `extensions.rbac.providers[${index}].name: "${name}" is the name of http.auth.openid.providers.${name}`,
        ]
      : [],
  );
  return [...expressions, ...clashes];
}
