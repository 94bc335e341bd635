import { once } from 'node:events';
import { connect as connectTcp, type Socket } from 'node:net';
import { Writable } from 'node:stream';
import { type ConnectionOptions, connect as connectTls } from 'node:tls';
import pino from 'pino';
import type { Authenticator, Authorizer } from '../../server/src/extension/contract.ts';
import type { Recorder, RequestRecord } from '../../server/src/extension/recorder.ts';
import type { Cors } from '../../server/src/http/cors.ts';
import { Pipeline } from '../../server/src/http/pipeline.ts';
import type { Operation, Protocol, Reply, RequestContext } from '../../server/src/http/protocol.ts';
import { createHttpServer, type HttpLimits, type HttpServer } from '../../server/src/http/server.ts';
import type { TlsFiles } from '../../server/src/http/tls-files.ts';

export type TestRoutes = Readonly<Record<string, (context: RequestContext) => Promise<Reply> | Reply>>;

export interface HttpRunOptions {
  readonly limits?: Partial<HttpLimits>;
  readonly authenticators?: readonly Authenticator[];
  readonly authorizers?: readonly Authorizer[];
  readonly recorders?: readonly Recorder[];
  readonly cors?: Cors;
  readonly tls?: TlsFiles;
}

export interface HttpRun {
  readonly port: number;
  readonly url: string;
  readonly server: HttpServer;
  /** Parsed log lines so far. */
  readonly lines: Record<string, unknown>[];
  /** The record of the nth finished request (from 1), once there is one. */
  record(nth: number): Promise<RequestRecord>;
  raw(): Promise<RawClient>;
  close(): Promise<void>;
}

/** A started server whose protocol `test` owns `/t/<route>`; each route needs the permission `test:<route>`. */
export async function runHttp(routes: TestRoutes, options: HttpRunOptions = {}): Promise<HttpRun> {
  const lines: Record<string, unknown>[] = [];
  const log = pino(
    { base: null },
    new Writable({
      write(chunk, _encoding, done) {
        lines.push(JSON.parse(String(chunk)));
        done();
      },
    }),
  );
  const records: RequestRecord[] = [];
  let onRecord = Promise.withResolvers<void>();
  const pipeline = new Pipeline({
    protocols: [testProtocol(routes)],
    authenticators: options.authenticators ?? [],
    authorizers: options.authorizers ?? [],
    recorders: options.recorders ?? [],
    cors: options.cors,
    log,
    onFinished: (record) => {
      records.push(record);
      onRecord.resolve();
      onRecord = Promise.withResolvers();
    },
  });
  const server = createHttpServer({ pipeline, log, limits: options.limits, tls: options.tls });
  const { port } = await server.listen({ host: '127.0.0.1', port: 0 });
  const clients: RawClient[] = [];
  return {
    port,
    url: `${options.tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`,
    server,
    lines,
    async record(nth) {
      for (;;) {
        const found = records[nth - 1];
        if (found !== undefined) return found;
        await onRecord.promise;
      }
    },
    async raw() {
      const client = await RawClient.connect(port);
      clients.push(client);
      return client;
    },
    async close() {
      for (const client of clients) client.socket.destroy();
      await server.close({ deadlineMs: 0 });
    },
  };
}

function testProtocol(routes: TestRoutes): Protocol<Operation> {
  return {
    name: 'test',
    claims: ({ path }) => path.startsWith('/t/'),
    classify(head) {
      const route = head.path.slice(3);
      return { name: route, permissions: [{ action: `test:${route}`, resource: 'server' }] };
    },
    async run(operation, context) {
      const route = routes[operation.name];
      return route === undefined ? { status: 404, headers: {}, body: 'no such route' } : route(context);
    },
    renderError: (error) => ({ status: statusOf(error.kind), headers: {}, body: error.kind }),
  };
}

function statusOf(kind: string): number {
  const statuses: Record<string, number> = {
    unauthenticated: 401,
    denied: 403,
    'request-timeout': 408,
    'body-too-large': 413,
    'uri-too-long': 414,
    'too-many-requests': 429,
    internal: 500,
    'not-implemented': 501,
    unavailable: 503,
  };
  return statuses[kind] ?? 400;
}

