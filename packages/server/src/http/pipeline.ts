import { randomBytes } from 'node:crypto';
import type { IncomingMessage, OutgoingHttpHeader, ServerResponse } from 'node:http';
import { setImmediate } from 'node:timers/promises';
import { type ErrorKind, isStoreError, StoreError } from '@zot-artifact-store/spec';
import type { Logger } from 'pino';
import type { Recorder, RequestRecord } from '../extension/recorder.ts';
import type { Connection } from './connection.ts';
import type { Cors } from './cors.ts';
import { authenticate, authorizeAll, collectChallenges, type Deciders } from './deciders.ts';
import { Exchange, type Expectation } from './exchange.ts';
import { linger } from './linger.ts';
import { renderPlainError } from './plain-error.ts';
import type { Protocol, Reply, RequestHead } from './protocol.ts';
import type { RateLimiter } from './rate-limiter.ts';
import { ReplyWriter } from './reply.ts';
import { checkHead } from './request-head.ts';
import { logFields, makeRecord, type Outcome, STATUS_CLIENT_GONE } from './request-record.ts';

export interface PipelineOptions extends Deciders {
  /** Asked in this order which of them a request belongs to. */
  readonly protocols: readonly Protocol[];
  readonly log: Logger;
  readonly rateLimiter?: RateLimiter | undefined;
  readonly cors?: Cors | undefined;
  /** Told of every request before it is answered. */
  readonly recorders?: readonly Recorder[];
  /** Told of every request once it is over, after its log line. Must not throw; when it does, that is logged. */
  readonly onFinished?: ((record: RequestRecord) => void) | undefined;
}

export interface HandleOptions {
  readonly connection: Connection;
  readonly expectation: Expectation;
  readonly bodyIdleTimeoutMs: number;
}

/** Failures the operator must see, whatever the client is told. */
const SERVER_FAULTS: ReadonlySet<ErrorKind> = new Set([
  'internal',
  'unavailable',
  'storage-full',
  'blob-corrupt',
]);

interface Failure {
  readonly kind: ErrorKind;
  readonly message: string | undefined;
  readonly reason: string | undefined;
}

/** What a request of these methods does not change. */
const READING: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);

/**
 * The way of every request: find its protocol, classify, authenticate, authorize, run, render, record, log. The one place
 * that catches what an operation throws.
 */
export class Pipeline {
  readonly #protocols: readonly Protocol[];
  readonly #deciders: Deciders;
  readonly #log: Logger;
  readonly #rateLimiter: RateLimiter | undefined;
  readonly #cors: Cors | undefined;
  readonly #recorders: readonly Recorder[];
  readonly #onFinished: ((record: RequestRecord) => void) | undefined;
  /** Random per pipeline, so that ids of other processes and earlier starts differ. */
  readonly #idPrefix = randomBytes(6).toString('hex');
  #idCounter = 0;

  constructor(options: PipelineOptions) {
    this.#protocols = options.protocols;
    this.#deciders = { authenticators: options.authenticators, authorizers: options.authorizers };
    this.#log = options.log;
    this.#rateLimiter = options.rateLimiter;
    this.#cors = options.cors;
    this.#recorders = options.recorders ?? [];
    this.#onFinished = options.onFinished;
  }

  /** Short and unique; nothing the client sends has a part in it. */
  nextId(): string {
    this.#idCounter++;
    return `${this.#idPrefix}-${this.#idCounter.toString(36)}`;
  }

