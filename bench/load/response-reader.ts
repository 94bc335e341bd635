export interface Response {
  readonly status: number;
  /** Status line and headers, as they came. */
  readonly head: string;
  /** Bytes of the body, without the framing of chunks. */
  readonly bodyBytes: number;
  /** Kept only when the request asked for it. */
  readonly body: Buffer | undefined;
}

export interface ExpectedResponse {
  readonly isHead: boolean;
  readonly keepBody: boolean;
}

const HEAD_END = '\r\n\r\n';
const MAX_HEAD_BYTES = 64 * 1024;
const LINE_FEED = 10;

type State = 'head' | 'body' | 'size-line' | 'chunk' | 'chunk-end' | 'trailer-line';

/**
 * Reads the responses of one connection, one request at a time. A load generator shares its processors with the server
 * it measures, so this does as little as can be: no header objects, no copies of bodies nobody asked for.
 */
export class ResponseReader {
  readonly #onResponse: (response: Response) => void;
  #expected: ExpectedResponse = { isHead: false, keepBody: false };
  #state: State = 'head';
  #partial: Buffer = Buffer.alloc(0);
  #line = '';
  #leftBytes = 0;
  #isChunked = false;
  #head = '';
  #status = 0;
  #bodyBytes = 0;
  #kept: Buffer[] = [];

  constructor(onResponse: (response: Response) => void) {
    this.#onResponse = onResponse;
  }

  /** Before each request. */
  expect(expected: ExpectedResponse): void {
    this.#expected = expected;
  }

  /** `chunk` may be used again by the caller afterwards. Throws when it is not HTTP. */
  push(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length) {
      switch (this.#state) {
        case 'head':
          at = this.#readHead(chunk, at);
          break;
        case 'body':
        case 'chunk':
          at = this.#readBody(chunk, at);
          break;
        case 'size-line':
        case 'chunk-end':
        case 'trailer-line':
          at = this.#readLine(chunk, at);
      }
    }
  }

  #readHead(chunk: Buffer, from: number): number {
    let bytes = chunk;
    let start = from;
    let before = 0;
    if (this.#partial.length > 0) {
      before = this.#partial.length;
      bytes = Buffer.concat([this.#partial, chunk.subarray(from)]);
      start = 0;
    }
    const end = bytes.indexOf(HEAD_END, start, 'latin1');
    if (end < 0) {
      if (bytes.length - start > MAX_HEAD_BYTES) throw new Error('the head of a response does not end');
      this.#partial = Buffer.from(bytes.subarray(start));
      return chunk.length;
    }
    this.#partial = Buffer.alloc(0);
    this.#begin(bytes.toString('latin1', start, end));
    return before > 0 ? from + end + HEAD_END.length - before : end + HEAD_END.length;
  }

  #begin(head: string): void {
    const status = Number(head.slice(9, 12));
    if (!head.startsWith('HTTP/1.') || !(status >= 100)) {
      throw new Error(`not a response: ${head.slice(0, 60)}`);
    }
    // 100 Continue, 103 Early Hints: the answer comes after them.
    if (status < 200) return;
    this.#head = head;
    this.#status = status;
    this.#bodyBytes = 0;
    this.#kept = [];
    const length = headerOf(head, 'content-length');
    if (this.#expected.isHead || status === 204 || status === 304) {
      this.#finish();
    } else if (length !== undefined) {
      this.#leftBytes = Number(length);
      this.#isChunked = false;
      this.#state = 'body';
      if (this.#leftBytes === 0) this.#finish();
    } else if (headerOf(head, 'transfer-encoding')?.toLowerCase() === 'chunked') {
      this.#isChunked = true;
      this.#state = 'size-line';
    } else {
      throw new Error('a response without length');
    }
  }

  #readBody(chunk: Buffer, at: number): number {
    const taken = Math.min(this.#leftBytes, chunk.length - at);
    if (this.#expected.keepBody) this.#kept.push(Buffer.from(chunk.subarray(at, at + taken)));
    this.#bodyBytes += taken;
    this.#leftBytes -= taken;
    if (this.#leftBytes === 0) {
      if (this.#isChunked) this.#state = 'chunk-end';
      else this.#finish();
    }
    return at + taken;
  }

  #readLine(chunk: Buffer, at: number): number {
    const end = chunk.indexOf(LINE_FEED, at);
    this.#line += chunk.toString('latin1', at, end < 0 ? chunk.length : end);
    if (end < 0) return chunk.length;
    const line = this.#line.trim();
    this.#line = '';
    if (this.#state === 'chunk-end') {
      this.#state = 'size-line';
    } else if (this.#state === 'size-line') {
      this.#leftBytes = Number.parseInt(line, 16);
      if (!(this.#leftBytes >= 0)) throw new Error(`not the size of a chunk: ${line.slice(0, 40)}`);
      this.#state = this.#leftBytes === 0 ? 'trailer-line' : 'chunk';
    } else if (line === '') {
      this.#finish();
    }
    return end + 1;
  }

  #finish(): void {
    this.#state = 'head';
    const body = this.#expected.keepBody ? Buffer.concat(this.#kept) : undefined;
    this.#kept = [];
    this.#onResponse({ status: this.#status, head: this.#head, bodyBytes: this.#bodyBytes, body });
  }
}

/** The value of a header in the head of a response; `name` in lower case. */
export function headerOf(head: string, name: string): string | undefined {
  let at = head.indexOf('\r\n');
  while (at >= 0) {
    const start = at + 2;
    const next = head.indexOf('\r\n', start);
    const colon = start + name.length;
    if (head[colon] === ':' && head.slice(start, colon).toLowerCase() === name) {
      return head.slice(colon + 1, next < 0 ? undefined : next).trim();
    }
    at = next;
  }
  return undefined;
}
