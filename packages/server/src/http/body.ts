import type { IncomingMessage, ServerResponse } from 'node:http';
import { StoreError } from '@zot-artifact-store/spec';
import { lendOwned } from '../work/lent-bytes.ts';
import type { RequestBody } from './protocol.ts';

export interface IncomingBodyOptions {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly declaredBytes: number | undefined;
  /** The client holds the body back until it sees `100 Continue`. */
  readonly awaitsContinue: boolean;
  /** Without a byte for so long, a waiting reader gets `request-timeout`; 0 waits for ever. */
  readonly idleTimeoutMs: number;
}

/** The socket is left alone while this much waits for a slower reader. */
const MAX_QUEUED_BYTES = 128 * 1024;
const DONE: IteratorResult<Uint8Array> = { done: true, value: undefined };

interface Waiter {
  resolve(result: IteratorResult<Uint8Array>): void;
  reject(error: unknown): void;
}

/** Nothing is read, and no `100 Continue` sent, before the first pull. */
export class IncomingBody implements RequestBody, AsyncIterator<Uint8Array> {
  readonly declaredBytes: number | undefined;
  /** Bytes that arrived so far, whether or not they were pulled. */
  receivedBytes = 0;
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #idleTimeoutMs: number;
  #awaitsContinue: boolean;
  #state: 'untouched' | 'reading' | 'ended' | 'abandoned' = 'untouched';
  #isIterated = false;
  #isPaused = false;
  #error: StoreError | undefined;
  #queue: Buffer[] = [];
  #queuedBytes = 0;
  #waiter: Waiter | undefined;
  #idleTimer: NodeJS.Timeout | undefined;

  constructor(options: IncomingBodyOptions) {
    this.#request = options.request;
    this.#response = options.response;
    this.declaredBytes = options.declaredBytes;
    this.#awaitsContinue = options.awaitsContinue;
    this.#idleTimeoutMs = options.idleTimeoutMs;
    if (options.declaredBytes === 0) this.#state = 'ended';
  }

  /** Whether the client may not have sent the body, because it was never told to. */
  get isHeldBack(): boolean {
    return this.#awaitsContinue && this.#state === 'untouched';
  }

  /** Whether everything the client announced has arrived. */
  get isComplete(): boolean {
    return this.#state === 'ended' || this.#request.complete;
  }

  /** Whether it was given up because nothing more came. */
  get isOverdue(): boolean {
    return this.#error?.kind === 'request-timeout';
  }

  [Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    if (this.#isIterated) throw new Error('a request body can be read only once');
    this.#isIterated = true;
    return this;
  }

  next(): Promise<IteratorResult<Uint8Array>> {
    const chunk = this.#queue.shift();
    if (chunk !== undefined) {
      this.#queuedBytes -= chunk.length;
      if (this.#isPaused && this.#queuedBytes < MAX_QUEUED_BYTES / 2) this.#resume();
      return Promise.resolve({ done: false, value: lendOwned(chunk) });
    }
    if (this.#error !== undefined) return Promise.reject(this.#error);
    if (this.#state === 'ended' || this.#state === 'abandoned') return Promise.resolve(DONE);
    return new Promise((resolve, reject) => {
      this.#waiter = { resolve, reject };
      if (this.#state === 'untouched') this.#start();
      else if (this.#isPaused) this.#resume();
      this.#armIdleTimer();
    });
  }

  return(): Promise<IteratorResult<Uint8Array>> {
    if (this.#state === 'reading') {
      this.#detach();
      this.#request.pause();
    }
    if (this.#state !== 'ended') this.#state = 'abandoned';
    this.#queue = [];
    this.#queuedBytes = 0;
    return Promise.resolve(DONE);
  }

  async collect(limitBytes: number): Promise<Buffer> {
    const declared = this.declaredBytes;
    if (declared !== undefined && declared > limitBytes) throw tooLarge(limitBytes);
    const chunks: Uint8Array[] = [];
    let sizeBytes = 0;
    for await (const chunk of this) {
      sizeBytes += chunk.length;
      if (sizeBytes > limitBytes) throw tooLarge(limitBytes);
      chunks.push(chunk);
    }
    // Always a copy: a chunk is a view of a whole socket read, which a caller that keeps it would keep too.
    return Buffer.concat(chunks, sizeBytes);
  }

  /** The rest cannot be read: `error` goes to whoever reads it. What had arrived can still be pulled. */
  fail(error: StoreError): void {
    if (this.#state === 'ended' || this.#error !== undefined) return;
    this.#error = error;
    this.#detach();
    const waiter = this.#takeWaiter();
    waiter?.reject(error);
  }

  /** Lets go of the request once the response is done with. */
  dispose(): void {
    if (this.#state === 'reading') this.#detach();
  }

  #start(): void {
    this.#state = 'reading';
    if (this.#request.destroyed && !this.#request.complete) {
      this.fail(incomplete());
      return;
    }
    this.#request.on('data', this.#onData);
    this.#request.on('end', this.#onEnd);
    this.#request.on('error', this.#onGone);
    this.#request.on('close', this.#onGone);
    if (this.#awaitsContinue) {
      this.#awaitsContinue = false;
      if (!this.#response.headersSent) this.#response.writeContinue();
    }
  }

  #detach(): void {
    clearTimeout(this.#idleTimer);
    this.#idleTimer = undefined;
    this.#request.off('data', this.#onData);
    this.#request.off('end', this.#onEnd);
    this.#request.off('close', this.#onGone);
    // The `error` listener stays: an abort after this must not become an uncaught exception.
  }

  #resume(): void {
    this.#isPaused = false;
    this.#request.resume();
  }

  readonly #onData = (chunk: Buffer): void => {
    this.receivedBytes += chunk.length;
    const waiter = this.#takeWaiter();
    if (waiter !== undefined) {
      waiter.resolve({ done: false, value: lendOwned(chunk) });
      return;
    }
    this.#queue.push(chunk);
    this.#queuedBytes += chunk.length;
    if (this.#queuedBytes >= MAX_QUEUED_BYTES) {
      this.#isPaused = true;
      this.#request.pause();
    }
  };

  readonly #onEnd = (): void => {
    this.#state = 'ended';
    this.#detach();
    this.#takeWaiter()?.resolve(DONE);
  };

  readonly #onGone = (): void => {
    if (this.#state === 'reading') this.fail(incomplete());
  };

  #takeWaiter(): Waiter | undefined {
    const waiter = this.#waiter;
    this.#waiter = undefined;
    return waiter;
  }

  #armIdleTimer(): void {
    if (this.#idleTimeoutMs === 0 || this.#waiter === undefined) return;
    if (this.#idleTimer === undefined) {
      this.#idleTimer = setTimeout(this.#onIdle, this.#idleTimeoutMs);
    } else {
      this.#idleTimer.refresh();
    }
  }

  readonly #onIdle = (): void => {
    this.#idleTimer = undefined;
    if (this.#waiter === undefined) return;
    this.fail(
      new StoreError(
        'request-timeout',
        `no byte of the body arrived for ${this.#idleTimeoutMs / 1000} seconds`,
      ),
    );
  };
}

function tooLarge(limitBytes: number): StoreError {
  return new StoreError('body-too-large', `the request body is larger than ${limitBytes} bytes`, {
    detail: { limitBytes },
  });
}

function incomplete(): StoreError {
  return new StoreError('request-incomplete', 'the connection ended before the whole body arrived');
}
