import { Worker } from 'node:worker_threads';
import { StoreError } from '@zot-artifact-store/spec';
import type { Commit, CommitResult } from '../metadata-store.ts';
import { COMMITTED, NO_SPACE, type Outcome } from './apply-batch.ts';
import { encodeCommit } from './commit-frame.ts';
import type { EnvironmentOptions } from './environment.ts';
import type { FromWriter, ToWriter } from './writer-thread.ts';

interface Waiting {
  resolve(result: CommitResult): void;
  reject(error: StoreError): void;
}

export interface WriterOptions extends EnvironmentOptions {
  /** Called before the results of a batch are told, so that whoever hears of a commit also reads it. */
  onCommitted(): void;
  /** Called once, when the writer cannot go on. Every commit then rejects. */
  onFatal(error: StoreError): void;
  /** For tests of a thread that misbehaves. */
  readonly thread?: URL;
}

/** Requests in flight are far below this; past it the client is told to come back. */
const MAX_WAITING = 16_384;

/** The main thread's end of the writer thread. */
export class Writer {
  readonly #options: WriterOptions;
  readonly #waiting = new Map<number, Waiting>();
  #worker: Worker | undefined;
  #nextId = 0;
  #failure: StoreError | undefined;
  #closing = false;
  #onIdle: (() => void) | undefined;

  constructor(options: WriterOptions) {
    this.#options = options;
  }

  /** Resolves when the thread has opened the environment. */
  async start(): Promise<void> {
    const { path, mapSizeBytes, thread = threadFile() } = this.#options;
    const workerData: EnvironmentOptions = { path, mapSizeBytes };
    const worker = new Worker(thread, { workerData, name: 'metadata-writer' });
    this.#worker = worker;
    await new Promise<void>((resolve, reject) => {
      worker.on('message', (message: FromWriter) => {
        if (message.kind === 'ready') resolve();
        else if (message.kind === 'done') this.#settle(message.results);
        else this.#fail(new Error(message.message));
      });
      worker.once('error', (error) => {
        reject(error);
        this.#fail(error);
      });
      worker.once('exit', () => {
        const ended = new Error('the metadata writer thread ended');
        reject(ended);
        if (!this.#closing) this.#fail(ended);
      });
    });
    // From here on only commits under way keep the process alive.
    worker.unref();
  }

  /** Rejects with `unavailable` when the writer has failed or is overloaded, with `storage-full` on a full disk. */
  commit(commit: Commit): Promise<CommitResult> {
    const worker = this.#worker;
    if (this.#failure !== undefined) return Promise.reject(laterError(this.#failure));
    if (worker === undefined || this.#closing) {
      return Promise.reject(new StoreError('unavailable', 'the metadata store is closed'));
    }
    if (this.#waiting.size >= MAX_WAITING) {
      return Promise.reject(
        new StoreError('unavailable', 'too many changes are waiting to be written; try again', {
          retryAfterSeconds: 1,
        }),
      );
    }
    const id = this.#takeId();
    const frame = encodeCommit(id, commit);
    return new Promise((resolve, reject) => {
      if (this.#waiting.size === 0) worker.ref();
      this.#waiting.set(id, { resolve, reject });
      worker.postMessage(frame satisfies ToWriter, [frame.buffer]);
    });
  }

  /** Waits for the commits under way, then ends the thread. */
  async close(): Promise<void> {
    const worker = this.#worker;
    if (worker === undefined || this.#closing) return;
    this.#closing = true;
    if (this.#waiting.size > 0) {
      await new Promise<void>((resolve) => {
        this.#onIdle = resolve;
      });
    }
    if (this.#failure !== undefined) {
      await worker.terminate();
      return;
    }
    const ended = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
    worker.ref();
    worker.postMessage('close' satisfies ToWriter);
    await ended;
  }

  #takeId(): number {
    do this.#nextId = (this.#nextId + 1) >>> 0;
    while (this.#waiting.has(this.#nextId));
    return this.#nextId;
  }

  #settle(results: readonly (readonly [number, Outcome])[]): void {
    this.#options.onCommitted();
    for (const [id, outcome] of results) {
      const waiting = this.#waiting.get(id);
      this.#waiting.delete(id);
      if (outcome === COMMITTED) waiting?.resolve({ ok: true });
      else if (outcome === NO_SPACE) waiting?.reject(storageFull());
      else waiting?.resolve({ ok: false, failed: outcome });
    }
    this.#rest();
  }

  #fail(cause: Error): void {
    if (this.#failure !== undefined) return;
    const failure = new StoreError(
      'unavailable',
      'the metadata store could not write and has stopped; whether this change was stored is unknown',
      { cause },
    );
    this.#failure = failure;
    for (const waiting of this.#waiting.values()) waiting.reject(failure);
    this.#waiting.clear();
    this.#rest();
    this.#options.onFatal(failure);
  }

  #rest(): void {
    if (this.#waiting.size > 0) return;
    this.#worker?.unref();
    this.#onIdle?.();
  }
}

/** The sources run as they are; the published JavaScript has the same layout. */
function threadFile(): URL {
  const file = import.meta.url.endsWith('.ts') ? './writer-thread.ts' : './writer-thread.js';
  return new URL(file, import.meta.url);
}

export function storageFull(): StoreError {
  return new StoreError(
    'storage-full',
    'the disk of the metadata store is full; nothing was changed, and deleting still works',
  );
}

function laterError(failure: StoreError): StoreError {
  return new StoreError('unavailable', 'the metadata store has stopped after a write error', {
    cause: failure,
  });
}
