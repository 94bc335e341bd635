import { setTimeout } from 'node:timers/promises';
import { StoreError } from '@zot-artifact-store/spec';
import type { Check, Entry, Key, MetadataStore } from './metadata-store.ts';

/** Collects one commit. Domain code adds what it decided on (checks) and what it changes (puts, deletes). */
export class Transaction {
  readonly checks: Check[] = [];
  readonly puts: Entry[] = [];
  readonly deletes: Key[] = [];
  /** See `Commit.mayUseReserve`. */
  mayUseReserve = false;

  expectAbsent(key: Key): void {
    this.checks.push({ key, is: 'absent' });
  }

  expectPresent(key: Key): void {
    this.checks.push({ key, is: 'present' });
  }

  /** Expects the value read earlier, or absence when it was absent. */
  expectUnchanged(key: Key, value: Uint8Array | undefined): void {
    this.checks.push(value === undefined ? { key, is: 'absent' } : { key, is: 'equal', value });
  }

  expectEmpty(prefix: Key): void {
    this.checks.push({ prefix, is: 'empty' });
  }

  put(key: Key, value: Uint8Array): void {
    this.puts.push({ key, value });
  }

  delete(key: Key): void {
    this.deletes.push(key);
  }
}

/** Past it the client is told to retry. */
const MAX_ATTEMPTS = 64;
/** After so many lost attempts a transaction pauses before the next. */
const EAGER_ATTEMPTS = 4;
const MIN_ROUND_MS = 2;
const MAX_PAUSE_MS = 5_000;

/**
 * Read, decide, commit; again when another writer was faster. `attempt` must read what it decides on through the
 * store each time and add the matching checks. Returns what the winning attempt returned. Throws whatever `attempt`
 * throws, and `conflict` when MAX_ATTEMPTS commits lost.
 *
 * Of writers that race for one record one wins each round, and luck alone would starve some: so losers pause for
 * random, growing times, which thins the race out until everyone has won. What is short is measured by a round: where a
 * disk takes long for a commit, pauses below that would send everyone into the next one together. A hot tag costs its
 * writers time, not errors.
 */
export async function transact<T>(
  store: MetadataStore,
  attempt: (transaction: Transaction) => Promise<T> | T,
): Promise<T> {
  for (let tries = 1; tries <= MAX_ATTEMPTS; tries++) {
    const begunMs = performance.now();
    const transaction = new Transaction();
    const result = await attempt(transaction);
    if (transaction.puts.length === 0 && transaction.deletes.length === 0) return result;
    if ((await store.commit(transaction)).ok) return result;
    if (tries < EAGER_ATTEMPTS) continue;
    const roundMs = Math.max(MIN_ROUND_MS, performance.now() - begunMs);
    await setTimeout(Math.min(MAX_PAUSE_MS, Math.random() * tries * roundMs));
  }
  throw new StoreError('conflict', 'too many concurrent changes to the same record; try again', {
    retryAfterSeconds: 1,
  });
}
