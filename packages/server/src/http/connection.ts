import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { StoreError } from '@zot-artifact-store/spec';
import type { RequestHead } from './protocol.ts';

/** What a request in flight lets its connection tell it. */
export interface InFlight {
  /** The rest of the body cannot be read; `error` is what its reader gets. */
  failBody(error: StoreError): void;
  /** The client is gone: nothing that is written can arrive. */
  abandon(): void;
}

/** One client connection, for as long as its socket is open. */
export class Connection {
  readonly socket: Socket;
  readonly remoteAddress: string;
  readonly tls: RequestHead['tls'];
  /** Set once no further request is wanted: the newest response says `Connection: close`, and the socket ends after it. */
  isClosing = false;
  /** Set once the parser gave up on what the client sends. */
  isBroken = false;
  /** Requests that were handed on and whose response is not flushed yet; several when the client pipelines. */
  readonly #inFlight = new Set<InFlight>();
  #newest: InFlight | undefined;

  constructor(socket: Socket) {
    this.socket = socket;
    this.remoteAddress = socket.remoteAddress ?? '';
    this.tls = socket instanceof TLSSocket ? describeTls(socket) : undefined;
  }

  get isIdle(): boolean {
    return this.#inFlight.size === 0;
  }

  /** The request whose body the parser is at, when it is still in flight. */
  get newest(): InFlight | undefined {
    return this.#newest;
  }

  begin(request: InFlight): void {
    this.#inFlight.add(request);
    this.#newest = request;
  }

  /** The response is flushed. Ends the connection when that was the last it had to give. */
  finish(request: InFlight): void {
    this.#inFlight.delete(request);
    if (this.#newest === request) this.#newest = undefined;
    if (this.isClosing) this.endWhenIdle();
  }

  /** Ends the connection, once the requests in flight are answered. */
  endWhenIdle(): void {
    this.isClosing = true;
    if (this.#inFlight.size === 0) this.socket.destroySoon();
  }

  /**
   * The socket has closed. Node tells only the response that was being written; those queued behind it, on a
   * pipelining connection, would wait for ever.
   */
  abandonAll(): void {
    for (const request of this.#inFlight) request.abandon();
    this.#inFlight.clear();
    this.#newest = undefined;
  }
}

function describeTls(socket: TLSSocket): NonNullable<RequestHead['tls']> {
  const version = socket.getProtocol() ?? '';
  // A certificate that did not verify must not look like an identity to anyone.
  if (!socket.authorized) return { version };
  return { version, clientCertificate: { ...socket.getPeerCertificate() } };
}
