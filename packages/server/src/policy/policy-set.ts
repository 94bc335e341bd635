import { applies, type PolicyRequest } from './evaluate.ts';
import { matches, type Pattern } from './pattern.ts';
import type { Policy, Statement } from './policy.ts';

/** A policy with what explanations call it. */
export interface NamedPolicy {
  /** `policy "deployers"`. */
  readonly document: string;
  readonly policy: Policy;
}

export type SetDecision =
  | { readonly effect: 'none' }
  | {
      readonly effect: 'allow' | 'deny';
      readonly document: string;
      readonly statement: Statement;
      /** Of the statement in its document. */
      readonly index: number;
    };

interface Entry {
  readonly document: string;
  readonly statement: Statement;
  readonly index: number;
}

/** The statements about one action by how their resources begin, before any wildcard or variable. */
interface ActionIndex {
  readonly byPrefix: ReadonlyMap<string, readonly Entry[]>;
  /** Of the prefixes there are, in rising order. */
  readonly lengths: readonly number[];
}

const MAX_ACTIONS = 256;
const NONE: SetDecision = { effect: 'none' };
const NO_VARIABLES = (): undefined => undefined;

/**
 * Several policies asked as one: a matching Deny of any wins, else the first Allow. Statements are looked up by action
 * and by the beginning of the resource, so what is not about either costs nothing.
 */
export class PolicySet {
  readonly #policies: readonly NamedPolicy[];
  readonly #byAction = new Map<string, ActionIndex>();

  constructor(policies: readonly NamedPolicy[]) {
    this.#policies = policies;
  }

  decide(request: PolicyRequest): SetDecision {
    const { byPrefix, lengths } = this.#indexOf(request.action);
    const variables = (name: string): string | undefined => request.values(name)?.[0];
    const { resource } = request;
    let allowed: SetDecision = NONE;
    for (const length of lengths) {
      if (length > resource.length) break;
      for (const entry of byPrefix.get(resource.slice(0, length)) ?? []) {
        const { statement } = entry;
        if (allowed.effect === 'allow' && statement.effect === 'allow') continue;
        if (!applies(statement, request, variables)) continue;
        if (statement.effect === 'deny') return { ...entry, effect: 'deny' };
        allowed = { ...entry, effect: 'allow' };
      }
    }
    return allowed;
  }

  #indexOf(action: string): ActionIndex {
    let index = this.#byAction.get(action);
    if (index === undefined) {
      index = buildIndex(this.#policies, action);
      if (this.#byAction.size >= MAX_ACTIONS) this.#byAction.clear();
      this.#byAction.set(action, index);
    }
    return index;
  }
}

function buildIndex(policies: readonly NamedPolicy[], action: string): ActionIndex {
  const byPrefix = new Map<string, Entry[]>();
  for (const { document, policy } of policies) {
    for (const [index, statement] of policy.statements.entries()) {
      if (!mayBeAbout(statement, action)) continue;
      const entry: Entry = { document, statement, index };
      const prefixes = new Set(statement.resources?.map(prefixOf) ?? ['']);
      for (const prefix of prefixes) {
        const entries = byPrefix.get(prefix);
        if (entries === undefined) byPrefix.set(prefix, [entry]);
        else entries.push(entry);
      }
    }
  }
  const lengths = [...new Set([...byPrefix.keys()].map((prefix) => prefix.length))];
  return { byPrefix, lengths: lengths.sort((a, b) => a - b) };
}

function mayBeAbout({ actions, notActions }: Statement, action: string): boolean {
  // What depends on the request is asked with it.
  const isAbout = (pattern: Pattern): boolean =>
    pattern.fixed === undefined || matches(pattern, action, NO_VARIABLES, true);
  if (actions !== undefined) return actions.some(isAbout);
  return !notActions?.some((pattern) => pattern.fixed !== undefined && isAbout(pattern));
}

function prefixOf({ tokens }: Pattern): string {
  const [first] = tokens;
  return first?.kind === 'text' ? first.text : '';
}