  /** Answers one request. Never throws; resolves when the response is handed over or the connection cut. */
  async handle(request: IncomingMessage, response: ServerResponse, options: HandleOptions): Promise<void> {
    const { connection } = options;
    const exchange = new Exchange({
      id: this.nextId(),
      request,
      response,
      connection,
      deciders: this.#deciders,
      expectation: options.expectation,
      bodyIdleTimeoutMs: options.bodyIdleTimeoutMs,
    });
    connection.begin(exchange);
    response.on('close', () => {
      if (!response.writableFinished) exchange.abandon();
      connection.finish(exchange);
    });

    const writer = new ReplyWriter(response);
    let failure: Failure | undefined;
    let reply: Reply;
    try {
      reply = await this.#answer(exchange);
    } catch (error) {
      failure = this.#judge(exchange, error);
      reply = await this.#renderError(exchange, error);
    }
    if (this.#recorders.length > 0) {
      const unrecorded = await this.#record(exchange, reply, failure);
      if (unrecorded !== undefined) {
        failure = this.#judge(exchange, unrecorded);
        if (reply.status < 400) {
          discardBody(reply);
          reply = await this.#renderError(exchange, unrecorded);
        }
      }
    }
    try {
      await this.#send(exchange, writer, reply);
    } catch (error) {
      failure = this.#judge(exchange, error);
      if (response.headersSent) {
        // Only a broken connection tells the client that what it got is not the whole.
        connection.socket.destroy();
      } else {
        reply = await this.#renderError(exchange, error);
        await this.#sendLast(exchange, writer, reply);
      }
    }
    exchange.release();
    this.#finish(exchange, writer, reply, failure);
  }

  async #answer(exchange: Exchange): Promise<Reply> {
    const { head } = exchange;
    const protocol = this.#findProtocol(head);
    exchange.protocol = protocol;
    checkHead(head, exchange.request.httpVersion);
    if (protocol === undefined) throw new StoreError('route-unknown', 'nothing is served at this path');
    const preflight = this.#cors?.preflight(head);
    if (preflight !== undefined) return preflight;
    const operation = protocol.classify(head);
    exchange.operation = operation;
    // Who watches over the server must get an answer when it is busiest.
    if (!operation.name.startsWith('health.')) this.#rateLimiter?.take(head.method);
    if (this.#deciders.authenticators.length > 0) {
      exchange.principal = await authenticate(this.#deciders, head, operation);
    }
    if (operation.permissions.length > 0) {
      await authorizeAll(this.#deciders, exchange, operation.permissions);
    }
    if (!READING.has(head.method)) for (const recorder of this.#recorders) recorder.admit?.();
    return protocol.run(operation, exchange);
  }

  #findProtocol(head: RequestHead): Protocol | undefined {
    for (const protocol of this.#protocols) if (protocol.claims(head)) return protocol;
    return undefined;
  }

  /** Logs what the operator must see of an error, and keeps what the access log says of it. */
  #judge(exchange: Exchange, error: unknown): Failure {
    const { id } = exchange.head;
    if (isStoreError(error)) {
      if (SERVER_FAULTS.has(error.kind)) {
        this.#log.error({ id, operation: exchange.operation?.name, err: error }, 'request failed');
      }
      const reason = typeof error.cause === 'string' ? error.cause : undefined;
      return { kind: error.kind, message: error.message, reason };
    }
    if (exchange.isGone) {
      // Whatever broke may have broken because the client left; there is nobody to answer.
      this.#log.debug({ id, operation: exchange.operation?.name, err: error }, 'request given up');
      return { kind: 'request-incomplete', message: undefined, reason: undefined };
    }
    this.#log.error({ id, operation: exchange.operation?.name, err: error }, 'unexpected error');
    return { kind: 'internal', message: undefined, reason: undefined };
  }

  async #renderError(exchange: Exchange, error: unknown): Promise<Reply> {
    const { head, protocol } = exchange;
    const shown =
      isStoreError(error) && error.kind !== 'internal'
        ? error
        : new StoreError('internal', `the server failed; its log has the cause under request ${head.id}`);
    let reply: Reply;
    try {
      reply =
        protocol === undefined ? renderPlainError(shown, head.id) : await protocol.renderError(shown, head);
    } catch (renderError) {
      this.#log.error({ id: head.id, protocol: protocol?.name, err: renderError }, 'error not rendered');
      reply = renderPlainError(shown, head.id);
    }
    const headers: Record<string, string | readonly string[]> = { ...shown.headers, ...reply.headers };
    if (shown.retryAfterSeconds !== undefined && headers['retry-after'] === undefined) {
      headers['retry-after'] = String(Math.max(1, Math.ceil(shown.retryAfterSeconds)));
    }
    if (reply.status === 401 && headers['www-authenticate'] === undefined) {
      const challenges = collectChallenges(this.#deciders, head, exchange.operation);
      if (challenges.length > 0) headers['www-authenticate'] = challenges;
    }
    return { ...reply, headers };
  }

  async #send(exchange: Exchange, writer: ReplyWriter, reply: Reply): Promise<void> {
    if (exchange.isGone) {
      discardBody(reply);
      return;
    }
    const { head, connection } = exchange;
    // What came in one piece with the head is parsed a turn later; who did not wait keeps the connection.
    if (exchange.isHeldBack) await setImmediate();
    const rest = exchange.unreadBody();
    const leading: OutgoingHttpHeader[] = ['x-request-id', head.id];
    // Of pipelined requests only the newest may say it: node drops whatever is queued behind it.
    const isLast = connection.isClosing && connection.newest === exchange;
    if (rest === 'linger' || isLast) leading.push('connection', 'close');
    // Node closes whenever it has not sent a 100, also where we know what the client did.
    else if (exchange.expectation === 'continue' && exchange.response.shouldKeepAlive)
      leading.push('connection', 'keep-alive');
    if (this.#cors !== undefined) addCors(leading, this.#cors.headers(head), reply);
    const sending = writer.send(reply, {
      isHead: head.method === 'HEAD',
      leading,
      keepOpen: rest === 'linger',
      signal: () => exchange.signal,
    });
    if (sending !== undefined) await sending;
    if (rest === 'linger') await linger(exchange.request, exchange.response);
  }

  /** The reply to a failure to reply. A second failure leaves nothing but to cut the connection. */
  async #sendLast(exchange: Exchange, writer: ReplyWriter, reply: Reply): Promise<void> {
    try {
      await this.#send(exchange, writer, reply);
    } catch (error) {
      this.#judge(exchange, error);
      exchange.connection.socket.destroy();
    }
  }

