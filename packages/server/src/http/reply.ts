import type { OutgoingHttpHeader, ServerResponse } from 'node:http';
import { giveBackBytes } from '../work/lent-bytes.ts';
import type { Reply } from './protocol.ts';

export interface SendOptions {
  readonly isHead: boolean;
  /** Name, value, name, value; sent before the reply's own. */
  readonly leading: readonly OutgoingHttpHeader[];
  /** Leaves the response open after its last byte; the caller ends it. */
  readonly keepOpen: boolean;
  /** Aborted when the client is gone. Asked for by streamed bodies only. */
  signal(): AbortSignal;
}

/** Writes one reply onto one response, counting the bytes of the body. */
export class ReplyWriter {
  readonly #response: ServerResponse;
  /** Bytes of the body handed to the socket so far. */
  sentBytes = 0;

  constructor(response: ServerResponse) {
    this.#response = response;
  }

  /**
   * Resolves (for a body in memory: returns) once the whole reply is handed over, or the client is gone. A streamed
   * body is pulled for its first chunk before the head is written, so that what fails at once can still be answered
   * properly. A body that fails later, or is not as long as announced, rejects: the caller must cut the connection.
   */
  send(reply: Reply, options: SendOptions): Promise<void> | undefined {
    const { body } = reply;
    const headers = this.#flatHeaders(reply, options);
    if (typeof body === 'object' && 'stream' in body) {
      const sizeBytes = body.sizeBytes ?? givenLength(reply);
      if (sizeBytes !== undefined) headers.push('content-length', sizeBytes);
      if (options.isHead || hasNoBody(reply.status)) {
        this.#writeWhole(reply.status, headers, undefined, options);
        return closeUnread(body.stream);
      }
      return this.#stream(reply.status, headers, body.stream, sizeBytes, options);
    }
    const bytes = body ?? '';
    const sizeBytes = typeof bytes === 'string' ? Buffer.byteLength(bytes) : bytes.length;
    if (options.isHead) headers.push('content-length', givenLength(reply) ?? sizeBytes);
    else if (!hasNoBody(reply.status)) headers.push('content-length', sizeBytes);
    const isSent = sizeBytes > 0 && !options.isHead && !hasNoBody(reply.status);
    this.#writeWhole(reply.status, headers, isSent ? bytes : undefined, options);
    if (isSent) this.sentBytes = sizeBytes;
    return undefined;
  }

  #flatHeaders(reply: Reply, options: SendOptions): OutgoingHttpHeader[] {
    const flat: OutgoingHttpHeader[] = options.leading.slice();
    for (const name in reply.headers) {
      const value = reply.headers[name];
      if (value === undefined || name === 'content-length') continue;
      flat.push(name, typeof value === 'string' ? value : value.slice());
    }
    return flat;
  }

  #writeWhole(
    status: number,
    headers: OutgoingHttpHeader[],
    bytes: string | Uint8Array | undefined,
    options: SendOptions,
  ): void {
    const response = this.#response;
    response.writeHead(status, headers);
    if (!options.keepOpen) {
      if (bytes === undefined) response.end();
      else response.end(bytes);
    } else if (bytes === undefined) {
      response.flushHeaders();
    } else {
      response.write(bytes);
    }
  }

  async #stream(
    status: number,
    headers: OutgoingHttpHeader[],
    source: AsyncIterable<Uint8Array>,
    sizeBytes: number | undefined,
    options: SendOptions,
  ): Promise<void> {
    const iterator = source[Symbol.asyncIterator]();
    const signal = options.signal();
    const abort = Promise.withResolvers<void>();
    const onAbort = (): void => abort.resolve();
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
    const pump = this.#pump(status, headers, iterator, sizeBytes, signal);
    try {
      // A source that hangs must not hold the request of a client that is gone.
      await Promise.race([pump, abort.promise]);
    } catch (error) {
      closeIterator(iterator);
      throw error;
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
    if (signal.aborted) {
      pump.catch(() => {});
      closeIterator(iterator);
      return;
    }
    if (!options.keepOpen) this.#response.end();
  }

  async #pump(
    status: number,
    headers: OutgoingHttpHeader[],
    iterator: AsyncIterator<Uint8Array>,
    sizeBytes: number | undefined,
    signal: AbortSignal,
  ): Promise<void> {
    const response = this.#response;
    let result = await iterator.next();
    if (signal.aborted) return;
    response.writeHead(status, headers);
    while (result.done !== true) {
      const chunk = result.value;
      if (sizeBytes !== undefined && this.sentBytes + chunk.length > sizeBytes) {
        throw new Error(`a reply body is longer than the ${sizeBytes} bytes announced`);
      }
      if (chunk.length > 0) {
        this.sentBytes += chunk.length;
        await written(response, chunk, signal);
        if (signal.aborted) return;
        giveBackBytes(chunk);
      }
      result = await iterator.next();
      if (signal.aborted) return;
    }
    if (sizeBytes !== undefined && this.sentBytes !== sizeBytes) {
      throw new Error(`a reply body ended after ${this.sentBytes} of the ${sizeBytes} bytes announced`);
    }
  }
}

/** Resolves once the kernel has the whole chunk, so that its memory is free again, or the client is gone. */
function written(response: ServerResponse, chunk: Uint8Array, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const settle = (): void => {
      signal.removeEventListener('abort', settle);
      resolve();
    };
    signal.addEventListener('abort', settle);
    response.write(chunk, settle);
  });
}

/** Statuses that end at the head (RFC 9110 15.3.5 and 15.4.5). */
function hasNoBody(status: number): boolean {
  return status === 204 || status === 304;
}

function givenLength(reply: Reply): number | undefined {
  const given = reply.headers['content-length'];
  return typeof given === 'string' ? Number(given) : undefined;
}

/** Lets a stream nobody will read release what it holds. */
async function closeUnread(source: AsyncIterable<Uint8Array>): Promise<void> {
  await source[Symbol.asyncIterator]().return?.();
}

/** Not awaited: a generator stuck in a pull answers only when that settles, and nobody needs its answer. */
function closeIterator(iterator: AsyncIterator<Uint8Array>): void {
  iterator.return?.().then(undefined, () => {});
}
