import type { IncomingMessage, ServerResponse } from 'node:http';
import { performance } from 'node:perf_hooks';
import { StoreError } from '@zot-artifact-store/spec';
import type { Permission, Principal } from '../extension/access.ts';
import type { Judgement, NotedFacts } from '../extension/recorder.ts';
import { IncomingBody } from './body.ts';
import type { Connection, InFlight } from './connection.ts';
import { authorizeAll, collectChallenges, type Deciders, type DecisionTrace, isAllowed } from './deciders.ts';
import type { Operation, Protocol, RequestBody, RequestContext, RequestHead } from './protocol.ts';
import { declaredBytes, readHead } from './request-head.ts';

/** Whether the client waits for `100 Continue`. Any other expectation is passed over (RFC 9110 10.1.1 allows it). */
export type Expectation = 'none' | 'continue';

export interface ExchangeOptions {
  readonly id: string;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly connection: Connection;
  readonly deciders: Deciders;
  readonly expectation: Expectation;
  readonly bodyIdleTimeoutMs: number;
}

const ANONYMOUS: Principal = { kind: 'anonymous' };

/**
 * One request and its response. Body and abort signal are made when first asked for: most requests need neither.
 */
export class Exchange implements RequestContext, InFlight, DecisionTrace {
  readonly head: RequestHead;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly connection: Connection;
  readonly expectation: Expectation;
  readonly declaredBytes: number | undefined;
  readonly startedAt = performance.now();
  principal: Principal = ANONYMOUS;
  protocol: Protocol | undefined;
  operation: Operation | undefined;
  readonly judgements: Judgement[] = [];
  notes: NotedFacts | undefined;
  /** The client went away before the response was flushed. */
  isGone = false;
  readonly #deciders: Deciders;
  readonly #bodyIdleTimeoutMs: number;
  #body: IncomingBody | undefined;
  #controller: AbortController | undefined;
  #bodyError: StoreError | undefined;

  constructor(options: ExchangeOptions) {
    this.request = options.request;
    this.response = options.response;
    this.connection = options.connection;
    this.expectation = options.expectation;
    this.#deciders = options.deciders;
    this.#bodyIdleTimeoutMs = options.bodyIdleTimeoutMs;
    this.head = readHead(options.request, options.id, options.connection);
    this.declaredBytes = declaredBytes(options.request.headers);
  }

  get body(): RequestBody {
    if (this.#body === undefined) {
      this.#body = new IncomingBody({
        request: this.request,
        response: this.response,
        declaredBytes: this.declaredBytes,
        awaitsContinue: this.expectation === 'continue',
        idleTimeoutMs: this.#bodyIdleTimeoutMs,
      });
      if (this.#bodyError !== undefined) this.#body.fail(this.#bodyError);
    }
    return this.#body;
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.isGone) this.#controller.abort(clientGone());
    }
    return this.#controller.signal;
  }

  get receivedBytes(): number {
    return this.#body?.receivedBytes ?? 0;
  }

  can(permission: Permission): Promise<boolean> {
    return isAllowed(this.#deciders, this.principal, permission, this.head);
  }

  note(facts: NotedFacts): void {
    this.notes = { ...this.notes, ...facts };
  }

  challenges(): readonly string[] {
    return collectChallenges(this.#deciders, this.head, this.operation);
  }

  async authorizeAs(principal: Principal, permissions: readonly Permission[]): Promise<void> {
    this.principal = principal;
    await authorizeAll(this.#deciders, this, permissions);
  }

  failBody(error: StoreError): void {
    if (this.#body === undefined) this.#bodyError ??= error;
    else this.#body.fail(error);
  }

  abandon(): void {
    if (this.isGone) return;
    this.isGone = true;
    this.#body?.fail(
      new StoreError('request-incomplete', 'the connection ended before the whole body arrived'),
    );
    this.#controller?.abort(clientGone());
  }

  /**
   * What is to be done with the part of the body nobody read. `drain`: little enough is left to read past it and keep
   * the connection. `linger`: too much, or it stopped coming, or the client holds it back and cannot know whether we
   * still expect it, so the connection must end after the response.
   */
  unreadBody(): 'none' | 'drain' | 'linger' {
    if (this.declaredBytes === 0) return 'none';
    if (this.#body?.isOverdue === true) return 'linger';
    if (this.#body?.isComplete === true || this.request.complete) return 'none';
    if (this.declaredBytes === undefined || this.isHeldBack) return 'linger';
    return this.declaredBytes - this.receivedBytes <= MAX_DRAINED_BYTES ? 'drain' : 'linger';
  }

  /** Whether the client waits for `100 Continue` and has sent nothing of the body, as far as we know. */
  get isHeldBack(): boolean {
    const isWaiting = this.#body === undefined ? this.expectation === 'continue' : this.#body.isHeldBack;
    return isWaiting && this.request.readableLength === 0 && !this.request.complete;
  }

  /** Lets go of the request; what is left of a short body is read past. */
  release(): void {
    this.#body?.dispose();
    if (!this.request.readableEnded) this.request.resume();
  }
}

/** More unread body than this costs the client its connection. */
const MAX_DRAINED_BYTES = 64 * 1024;

function clientGone(): StoreError {
  return new StoreError('request-incomplete', 'the client closed the connection');
}