  /** What kept the request from being recorded; undefined when it is. */
  async #record(exchange: Exchange, reply: Reply, failure: Failure | undefined): Promise<unknown> {
    const record = makeRecord(exchange, {
      ...outcomeOf(reply, failure),
      bytesOut: 0,
      isCut: exchange.isGone,
    });
    try {
      for (const recorder of this.#recorders) {
        const recording = recorder.record(record);
        if (recording !== undefined) await recording;
      }
      return undefined;
    } catch (error) {
      return error;
    }
  }

  #finish(exchange: Exchange, writer: ReplyWriter, reply: Reply, failure: Failure | undefined): void {
    const isUnanswered = exchange.isGone && !exchange.response.headersSent;
    const outcome = outcomeOf(reply, failure);
    const record = makeRecord(exchange, {
      ...outcome,
      status: isUnanswered ? STATUS_CLIENT_GONE : outcome.status,
      bytesOut: writer.sentBytes,
      isCut: exchange.isGone || exchange.connection.socket.destroyed,
    });
    if (this.#log.isLevelEnabled('info')) this.#log.info(logFields(record), 'request');
    try {
      this.#onFinished?.(record);
    } catch (error) {
      this.#log.error({ id: record.id, err: error }, 'request hook failed');
    }
  }
}

function outcomeOf(reply: Reply, failure: Failure | undefined): Omit<Outcome, 'bytesOut' | 'isCut'> {
  return {
    status: reply.status,
    headers: reply.headers,
    errorKind: failure?.kind,
    errorMessage: failure?.message,
    reason: failure?.reason,
  };
}

function addCors(
  leading: OutgoingHttpHeader[],
  headers: Readonly<Record<string, string>> | undefined,
  reply: Reply,
): void {
  if (headers === undefined) return;
  for (const [name, value] of Object.entries(headers)) {
    // Both may say `vary`, which is a list; of any other header the reply's own word stands.
    if (name === 'vary' || reply.headers[name] === undefined) leading.push(name, value);
  }
}

/** Releases what a reply holds that will not be sent. */
function discardBody(reply: Reply): void {
  const { body } = reply;
  if (typeof body !== 'object' || !('stream' in body)) return;
  body.stream[Symbol.asyncIterator]()
    .return?.()
    .then(undefined, () => {});
}
