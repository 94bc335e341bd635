import type { ConditionValues } from './condition.ts';
import { matches, type Variables } from './pattern.ts';
import type { Policy, PrincipalPattern, Statement } from './policy.ts';

export interface PolicyRequest {
  readonly principal: PolicyPrincipal;
  /** `s3:GetObject`. */
  readonly action: string;
  /** `arn:aws:s3:::bucket/key`. */
  readonly resource: string;
  readonly values: ConditionValues;
}

export interface PolicyPrincipal {
  /** Every way a policy may name whoever asks: ARN, account id, canonical id. Empty for anonymous. */
  readonly names: ReadonlySet<string>;
}

export type PolicyDecision =
  | { readonly effect: 'none' }
  | { readonly effect: 'allow' | 'deny'; readonly statement: Statement; readonly index: number };

/** What one document says: a matching Deny wins over every Allow; none when no statement matches. */
export function evaluatePolicy({ statements }: Policy, request: PolicyRequest): PolicyDecision {
  const variables: Variables = (name) => request.values(name)?.[0];
  let allowed: PolicyDecision = { effect: 'none' };
  for (const [index, statement] of statements.entries()) {
    if (allowed.effect === 'allow' && statement.effect === 'allow') continue;
    if (!applies(statement, request, variables)) continue;
    if (statement.effect === 'deny') return { effect: 'deny', statement, index };
    allowed = { effect: 'allow', statement, index };
  }
  return allowed;
}

/** Whether everything a statement asks for holds. */
export function applies(statement: Statement, request: PolicyRequest, variables: Variables): boolean {
  const { principal, notPrincipal, actions, notActions, resources, notResources, conditions } = statement;
  if (principal !== undefined && !isNamed(principal, request.principal)) return false;
  if (notPrincipal !== undefined && isNamed(notPrincipal, request.principal)) return false;
  const isAction = (pattern: NonNullable<typeof actions>[number]): boolean =>
    matches(pattern, request.action, variables, true);
  if (actions !== undefined && !actions.some(isAction)) return false;
  if (notActions?.some(isAction)) return false;
  const isResource = (pattern: NonNullable<typeof resources>[number]): boolean =>
    matches(pattern, request.resource, variables);
  if (resources !== undefined && !resources.some(isResource)) return false;
  if (notResources?.some(isResource)) return false;
  return conditions.every((condition) => condition.holds(request.values, variables));
}

function isNamed(pattern: PrincipalPattern, { names }: PolicyPrincipal): boolean {
  if (pattern.kind === 'everyone') return true;
  return pattern.names.some((name) => names.has(name));
}
