import { Worker } from 'node:worker_threads';
import { StoreError } from '@zot-artifact-store/spec';
import type { HashAlgorithm } from './hash-algorithm.ts';
import type { HashReply, HashRequest } from './hash-messages.ts';

interface ThreadStream {
  readonly cost: number;
  /** Updates not answered yet, oldest first. */
  readonly updates: PromiseWithResolvers<void>[];
  digest?: PromiseWithResolvers<string>;
  dropped: boolean;
}

/**
 * One worker thread and the streams it hashes. It keeps the process alive only while a stream is in it. When it dies
 * every stream in it rejects with `internal`, and `onDeath` is called so that the pool starts another.
 */
export class HashThread {
  readonly #worker: Worker;
  readonly #streams = new Map<number, ThreadStream>();
  #burden = 0;
  #nextStream = 0;
  #death: StoreError | undefined;

  constructor(onDeath: (thread: HashThread) => void) {
    // The published package runs the emitted JavaScript, the repository the sources.
    const entry = import.meta.url.endsWith('.ts') ? './hash-worker.ts' : './hash-worker.js';
    this.#worker = new Worker(new URL(entry, import.meta.url), { name: 'hash', execArgv: [] });
    this.#worker.unref();
    this.#worker.on('message', (reply: HashReply) => this.#receive(reply));
    const die = (cause: unknown) => {
      if (this.#death !== undefined) return;
      this.#die(new StoreError('internal', 'a hashing thread ended unexpectedly', { cause }));
      onDeath(this);
    };
    this.#worker.on('error', die);
    this.#worker.on('messageerror', die);
    this.#worker.on('exit', die);
  }

  /** The sum of the costs of the streams in it. */
  get burden(): number {
    return this.#burden;
  }

  /** `cost` is what a byte costs, compared with other algorithms. */
  start(algorithm: HashAlgorithm, cost: number): number {
    const stream = this.#nextStream++;
    this.#streams.set(stream, { cost, updates: [], dropped: false });
    this.#burden += cost;
    this.#worker.ref();
    this.#send({ do: 'start', stream, algorithm });
    return stream;
  }

  /** Resolves when `bytes` are hashed. They must be on shared memory, or owned: `owned` bytes are moved, not copied. */
  update(stream: number, bytes: Uint8Array, owned?: ArrayBuffer): Promise<void> {
    const answer = Promise.withResolvers<void>();
    const state = this.#streams.get(stream);
    if (state === undefined) return Promise.reject(this.#gone());
    state.updates.push(answer);
    this.#send({ do: 'bytes', stream, bytes }, owned);
    return answer.promise;
  }

  digest(stream: number): Promise<string> {
    const state = this.#streams.get(stream);
    if (state === undefined) return Promise.reject(this.#gone());
    state.digest = Promise.withResolvers<string>();
    this.#send({ do: 'digest', stream });
    return state.digest.promise;
  }

  /** Forgets the stream. Updates under way still resolve, because their buffers are in use until then. */
  drop(stream: number): void {
    const state = this.#streams.get(stream);
    if (state === undefined || state.dropped || state.digest !== undefined) return;
    state.dropped = true;
    this.#send({ do: 'drop', stream });
    if (state.updates.length === 0) this.#forget(stream);
  }

  async close(): Promise<void> {
    this.#die(new StoreError('unavailable', 'the server is stopping'));
    await this.#worker.terminate();
  }

  #send(request: HashRequest, owned?: ArrayBuffer): void {
    this.#worker.postMessage(request, owned === undefined ? [] : [owned]);
  }

  #receive(reply: HashReply): void {
    const state = this.#streams.get(reply.stream);
    if (state === undefined) return;
    if (reply.done === 'hashed') {
      state.updates.shift()?.resolve();
      if (state.dropped && state.updates.length === 0) this.#forget(reply.stream);
    } else {
      state.digest?.resolve(reply.hex);
      this.#forget(reply.stream);
    }
  }

  #forget(stream: number): void {
    this.#burden -= this.#streams.get(stream)?.cost ?? 0;
    this.#streams.delete(stream);
    if (this.#streams.size === 0) this.#worker.unref();
  }

  #die(error: StoreError): void {
    this.#death ??= error;
    const streams = [...this.#streams.values()];
    this.#streams.clear();
    for (const { updates, digest } of streams) {
      for (const answer of updates) answer.reject(this.#death);
      digest?.reject(this.#death);
    }
  }

  #gone(): StoreError {
    return this.#death ?? new StoreError('internal', 'the hash of this stream was already taken or dropped');
  }
}
