import type { ByteBudget } from '../../work/byte-budget.ts';
import type { HashAlgorithm } from './hash-algorithm.ts';
import type { HashThread } from './hash-thread.ts';
import { type RunningHash, startHash } from './running-hash.ts';

/** The hash of one stream. Use `update` in order, then `digest` once; `dispose` in every case. */
export interface Hasher {
  /**
   * Undefined when `chunk` is done with; else a promise, and `chunk` must not change until it resolves. The caller
   * bounds how many promises it leaves open. Rejects with `internal` when the hash thread died.
   */
  update(chunk: Uint8Array): Promise<void> | undefined;
  /** Lower-case hex. May be called while updates are open. */
  digest(): Promise<string>;
  dispose(): void;
}

/** Hashes on the calling thread: for bodies so small that a message would cost more than the hash. */
export class InlineHasher implements Hasher {
  readonly #hash: RunningHash;

  constructor(algorithm: HashAlgorithm) {
    this.#hash = startHash(algorithm);
  }

  update(chunk: Uint8Array): undefined {
    this.#hash.update(chunk);
  }

  async digest(): Promise<string> {
    return this.#hash.hex();
  }

  dispose(): void {}
}

/** Hashes in a thread; the stream stays in the thread it began in. */
export class ThreadHasher implements Hasher {
  readonly #thread: HashThread;
  readonly #stream: number;

  constructor(
    algorithm: HashAlgorithm,
    { thread, cost }: { readonly thread: HashThread; readonly cost: number },
  ) {
    this.#thread = thread;
    this.#stream = thread.start(algorithm, cost);
  }

  update(chunk: Uint8Array): Promise<void> | undefined {
    if (chunk.length === 0) return undefined;
    if (chunk.buffer instanceof SharedArrayBuffer) {
      // A plain view: a Buffer would arrive as one anyway.
      return this.#thread.update(this.#stream, new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.length));
    }
    return this.adopt(new Uint8Array(chunk));
  }

  /** Hashes bytes that nobody else uses: they move to the thread. */
  adopt(chunk: Uint8Array<ArrayBuffer>): Promise<void> {
    return this.#thread.update(this.#stream, chunk, chunk.buffer);
  }

  digest(): Promise<string> {
    return this.#thread.digest(this.#stream);
  }

  dispose(): void {
    this.#thread.drop(this.#stream);
  }
}

/**
 * For streams of unknown length: keeps a copy of the first bytes, because the state of a hash cannot move to a thread.
 * Ends inline when the stream ends early, else hands what it kept to a thread. Without room it goes there at once.
 */
export class UndecidedHasher implements Hasher {
  readonly #algorithm: HashAlgorithm;
  readonly #inlineBytes: number;
  readonly #room: ByteBudget;
  readonly #startThread: () => ThreadHasher;
  #head: Uint8Array<ArrayBuffer>[] = [];
  #headBytes = 0;
  #inThread: ThreadHasher | undefined;

  constructor(options: {
    readonly algorithm: HashAlgorithm;
    readonly inlineBytes: number;
    readonly room: ByteBudget;
    readonly startThread: () => ThreadHasher;
  }) {
    this.#algorithm = options.algorithm;
    this.#inlineBytes = options.inlineBytes;
    this.#room = options.room;
    this.#startThread = options.startThread;
  }

  update(chunk: Uint8Array): Promise<void> | undefined {
    if (this.#inThread !== undefined) return this.#inThread.update(chunk);
    const fits = this.#headBytes + chunk.length <= this.#inlineBytes && this.#room.tryTake(chunk.length);
    if (fits) {
      this.#head.push(new Uint8Array(chunk));
      this.#headBytes += chunk.length;
      return undefined;
    }
    const inThread = this.#startThread();
    this.#inThread = inThread;
    const handed = [...this.#head.map((kept) => inThread.adopt(kept)), inThread.update(chunk)];
    const headBytes = this.#forgetHead();
    return Promise.all(handed)
      .then(() => undefined)
      .finally(() => this.#room.give(headBytes));
  }

  async digest(): Promise<string> {
    if (this.#inThread !== undefined) return this.#inThread.digest();
    const hash = startHash(this.#algorithm);
    for (const kept of this.#head) hash.update(kept);
    this.#room.give(this.#forgetHead());
    return hash.hex();
  }

  dispose(): void {
    this.#inThread?.dispose();
    this.#room.give(this.#forgetHead());
  }

  #forgetHead(): number {
    const bytes = this.#headBytes;
    this.#head = [];
    this.#headBytes = 0;
    return bytes;
  }
}
