import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { type AddressInfo, Server as NetServer, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import { StoreError } from '@zot-artifact-store/spec';
import type { Logger } from 'pino';
import { Connection } from './connection.ts';
import type { Expectation } from './exchange.ts';
import type { Pipeline } from './pipeline.ts';
import { judgeParseError, writeRawError } from './raw-error.ts';
import { isAcceptedClient, serverTlsOptions } from './tls.ts';
import type { TlsFiles } from './tls-files.ts';

export interface HttpLimits {
  /** From the first byte of a request to the end of its head. */
  readonly headersTimeoutMs: number;
  /** An idle connection is kept so long for its next request. */
  readonly keepAliveTimeoutMs: number;
  /** A request body that brings no byte for so long is given up with 408; 0 waits for ever. */
  readonly bodyIdleTimeoutMs: number;
  /** A client that takes no byte of its response for so long is cut off; 0 waits for ever. */
  readonly writeStallTimeoutMs: number;
  readonly maxHeaderBytes: number;
}

/** There is deliberately no limit on the whole of a request: a layer over a slow link takes hours and is fine. */
export const DEFAULT_HTTP_LIMITS: HttpLimits = {
  headersTimeoutMs: 10_000,
  keepAliveTimeoutMs: 75_000,
  bodyIdleTimeoutMs: 60_000,
  writeStallTimeoutMs: 300_000,
  maxHeaderBytes: 32 * 1024,
};

export interface HttpServerOptions {
  readonly pipeline: Pipeline;
  /** Opened before; its certificates are followed while the server runs. */
  readonly tls?: TlsFiles | undefined;
  readonly limits?: Partial<HttpLimits> | undefined;
  readonly log: Logger;
}

export interface ListenOptions {
  readonly host?: string;
  /** 0 lets the system choose. */
  readonly port: number;
}

export interface HttpServer {
  /** Rejects with node's own error (`EADDRINUSE`, `EACCES`, ...), which the caller puts into words. */
  listen(options: ListenOptions): Promise<AddressInfo>;
  /**
   * Stops accepting at once, lets requests in flight finish with `Connection: close`, ends idle connections, and cuts
   * what is left at the deadline. Safe to call again.
   */
  close(options: { readonly deadlineMs: number }): Promise<void>;
}

const HANDSHAKE_TIMEOUT_MS = 10_000;

export function createHttpServer(options: HttpServerOptions): HttpServer {
  return new NodeHttpServer(options);
}

class NodeHttpServer implements HttpServer {
  readonly #pipeline: Pipeline;
  readonly #log: Logger;
  readonly #limits: HttpLimits;
  readonly #server: Server;
  readonly #tls: TlsFiles | undefined;
  /** Every accepted socket, also before its TLS handshake. */
  readonly #sockets = new Set<Socket>();
  readonly #connections = new Map<Duplex, Connection>();
  #isClosing = false;
  #closed: Promise<void> | undefined;
  #stopFollowingTls: (() => void) | undefined;

  constructor(options: HttpServerOptions) {
    this.#pipeline = options.pipeline;
    this.#log = options.log;
    this.#limits = { ...DEFAULT_HTTP_LIMITS, ...options.limits };
    this.#tls = options.tls;
    const settings = {
      // The default of five minutes cuts long uploads; idle timeouts do its work.
      requestTimeout: 0,
      headersTimeout: this.#limits.headersTimeoutMs,
      connectionsCheckingInterval: Math.max(
        10,
        Math.min(1000, Math.trunc(this.#limits.headersTimeoutMs / 4)),
      ),
      keepAliveTimeout: this.#limits.keepAliveTimeoutMs,
      maxHeaderSize: this.#limits.maxHeaderBytes,
      insecureHTTPParser: false,
      noDelay: true,
      // Both are checked in the pipeline, which answers in the protocol's own form.
      requireHostHeader: false,
    };
    if (options.tls === undefined) {
      this.#server = createServer(settings);
    } else {
      const server = createTlsServer({
        ...settings,
        ...serverTlsOptions(options.tls),
        handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
      });
      this.#stopFollowingTls = options.tls.follow((material) =>
        server.setSecureContext(serverTlsOptions(material)),
      );
      this.#server = server;
    }
    this.#attach(this.#server);
  }

  async listen(options: ListenOptions): Promise<AddressInfo> {
    const server = this.#server;
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(options, () => {
        server.off('error', reject);
        resolve();
      });
    });
    server.on('error', (error) => this.#log.error({ err: error }, 'listener failed'));
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('the listener has no port');
    return address;
  }

  close(options: { readonly deadlineMs: number }): Promise<void> {
    this.#closed ??= this.#drain(options.deadlineMs);
    return this.#closed;
  }

  async #drain(deadlineMs: number): Promise<void> {
    this.#isClosing = true;
    this.#stopFollowingTls?.();
    const stopped = Promise.withResolvers<void>();
    // net's own close: http's would destroy a connection whose last response is ended but not flushed yet.
    NetServer.prototype.close.call(this.#server, () => stopped.resolve());
    for (const connection of this.#connections.values()) {
      connection.endWhenIdle();
    }
    const deadline = setTimeout(() => {
      for (const socket of this.#sockets) socket.destroy();
    }, deadlineMs);
    try {
      await stopped.promise;
    } finally {
      clearTimeout(deadline);
      // Stops http's own housekeeping timer; that the server no longer runs is no news.
      this.#server.close(() => {});
    }
  }

  #attach(server: Server): void {
    // A half-closed client has said all it will say and still waits for its answer.
    allowHalfOpen(server);
    server.maxHeadersCount = 0;
    server.maxRequestsPerSocket = 0;
    server.timeout = this.#limits.writeStallTimeoutMs;
    server.prependListener('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
      if (this.#tls === undefined) this.#open(socket);
    });
    server.prependListener('secureConnection', (socket: TLSSocket) => {
      if (this.#tls !== undefined && !isAcceptedClient(socket, this.#tls.clientCertificates)) {
        this.#log.info(
          { remoteAddress: socket.remoteAddress, reason: String(socket.authorizationError) },
          'client certificate refused',
        );
        socket.destroy();
        return;
      }
      this.#open(socket);
    });
    server.on('request', (request, response) => this.#handle(request, response, 'none'));
    server.on('checkContinue', (request, response) => this.#handle(request, response, 'continue'));
    server.on('checkExpectation', (request, response) => this.#handle(request, response, 'none'));
    server.on('clientError', (error, socket) => this.#onClientError(error, socket));
    server.on('connect', (_request, socket) =>
      writeRawError(socket, 405, 'CONNECT is not served here', this.#pipeline.nextId()),
    );
    server.on('timeout', (socket) => this.#onIdle(socket));
    server.on('tlsClientError', (error, socket) => {
      this.#log.debug({ remoteAddress: socket.remoteAddress, err: error }, 'tls handshake failed');
    });
  }

  #open(socket: Socket): Connection {
    const connection = new Connection(socket);
    connection.isClosing = this.#isClosing;
    this.#connections.set(socket, connection);
    socket.once('close', () => {
      this.#connections.delete(socket);
      connection.abandonAll();
    });
    return connection;
  }

  #handle(request: IncomingMessage, response: ServerResponse, expectation: Expectation): void {
    const connection = this.#connections.get(request.socket);
    if (connection === undefined) {
      request.socket.destroy();
      return;
    }
    void this.#pipeline.handle(request, response, {
      connection,
      expectation,
      bodyIdleTimeoutMs: this.#limits.bodyIdleTimeoutMs,
    });
  }

  /** The parser gave up on the connection, or the head took too long, or the socket failed. */
  #onClientError(error: Error & { code?: string }, socket: Duplex): void {
    const connection = this.#connections.get(socket);
    if (connection === undefined || socket.destroyed) {
      socket.destroy();
      return;
    }
    // Every further byte makes the parser complain again.
    if (connection.isBroken) return;
    connection.isBroken = true;
    if (error.code === 'ECONNRESET' || error.code === 'EPIPE' || !socket.writable) {
      socket.destroy();
      return;
    }
    const { status, message } = judgeParseError(error);
    const id = this.#pipeline.nextId();
    this.#log.info(
      { id, status, error: error.code, remoteAddress: connection.remoteAddress },
      'request not readable',
    );
    if (connection.isIdle) {
      writeRawError(socket, status, message, id);
      return;
    }
    // What is being answered comes first; if its body is what broke, that is its answer. Nothing follows it.
    const kind = error.code === 'HPE_INVALID_EOF_STATE' ? 'request-incomplete' : 'request-invalid';
    connection.newest?.failBody(new StoreError(kind, message));
    connection.endWhenIdle();
  }

  /** No byte moved on the socket for the stall time (or, between requests, the keep-alive time). */
  #onIdle(socket: Socket): void {
    const connection = this.#connections.get(socket);
    if (connection === undefined || connection.isIdle || socket.writableLength > 0) {
      socket.destroy();
      return;
    }
    // The client waits for us, or its body has its own timeout. The timer fires once; set it again.
    socket.setTimeout(this.#limits.writeStallTimeoutMs);
  }
}

/** Known to node since 2011 and in no type declaration: without it a FIN makes node end the response side too. */
function allowHalfOpen(server: Server): void {
  (server as Server & { httpAllowHalfOpen: boolean }).httpAllowHalfOpen = true;
}
