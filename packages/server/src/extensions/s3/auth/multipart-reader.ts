import { S3Error } from '../errors.ts';

const CRLF = Buffer.from('\r\n');
const MIN_CAPACITY = 1_024;

/**
 * Reads a multipart body piece by piece (RFC 2046 5.1.1). Pulls from its source only what is asked for, and keeps no
 * more than the limit it is given; its time is linear in what it reads, however the source cuts it.
 */
export class MultipartReader {
  readonly #iterator: AsyncIterator<Uint8Array>;
  /** What has been pulled and not been read yet: `#start` to `#end` of the buffer. */
  #buffer: Buffer;
  #start = 0;
  #end: number;

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#iterator = source[Symbol.asyncIterator]();
    // The first delimiter is found like all others, which begin with the line break that ends the part before.
    this.#buffer = Buffer.alloc(MIN_CAPACITY);
    this.#end = CRLF.copy(this.#buffer);
  }

  /** The line up to the next CRLF, without it. */
  readLine(limitBytes: number): Promise<Buffer> {
    return this.readUntil(CRLF, limitBytes);
  }

  /** What comes before `delimiter`, which is read past. Throws MaxPostPreDataLengthExceededError above the limit. */
  async readUntil(delimiter: Buffer, limitBytes: number): Promise<Buffer> {
    let searched = 0;
    for (;;) {
      const unread = this.#buffer.subarray(this.#start, this.#end);
      const at = unread.indexOf(delimiter, searched);
      if ((at < 0 ? unread.length - delimiter.length : at) > limitBytes) throw tooLong(limitBytes);
      if (at >= 0) {
        this.#start += at + delimiter.length;
        return Buffer.from(unread.subarray(0, at));
      }
      searched = Math.max(0, unread.length - delimiter.length + 1);
      await this.#pull();
    }
  }

  /** The same as a stream. What comes after `delimiter` is left alone; the source is released. */
  async *streamUntil(delimiter: Buffer): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      for (;;) {
        const unread = this.#buffer.subarray(this.#start, this.#end);
        const at = unread.indexOf(delimiter);
        const ready = at < 0 ? beforePossible(unread, delimiter) : at;
        this.#start += ready;
        // A copy: the buffer is reused.
        if (ready > 0) yield Buffer.from(unread.subarray(0, ready));
        if (at >= 0) return;
        await this.#pull();
      }
    } finally {
      await this.release();
    }
  }

  async release(): Promise<void> {
    await this.#iterator.return?.();
  }

  async #pull(): Promise<void> {
    const step = await this.#iterator.next();
    if (step.done === true) {
      throw new S3Error(
        'MalformedPOSTRequest',
        'The body of your POST request is not well-formed multipart/form-data: it ended within a part.',
      );
    }
    this.#append(step.value);
  }

  #append(bytes: Uint8Array): void {
    const unreadBytes = this.#end - this.#start;
    if (this.#end + bytes.length > this.#buffer.length) {
      // Doubled, so that many small pieces are not copied over and over.
      const capacity = Math.max(MIN_CAPACITY, 2 * unreadBytes, unreadBytes + bytes.length);
      const grown = capacity > this.#buffer.length ? Buffer.alloc(capacity) : this.#buffer;
      this.#buffer.copy(grown, 0, this.#start, this.#end);
      this.#buffer = grown;
      this.#start = 0;
      this.#end = unreadBytes;
    }
    this.#buffer.set(bytes, this.#end);
    this.#end += bytes.length;
  }
}

/** How much of `bytes` cannot be part of a delimiter that goes on in what is not there yet. */
function beforePossible(bytes: Buffer, delimiter: Buffer): number {
  for (let at = Math.max(0, bytes.length - delimiter.length + 1); at < bytes.length; at++) {
    let end = at;
    while (end < bytes.length && bytes[end] === delimiter[end - at]) end++;
    if (end === bytes.length) return at;
  }
  return bytes.length;
}

function tooLong(limitBytes: number): S3Error {
  return new S3Error(
    'MaxPostPreDataLengthExceededError',
    `Your POST request fields preceding the upload file were too large; ${limitBytes} bytes are allowed here.`,
  );
}
