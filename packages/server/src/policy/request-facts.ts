import type { RequestHead } from '../http/protocol.ts';
import type { ConditionValues } from './condition.ts';

/** What somebody who knows more of a request than its head says of it, for conditions. */
export interface RequestFacts {
  /** Before everything else; undefined for keys it knows nothing of. */
  readonly values?: ConditionValues;
  /** The head its headers are looked up in, where they came in the query. */
  readonly head?: RequestHead;
  /** Whom the request comes from, where a trusted proxy speaks for somebody. */
  readonly clientAddress?: string;
}

const facts = new WeakMap<RequestHead, RequestFacts>();

export function rememberFacts(head: RequestHead, known: RequestFacts): void {
  facts.set(head, known);
}

export function factsOf(head: RequestHead): RequestFacts | undefined {
  return facts.get(head);
}
