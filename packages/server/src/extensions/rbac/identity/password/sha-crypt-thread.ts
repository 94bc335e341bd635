import { Worker } from 'node:worker_threads';
import { StoreError } from '@zot-artifact-store/spec';
import type { ShaCryptAnswer, ShaCryptQuestion } from './sha-crypt-worker.ts';

/**
 * Checks SHA-crypt passwords on a thread of its own, which is started when it is first needed: thousands of rounds
 * would hold up every other request. Whoever asks bounds how many questions wait.
 */
export class ShaCryptThread {
  readonly #waiting = new Map<number, PromiseWithResolvers<boolean>>();
  #worker: Worker | undefined;
  #nextId = 0;
  #isClosed = false;

  /** Throws `internal` when the thread dies and `unavailable` after `close`. */
  verify(password: string, hash: string): Promise<boolean> {
    if (this.#isClosed) return Promise.reject(new StoreError('unavailable', 'the server is stopping'));
    const answer = Promise.withResolvers<boolean>();
    const id = this.#nextId++;
    this.#waiting.set(id, answer);
    this.#worker ??= this.#start();
    this.#worker.postMessage({ id, password, hash } satisfies ShaCryptQuestion);
    return answer.promise;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    const worker = this.#worker;
    this.#end(new StoreError('unavailable', 'the server is stopping'));
    await worker?.terminate();
  }

  #start(): Worker {
    // The published package runs the emitted JavaScript, the repository the sources.
    const entry = import.meta.url.endsWith('.ts') ? './sha-crypt-worker.ts' : './sha-crypt-worker.js';
    const worker = new Worker(new URL(entry, import.meta.url), { name: 'sha-crypt', execArgv: [] });
    worker.unref();
    worker.on('message', ({ id, isRight }: ShaCryptAnswer) => {
      this.#waiting.get(id)?.resolve(isRight);
      this.#waiting.delete(id);
    });
    const die = (cause: unknown): void => {
      if (this.#worker !== worker) return;
      this.#end(new StoreError('internal', 'the thread that checks passwords ended unexpectedly', { cause }));
    };
    worker.on('error', die);
    worker.on('exit', die);
    return worker;
  }

  #end(error: StoreError): void {
    this.#worker = undefined;
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const answer of waiting) answer.reject(error);
  }
}
