import type { Permission } from './access.ts';
import { arnOf } from './arn.ts';
import type { Authorization, Decision } from './contract.ts';

/** A decision for people who may know why. */
export interface Explanation {
  readonly effect: 'allow' | 'deny';
  readonly action: string;
  /** As policies name it. */
  readonly resource: string;
  /** What decided; missing when nobody allowed it. */
  readonly decidedBy?: Opinion;
  /** What each authoriser that had something to say said, in order. */
  readonly opinions: readonly Opinion[];
  /** Present for a denial: what would have to change. */
  readonly advice?: string;
}

export interface Opinion {
  readonly effect: 'allow' | 'deny' | 'abstain';
  readonly reason?: string;
  readonly document?: string;
  readonly statement?: string;
  readonly message?: string;
}

/** Why a decision is as it is. */
export function explain(decision: Decision, permission: Permission): Explanation {
  const { effect, decidedBy, opinions } = decision;
  const resource = arnOf(permission);
  return {
    effect,
    action: permission.action,
    resource,
    ...(decidedBy !== undefined && { decidedBy: opinionOf(decidedBy) }),
    opinions: opinions.filter((one) => one.effect !== 'abstain' || one.message !== undefined).map(opinionOf),
    ...(effect === 'deny' && { advice: adviceOn(decidedBy, { action: permission.action, resource }) }),
  };
}

function adviceOn(
  decidedBy: Authorization | undefined,
  asked: { readonly action: string; readonly resource: string },
): string {
  const statement = JSON.stringify({ Effect: 'Allow', Action: asked.action, Resource: asked.resource });
  if (decidedBy === undefined) {
    return `Nothing allows it. A policy that is attached to the user, or to a group or role of the user, would with the statement ${statement}.`;
  }
  const where = decidedBy.decidedBy;
  if (where?.statement === undefined) {
    return `${decidedBy.reason ?? 'A rule denies it'}. Nothing else can allow it while that holds.`;
  }
  return `Statement ${where.statement} of ${where.document} denies it, and nothing else can allow it while that stands.`;
}

function opinionOf({ effect, reason, decidedBy, message }: Authorization): Opinion {
  return {
    effect,
    ...(reason !== undefined && { reason }),
    ...(decidedBy !== undefined && { document: decidedBy.document }),
    ...(decidedBy?.statement !== undefined && { statement: decidedBy.statement }),
    ...(message !== undefined && { message }),
  };
}
