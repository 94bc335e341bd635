import type { Principal } from '../../../extension/access.ts';

/** Whose buckets and objects the principal may use as its own; undefined for nobody, and for who took on a role instead. */
export function ownName(principal: Principal): string | undefined {
  return principal.kind === 'user' && principal.assumedRole === undefined ? principal.name : undefined;
}