export interface RawResponse {
  readonly status: number;
  /** Lower-case names; repeated ones joined by a comma. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  /** Whether the body ended as its framing said. */
  readonly isWhole: boolean;
}

/** A client that sends exactly the bytes it is told to. */
export class RawClient {
  readonly socket: Socket;
  #received = Buffer.alloc(0);
  #isEnded = false;
  #change = Promise.withResolvers<void>();

  static async connect(port: number): Promise<RawClient> {
    const socket = connectTcp({ port, host: '127.0.0.1', allowHalfOpen: true });
    await once(socket, 'connect');
    return new RawClient(socket);
  }

  static async connectTls(port: number, options: ConnectionOptions): Promise<RawClient> {
    const socket = connectTls({ port, host: '127.0.0.1', servername: 'localhost', ...options });
    await once(socket, 'secureConnect');
    return new RawClient(socket);
  }

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (chunk: Buffer) => {
      this.#received = Buffer.concat([this.#received, chunk]);
      this.#signal();
    });
    const end = (): void => {
      this.#isEnded = true;
      this.#signal();
    };
    socket.on('end', end);
    socket.on('close', end);
    socket.on('error', () => {});
  }

  write(...parts: (string | Uint8Array)[]): void {
    for (const part of parts) this.socket.write(part);
  }

  /** Sends a head made of the request line and header lines, with a Host. */
  send(requestLine: string, ...headerLines: string[]): void {
    this.write([`${requestLine} HTTP/1.1`, 'Host: test', ...headerLines, '', ''].join('\r\n'));
  }

  /** Resolves when the server has ended the connection. */
  async ended(): Promise<void> {
    while (!this.#isEnded) await this.#change.promise;
  }

  get isEnded(): boolean {
    return this.#isEnded;
  }

  /** The next response; with `isHead`, one that ends at its head. */
  async response(options: { readonly isHead?: boolean } = {}): Promise<RawResponse> {
    const headEnd = await this.#find('\r\n\r\n');
    if (headEnd < 0)
      throw new Error(`connection ended before a response: ${this.#received.toString('latin1')}`);
    const [statusLine = '', ...fields] = this.#take(headEnd + 4)
      .toString('latin1')
      .trimEnd()
      .split('\r\n');
    const headers: Record<string, string> = {};
    for (const field of fields) {
      const colon = field.indexOf(':');
      const name = field.slice(0, colon).toLowerCase();
      const value = field.slice(colon + 1).trim();
      headers[name] = headers[name] === undefined ? value : `${headers[name]}, ${value}`;
    }
    const status = Number(statusLine.split(' ')[1]);
    const hasBody = options.isHead !== true && status >= 200 && status !== 204 && status !== 304;
    if (!hasBody) return { status, headers, body: Buffer.alloc(0), isWhole: true };
    if (headers['transfer-encoding'] === 'chunked') return { status, headers, ...(await this.#chunked()) };
    const length = Number(headers['content-length']);
    while (this.#received.length < length && !this.#isEnded) await this.#change.promise;
    const isWhole = this.#received.length >= length;
    return { status, headers, body: this.#take(Math.min(length, this.#received.length)), isWhole };
  }

  async #chunked(): Promise<{ body: Buffer; isWhole: boolean }> {
    const chunks: Buffer[] = [];
    for (;;) {
      const lineEnd = await this.#find('\r\n');
      if (lineEnd < 0) return { body: Buffer.concat(chunks), isWhole: false };
      const length = Number.parseInt(this.#take(lineEnd + 2).toString('latin1'), 16);
      while (this.#received.length < length + 2 && !this.#isEnded) await this.#change.promise;
      if (this.#received.length < length + 2) return { body: Buffer.concat(chunks), isWhole: false };
      chunks.push(this.#take(length));
      this.#take(2);
      if (length === 0) return { body: Buffer.concat(chunks), isWhole: true };
    }
  }

  async #find(text: string): Promise<number> {
    for (;;) {
      const at = this.#received.indexOf(text, 0, 'latin1');
      if (at >= 0 || this.#isEnded) return at;
      await this.#change.promise;
    }
  }

  #take(length: number): Buffer {
    const taken = this.#received.subarray(0, length);
    this.#received = this.#received.subarray(length);
    return taken;
  }

  #signal(): void {
    this.#change.resolve();
    this.#change = Promise.withResolvers();
  }
}
