import { encodeKey } from '../metadata/keys.ts';
import type { Check, Key, MetadataStore } from '../metadata/metadata-store.ts';
import { recordCodec } from '../metadata/record.ts';

/** Table mark L: leases, their fences, and when each scheduled task last ran. */
const TABLE = 0x4c;

export const leaseKeys = {
  held: (name: string): Key => encodeKey(TABLE, name, 'held'),
  /** Outlives the lease, so that tokens never repeat. */
  fence: (name: string): Key => encodeKey(TABLE, name, 'fence'),
  lastRun: (name: string): Key => encodeKey(TABLE, name, 'last-run'),
};

const heldCodec = recordCodec<{
  readonly holder: string;
  readonly token: number;
  readonly expiresAtMs: number;
}>('lease', 1);
const fenceCodec = recordCodec<number>('lease fence', 1);

/**
 * The right to do something alone for a while. Time alone cannot prove that (a process may be stopped between looking
 * at the clock and writing), so whoever writes under a lease adds `fence` to its commits: it stops holding the moment
 * somebody else takes over.
 */
export interface Lease {
  /** Higher than that of every earlier holder. */
  readonly token: number;
  /** Holds as long as nobody else has taken the lease since; renewing does not disturb it. */
  readonly fence: Check;
  /** By the clock given; past it others may take over. */
  readonly expiresAtMs: number;
  /** Starts a new ttl. False when the lease is lost. Rejects when the store cannot tell. */
  renew(): Promise<boolean>;
  /** Lets others in at once; nothing happens when the lease was lost already. */
  release(): Promise<void>;
}

/**
 * Takes the lease `name` when nobody holds it or its holder's time is over; undefined otherwise. `holder` is for
 * people; a second acquire by the same holder waits like everyone's. `clock` is wall-clock time, shared with the other
 * processes.
 */
export async function acquireLease(
  store: MetadataStore,
  name: string,
  holder: string,
  ttlMs: number,
  clock: { now(): number },
): Promise<Lease | undefined> {
  const heldKey = leaseKeys.held(name);
  const fenceKey = leaseKeys.fence(name);
  const [held, fence] = await store.getMany([heldKey, fenceKey]);
  const nowMs = clock.now();
  if (held !== undefined) {
    const leftMs = heldCodec.decode(held).expiresAtMs - nowMs;
    // More than any ttl can be left only when the clock was set back; waiting for it could take for ever.
    if (leftMs > 0 && leftMs <= 2 * ttlMs) return undefined;
  }
  const token = (fence === undefined ? 0 : fenceCodec.decode(fence)) + 1;
  const expiresAtMs = nowMs + ttlMs;
  const value = heldCodec.encode({ holder, token, expiresAtMs });
  const fenceValue = fenceCodec.encode(token);
  const { ok } = await store.commit({
    checks: [unchanged(heldKey, held), unchanged(fenceKey, fence)],
    puts: [
      { key: heldKey, value },
      { key: fenceKey, value: fenceValue },
    ],
    // The collector, too, works under a lease.
    mayUseReserve: true,
  });
  if (!ok) return undefined;
  return new HeldLease({
    store,
    heldKey,
    holder,
    token,
    ttlMs,
    clock,
    value,
    expiresAtMs,
    fenceKey,
    fenceValue,
  });
}

interface HeldLeaseOptions {
  readonly store: MetadataStore;
  readonly clock: { now(): number };
  readonly heldKey: Key;
  readonly fenceKey: Key;
  readonly fenceValue: Uint8Array;
  readonly holder: string;
  readonly token: number;
  readonly ttlMs: number;
  readonly value: Uint8Array;
  readonly expiresAtMs: number;
}

class HeldLease implements Lease {
  readonly token: number;
  readonly fence: Check;
  readonly #options: HeldLeaseOptions;
  #value: Uint8Array;
  #expiresAtMs: number;
  /** Renewals and release are one after the other: each builds on the value the one before has written. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: HeldLeaseOptions) {
    this.#options = options;
    this.token = options.token;
    this.fence = { key: options.fenceKey, is: 'equal', value: options.fenceValue };
    this.#value = options.value;
    this.#expiresAtMs = options.expiresAtMs;
  }

  get expiresAtMs(): number {
    return this.#expiresAtMs;
  }

  renew(): Promise<boolean> {
    return this.#inTurn(async () => {
      const { store, clock, heldKey, holder, token, ttlMs } = this.#options;
      const expiresAtMs = clock.now() + ttlMs;
      const value = heldCodec.encode({ holder, token, expiresAtMs });
      // Compares with what we wrote last: also after our time is over this succeeds only if nobody took over.
      const { ok } = await store.commit({
        checks: [this.fence, { key: heldKey, is: 'equal', value: this.#value }],
        puts: [{ key: heldKey, value }],
        mayUseReserve: true,
      });
      if (!ok) return false;
      this.#value = value;
      this.#expiresAtMs = expiresAtMs;
      return true;
    });
  }

  release(): Promise<void> {
    return this.#inTurn(async () => {
      const { store, heldKey } = this.#options;
      await store.commit({
        checks: [this.fence, { key: heldKey, is: 'equal', value: this.#value }],
        deletes: [heldKey],
      });
    });
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#last.then(work, work);
    this.#last = result.catch(() => {});
    return result;
  }
}

function unchanged(key: Key, value: Uint8Array | undefined): Check {
  return value === undefined ? { key, is: 'absent' } : { key, is: 'equal', value };
}
