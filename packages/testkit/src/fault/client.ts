import { Agent, type IncomingMessage, type OutgoingHttpHeaders, request as startRequest } from 'node:http';
import { Violation } from './violation.ts';

export interface ClientRequest {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** A path with its query, or a whole URL. */
  readonly target: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent piece by piece, so that a server can end in the middle. */
  readonly body?: readonly Uint8Array[] | AsyncIterable<Uint8Array>;
  /** Without it the length of the body is announced, which must then be a list. */
  readonly isChunked?: boolean;
  /** Hangs up after so many pieces; the promise then rejects with ConnectionLost. */
  readonly hangUpAfterPieces?: number;
}

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: Buffer;
}

/** No answer came: what was asked for has happened or has not. */
export class ConnectionLost extends Error {
  override readonly name = 'ConnectionLost';
}

/** A server that runs takes the next piece and answers within this; one that does not hangs. */
const PATIENCE_MS = 30_000;

/** A client of one server with few connections, which are dropped now and then so that other workers get their share. */
export class Client {
  readonly url: string;
  readonly root: { readonly user: string; readonly password: string };
  readonly #authorization: string;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 4 });

  constructor(server: { readonly url: string; readonly rootAuthorization: string }) {
    this.url = server.url;
    this.root = credentialsOf(server.rootAuthorization);
    this.#authorization = server.rootAuthorization;
  }

  /** Rejects with ConnectionLost, and with a Violation when the server hangs. */
  async send(request: ClientRequest): Promise<Answer> {
    const { method, target, body = [], isChunked = false, hangUpAfterPieces } = request;
    const headers: OutgoingHttpHeaders = { authorization: this.#authorization, ...request.headers };
    if (isChunked) headers['transfer-encoding'] = 'chunked';
    else if (method !== 'GET' && method !== 'HEAD') headers['content-length'] = lengthOf(body);
    const sent = startRequest(new URL(target, this.url), { method, headers, agent: this.#agent });
    const { promise: answered, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    answered.catch(() => undefined);
    sent.once('response', resolve);
    sent.once('error', (cause) => reject(lost(cause)));
    sent.once('close', () => reject(lost('closed without an answer')));
    const patience = setTimeout(() => {
      const error = new Violation(`${method} ${target} was not answered in ${PATIENCE_MS / 1000} s`);
      reject(error);
      sent.destroy(error);
    }, PATIENCE_MS);
    try {
      let pieces = 0;
      for await (const piece of body) {
        if (sent.destroyed || sent.closed) break;
        if (pieces === hangUpAfterPieces) {
          sent.destroy();
          break;
        }
        if (!sent.write(piece)) await Promise.race([drained(sent), answered]);
        pieces += 1;
        patience.refresh();
        // A turn of the event loop, in which the server may get ahead, or be killed.
        await new Promise(setImmediate);
      }
      sent.end();
      return await readAnswer(await answered);
    } finally {
      clearTimeout(patience);
      if (!sent.writableFinished) sent.destroy();
    }
  }

  close(): void {
    this.#agent.destroy();
  }
}

function lengthOf(body: NonNullable<ClientRequest['body']>): number {
  if (Symbol.asyncIterator in body) throw new RangeError('the length of this body is not known before');
  return body.reduce((sum, piece) => sum + piece.length, 0);
}

/** For signatures: what HTTP Basic says of root. */
function credentialsOf(authorization: string): Client['root'] {
  const [user = '', password = ''] = Buffer.from(authorization.slice('Basic '.length), 'base64')
    .toString()
    .split(':');
  return { user, password };
}

async function readAnswer(response: IncomingMessage): Promise<Answer> {
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of response) chunks.push(chunk);
  } catch (cause) {
    throw lost(cause);
  }
  if (!response.complete) throw lost('the answer is cut');
  const headers = Object.fromEntries(
    Object.entries(response.headers).map(([name, value]) => [
      name,
      Array.isArray(value) ? value.join(', ') : value,
    ]),
  );
  return { status: response.statusCode ?? 0, headers, body: Buffer.concat(chunks) };
}

function drained(sent: NodeJS.EventEmitter): Promise<void> {
  return new Promise((resolve) => {
    const settle = (): void => {
      sent.off('drain', settle);
      sent.off('close', settle);
      resolve();
    };
    sent.on('drain', settle);
    sent.on('close', settle);
  });
}

function lost(cause: unknown): ConnectionLost {
  return new ConnectionLost('the connection ended before the answer', { cause });
}
