import type { CompiledCondition } from './condition.ts';
import type { Pattern } from './pattern.ts';

/** Whom a statement of a resource policy is about. */
export type PrincipalPattern =
  | { readonly kind: 'everyone' }
  /** Names, ARNs or account ids, as written; compared with those of the principal. */
  | { readonly kind: 'some'; readonly names: readonly string[] };

export interface Statement {
  readonly sid: string | undefined;
  readonly effect: 'allow' | 'deny';
  /** Absent in identity policies. */
  readonly principal?: PrincipalPattern;
  readonly notPrincipal?: PrincipalPattern;
  readonly actions?: readonly Pattern[];
  readonly notActions?: readonly Pattern[];
  readonly resources?: readonly Pattern[];
  readonly notResources?: readonly Pattern[];
  readonly conditions: readonly CompiledCondition[];
}

/** A policy document (IAM JSON policy language), ready to be evaluated. */
export interface Policy {
  readonly version: '2012-10-17' | '2008-10-17';
  readonly id: string | undefined;
  readonly statements: readonly Statement[];
}

/** What is wrong with a policy document: where, and what. */
export class PolicyProblem extends Error {
  override readonly name = 'PolicyProblem';
  /** For example `Statement[0].Condition.IpAddress`. */
  readonly place: string;
  /** The message without the place. */
  readonly what: string;

  constructor(place: string, what: string) {
    super(place === '' ? what : `${place}: ${what}`);
    this.place = place;
    this.what = what;
  }
}
