import { StoreError } from '@zot-artifact-store/spec';
import type { Principal, UserPrincipal } from '../../../../extension/access.ts';

/** Credentials that were handed out by this store, and are worth less than the login they came from. */
const DERIVED: ReadonlySet<string> = new Set(['api-key', 'registry-token', 'access-key', 'sts-session']);

/**
 * The user, when the request was made with a login of its own. Throws `unauthenticated` for nobody, `denied` for a key
 * or a token: one that is limited, or about to expire, must not be good for one that is not.
 */
export function assertMayMakeKeys(principal: Principal): UserPrincipal {
  if (principal.kind === 'anonymous') throw new StoreError('unauthenticated', 'API keys need a login');
  const isDerived = principal.credential !== undefined && DERIVED.has(principal.credential.kind);
  if (!isDerived && (principal.limits ?? []).length === 0) return principal;
  throw new StoreError('denied', 'an API key or a token cannot make or delete API keys: log in as the user');
}
