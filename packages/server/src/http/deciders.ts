import { StoreError } from '@zot-artifact-store/spec';
import type { Permission, Principal } from '../extension/access.ts';
import type { Authenticator, Authorizer } from '../extension/contract.ts';
import { decide } from '../extension/decide.ts';
import { explain } from '../extension/explain.ts';
import type { Judgement } from '../extension/recorder.ts';
import type { Operation, RequestHead } from './protocol.ts';

/** Who says who is asking and what that one may do, in the order they are asked. */
export interface Deciders {
  readonly authenticators: readonly Authenticator[];
  readonly authorizers: readonly Authorizer[];
}

/** Whom a decision is about, and what is kept of it for the record of the request. */
export interface DecisionTrace {
  readonly principal: Principal;
  readonly head: RequestHead;
  readonly judgements: Judgement[];
}

const ANONYMOUS: Principal = { kind: 'anonymous' };

/** The first authenticator that does not abstain decides; none: anonymous. Throws `unauthenticated` when it refuses. */
export async function authenticate(
  deciders: Deciders,
  head: RequestHead,
  operation: Operation,
): Promise<Principal> {
  for (const authenticator of deciders.authenticators) {
    const result = await authenticator.authenticate(head, operation);
    if (result.outcome === 'principal') return result.principal;
    if (result.outcome === 'refuse') throw new StoreError('unauthenticated', result.message);
  }
  return ANONYMOUS;
}

/**
 * Throws unless every permission is allowed: `unauthenticated` for anonymous, who may have better luck with a name,
 * `denied` for a known user. The reason of the rule that decided is kept as the cause, for the log.
 */
export async function authorizeAll(
  deciders: Deciders,
  { principal, head, judgements }: DecisionTrace,
  permissions: readonly Permission[],
): Promise<void> {
  for (const permission of permissions) {
    const decision = await decide(deciders.authorizers, principal, permission, head);
    judgements.push({ permission, decision });
    if (decision.effect === 'allow') continue;
    const reason = decision.opinions.find((opinion) => opinion.message !== undefined)?.message;
    const explanation = (await mayKnowWhy(deciders, principal, head))
      ? explain(decision, permission)
      : undefined;
    const options = {
      resource: permission.resource,
      cause: decision.decidedBy?.reason ?? 'no rule allows it',
      ...((reason ?? explanation) === undefined
        ? {}
        : { detail: { ...(reason !== undefined && { reason }), ...(explanation && { explanation }) } }),
    };
    if (principal.kind === 'anonymous') {
      throw new StoreError('unauthenticated', `${permission.action} needs a login`, options);
    }
    throw new StoreError('denied', `${principal.name} may not do ${permission.action} here`, options);
  }
}

const EXPLAIN: Permission = { action: 'admin:ExplainDecision', resource: 'server' };

/** Whoever may ask for explanations gets one with the refusal. */
async function mayKnowWhy(deciders: Deciders, principal: Principal, head: RequestHead): Promise<boolean> {
  return principal.kind === 'user' && isAllowed(deciders, principal, EXPLAIN, head);
}

export async function isAllowed(
  deciders: Deciders,
  principal: Principal,
  permission: Permission,
  head: RequestHead,
): Promise<boolean> {
  return (await decide(deciders.authorizers, principal, permission, head)).effect === 'allow';
}

/** `WWW-Authenticate` values for a 401, in the order of the authenticators. */
export function collectChallenges(
  deciders: Deciders,
  head: RequestHead,
  operation: Operation | undefined,
): string[] {
  const challenges: string[] = [];
  for (const authenticator of deciders.authenticators) {
    const challenge = authenticator.challenge?.(head, operation);
    if (challenge !== undefined) challenges.push(challenge);
  }
  return challenges;
}
