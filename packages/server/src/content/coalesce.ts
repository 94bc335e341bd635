import { StoreError } from '@zot-artifact-store/spec';
import { giveBackBytes } from '../work/lent-bytes.ts';
import {
  type BufferLease,
  LARGE_BUFFER_BYTES,
  type SharedBuffers,
  SMALL_BUFFER_BYTES,
} from './hashing/shared-buffers.ts';

/** A part of the stream in leased memory; whoever takes it releases it. */
export interface Filled {
  readonly bytes: Buffer;
  release(): void;
}

/**
 * Copies a stream of socket-sized chunks into larger buffers. A buffer is handed over when it is full, or when the
 * consumer waits and one turn of the event loop brought nothing more: it never waits for bytes that are not there yet,
 * and while the source is silent no buffer is held. Data that comes fast gets large buffers, data that trickles small.
 */
export class Coalescer {
  readonly #iterator: AsyncIterator<Uint8Array>;
  readonly #buffers: SharedBuffers;
  readonly #maxBytes: number;
  readonly #signal: AbortSignal;
  #pull: Promise<IteratorResult<Uint8Array>> | undefined;
  #chunk: Uint8Array | undefined;
  /** What of the chunk is not copied yet; undefined when all of it is. */
  #rest: Uint8Array | undefined;
  #ended = false;
  #wantedBytes = SMALL_BUFFER_BYTES;
  #sizeBytes = 0;

  constructor(
    source: AsyncIterable<Uint8Array>,
    options: {
      readonly buffers: SharedBuffers;
      /** `body-too-large` above. */
      readonly maxBytes?: number | undefined;
      /** A hint: what is known to be long begins with a large buffer. */
      readonly expectedBytes?: number | undefined;
      readonly signal?: AbortSignal | undefined;
    },
  ) {
    this.#iterator = source[Symbol.asyncIterator]();
    this.#buffers = options.buffers;
    this.#maxBytes = options.maxBytes ?? Number.POSITIVE_INFINITY;
    if ((options.expectedBytes ?? 0) > SMALL_BUFFER_BYTES) this.#wantedBytes = LARGE_BUFFER_BYTES;
    this.#signal = options.signal ?? new AbortController().signal;
  }

  /** Bytes taken from the source so far. */
  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  /** The next buffer, or undefined at the end. `wanted` resolves when the consumer has nothing else to do. */
  async fill(wanted: Promise<void>): Promise<Filled | undefined> {
    if (!(await this.#more())) return undefined;
    const lease = await this.#buffers.lease(this.#wantedBytes, this.#signal);
    let length = 0;
    try {
      while (length < lease.bytes.length) {
        if (this.#rest === undefined) {
          if (!(await this.#arrives(wanted)) || !(await this.#more())) break;
        }
        length += this.#copyTo(lease, length);
      }
    } catch (error) {
      lease.release();
      throw error;
    }
    this.#adapt(length, lease.bytes.length);
    return { bytes: lease.bytes.subarray(0, length), release: lease.release };
  }

  /** Tells the source to finish, unless it did. One that hangs in a pull is told, but not waited for. */
  async close(): Promise<void> {
    if (this.#ended) return;
    this.#ended = true;
    const isPulling = this.#pull !== undefined;
    this.#pull?.catch(() => undefined);
    const returned = Promise.resolve(this.#iterator.return?.()).catch(() => undefined);
    if (!isPulling) await returned;
  }

  /** Whether the source has more; after true there is a rest to copy. */
  async #more(): Promise<boolean> {
    while (this.#rest === undefined && !this.#ended) {
      this.#pull ??= this.#iterator.next();
      const step = await this.#pull.catch((error: unknown) => {
        this.#ended = true;
        throw error;
      });
      this.#pull = undefined;
      if (step.done === true) {
        this.#ended = true;
      } else if (step.value.length > 0) {
        this.#sizeBytes += step.value.length;
        if (this.#sizeBytes > this.#maxBytes) {
          throw new StoreError('body-too-large', `the content is larger than ${this.#maxBytes} bytes`);
        }
        this.#chunk = step.value;
        this.#rest = step.value;
      }
    }
    return this.#rest !== undefined;
  }

  /** Starts a pull, and says whether it ends before the consumer has waited for one turn of the event loop. */
  #arrives(wanted: Promise<void>): Promise<boolean> {
    if (this.#ended) return Promise.resolve(true);
    this.#pull ??= this.#iterator.next();
    const arrived = this.#pull.then(
      () => true,
      () => true,
    );
    return Promise.race([arrived, wanted.then(nextTurn)]);
  }

  #copyTo(lease: BufferLease, at: number): number {
    const rest = this.#rest ?? new Uint8Array();
    const taken = rest.subarray(0, lease.bytes.length - at);
    const takenBytes = taken.length;
    copyInto(lease.bytes, at, taken);
    if (takenBytes < rest.length) {
      this.#rest = rest.subarray(takenBytes);
    } else {
      this.#rest = undefined;
      if (this.#chunk !== undefined) giveBackBytes(this.#chunk);
    }
    return takenBytes;
  }

  #adapt(filledBytes: number, bufferBytes: number): void {
    if (filledBytes === bufferBytes) this.#wantedBytes = LARGE_BUFFER_BYTES;
    else if (filledBytes < SMALL_BUFFER_BYTES) this.#wantedBytes = SMALL_BUFFER_BYTES;
  }
}

/**
 * The whole of one array into shared memory is copied as if others wrote there, by words; a part of a Buffer with
 * memmove, which is three times as fast. So all but the last byte is a part.
 */
function copyInto(target: Buffer, at: number, source: Uint8Array): void {
  const last = source.length - 1;
  const lastByte = source[last];
  if (lastByte === undefined) return;
  if (Buffer.isBuffer(source)) source.copy(target, at, 0, last);
  else target.set(source.subarray(0, last), at);
  target[at + last] = lastByte;
}

/** Two steps, because the first may come before the sockets are asked again. */
function nextTurn(): Promise<false> {
  return new Promise((resolve) => setImmediate(() => setImmediate(resolve, false)));
}
