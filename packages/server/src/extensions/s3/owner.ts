import type { Principal } from '../../extension/access.ts';
import { canonicalUserId } from '../../policy/request-values.ts';
import type { UserName } from './store/records.ts';
import type { XmlElement } from './xml/write.ts';

/** What anonymous writers' objects belong to, as at Amazon ("65a011a29cdf8ec533ec3d1ccaae921c"). */
const ANONYMOUS = 'anonymous';

/** The user a principal acts for; nobody's objects belong to `anonymous`. */
export function userOf(principal: Principal): UserName {
  return principal.kind === 'user' ? principal.name : ANONYMOUS;
}

/** 64 hex digits that stand for a user, as Amazon's canonical user ids do; the same at every start. */
export function canonicalId(user: UserName): string {
  return canonicalUserId(user);
}

/** `<Owner>` and `<Initiator>`. */
export function ownerElement(user: UserName): XmlElement {
  return { ID: canonicalId(user), DisplayName: user };
}
