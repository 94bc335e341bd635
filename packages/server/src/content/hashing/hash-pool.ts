import { StoreError } from '@zot-artifact-store/spec';
import { ByteBudget } from '../../work/byte-budget.ts';
import type { HashAlgorithm } from './hash-algorithm.ts';
import { HashThread } from './hash-thread.ts';
import { type Hasher, InlineHasher, ThreadHasher, UndecidedHasher } from './hasher.ts';
import { SharedBuffers } from './shared-buffers.ts';

export interface HashPoolOptions {
  readonly threads?: number;
  /**
   * Bodies known to cost no more than the sha256 of so many bytes are hashed where they are: 1 MiB unless given, which
   * takes half a millisecond. Messages to a thread and back cost more.
   */
  readonly inlineBytes?: number;
  /** As much of a body of unknown size is kept before it goes to a thread: 256 KiB unless given. */
  readonly undecidedBytes?: number;
  /** Bounds the buffers between socket, file and hash, of all streams together: 48 MiB unless given. */
  readonly budget?: ByteBudget;
}

/** What a byte costs, roughly, in tenths of a nanosecond. */
const COST: Readonly<Record<HashAlgorithm, number>> = {
  crc32: 3,
  sha1: 6,
  sha256: 6,
  crc32c: 6,
  crc64nvme: 10,
  md5: 14,
  sha512: 16,
};

/**
 * Hashing off the event loop: a few threads, started when the first long stream comes, shared by all streams. Also
 * owns the shared memory that streams are coalesced into, so that one copy serves the file and the hash.
 */
export class HashPool {
  readonly buffers: SharedBuffers;
  readonly #threads: (HashThread | undefined)[];
  readonly #inlineBytes: number;
  readonly #undecidedBytes: number;
  /** Apart from the buffers: a beginning is kept as long as its client is slow, a buffer never. */
  readonly #heads = new ByteBudget(16 * 1024 * 1024);
  #closed = false;

  constructor(options: HashPoolOptions = {}) {
    this.#threads = new Array<HashThread | undefined>(options.threads ?? 2).fill(undefined);
    this.#inlineBytes = options.inlineBytes ?? 1024 * 1024;
    this.#undecidedBytes = options.undecidedBytes ?? Math.min(this.#inlineBytes, 256 * 1024);
    this.buffers = new SharedBuffers(options.budget ?? new ByteBudget(48 * 1024 * 1024));
  }

  /** Threads alive now. */
  get startedThreads(): number {
    return this.#threads.filter((thread) => thread !== undefined).length;
  }

  /** `expectedBytes` is a hint: a longer stream is still hashed right, a known one needs no copy of its beginning. */
  hasher(algorithm: HashAlgorithm, options: { readonly expectedBytes?: number } = {}): Hasher {
    const [hasher] = this.hashers([algorithm], options);
    if (hasher === undefined) throw new RangeError('one algorithm gives one hasher');
    return hasher;
  }

  /** Hashers of one stream, in the order of `algorithms`, on different threads where there are enough. */
  hashers(
    algorithms: readonly HashAlgorithm[],
    options: { readonly expectedBytes?: number } = {},
  ): readonly Hasher[] {
    const { expectedBytes } = options;
    const used = new Set<number>();
    const started = new Map<HashAlgorithm, Hasher>();
    // The slow ones choose their threads first, so that the quick ones share the rest.
    for (const algorithm of [...algorithms].sort((a, b) => COST[b] - COST[a])) {
      started.set(algorithm, this.#start(algorithm, expectedBytes, used));
    }
    return algorithms.flatMap((algorithm) => started.get(algorithm) ?? []);
  }

  #start(algorithm: HashAlgorithm, expectedBytes: number | undefined, used: Set<number>): Hasher {
    const startThread = () =>
      new ThreadHasher(algorithm, { thread: this.#thread(used), cost: COST[algorithm] });
    if (expectedBytes === undefined) {
      return new UndecidedHasher({
        algorithm,
        inlineBytes: this.#undecidedBytes,
        room: this.#heads,
        startThread,
      });
    }
    const isCheap = expectedBytes * COST[algorithm] <= this.#inlineBytes * COST.sha256;
    return isCheap ? new InlineHasher(algorithm) : startThread();
  }

  /** Ends the threads; streams in them reject with `unavailable`. */
  async close(): Promise<void> {
    this.#closed = true;
    const threads = this.#threads.filter((thread) => thread !== undefined);
    this.#threads.fill(undefined);
    await Promise.all(threads.map((thread) => thread.close()));
  }

  /** The thread with the least to do, before all one that this stream does not use yet. */
  #thread(used: Set<number>): HashThread {
    if (this.#closed) throw new StoreError('unavailable', 'the server is stopping');
    const burden = (slot: number) => (used.has(slot) ? 1e9 : 0) + (this.#threads[slot]?.burden ?? 0);
    let best = 0;
    for (let slot = 1; slot < this.#threads.length; slot++) if (burden(slot) < burden(best)) best = slot;
    used.add(best);
    const thread =
      this.#threads[best] ??
      new HashThread((dead) => {
        const slot = this.#threads.indexOf(dead);
        if (slot >= 0) this.#threads[slot] = undefined;
      });
    this.#threads[best] = thread;
    return thread;
  }
}
