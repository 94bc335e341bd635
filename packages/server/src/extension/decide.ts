import type { RequestHead } from '../http/protocol.ts';
import type { Permission, Principal } from './access.ts';
import type { Authorization, Authorizer, Decision } from './contract.ts';

const OPEN: Decision = {
  effect: 'allow',
  decidedBy: { effect: 'allow', reason: 'no authorizer is configured' },
  opinions: [],
};

/** Deny wins; then any allow; nobody allowing is a denial. Without any authoriser everything is allowed. */
export async function decide(
  authorizers: readonly Authorizer[],
  principal: Principal,
  permission: Permission,
  head: RequestHead,
): Promise<Decision> {
  if (authorizers.length === 0) return OPEN;
  const opinions: Authorization[] = [];
  let allowed: Authorization | undefined;
  for (const authorizer of authorizers) {
    const asked = authorizer.authorize(principal, permission, head);
    const opinion = asked instanceof Promise ? await asked : asked;
    opinions.push(opinion);
    if (opinion.effect === 'deny') return { effect: 'deny', decidedBy: opinion, opinions };
    if (opinion.effect === 'allow') allowed ??= opinion;
  }
  return allowed === undefined
    ? { effect: 'deny', opinions }
    : { effect: 'allow', decidedBy: allowed, opinions };
}
