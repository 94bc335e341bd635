import type { StoreError } from '@zot-artifact-store/spec';
import type { Permission, Principal } from '../extension/access.ts';
import type { NotedFacts } from '../extension/recorder.ts';

/** What arrived before the body, exactly as it arrived; nothing in it is decoded or normalised. */
export interface RequestHead {
  /** Ours, unique; in logs, error bodies and the `X-Request-Id` response header. */
  readonly id: string;
  readonly method: string;
  /** The raw request target, `/path?query`. */
  readonly target: string;
  /** The raw path of the target, before any `?`. */
  readonly path: string;
  /** The raw query string, after the first `?`; '' when there is none. */
  readonly query: string;
  /** Lower-case names; repeated headers joined as node:http does. */
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** Name, value, name, value as received, to find repeated headers and to sign. */
  readonly rawHeaders: readonly string[];
  readonly remoteAddress: string;
  readonly tls?: { readonly version: string; readonly clientCertificate?: Readonly<Record<string, unknown>> };
}

/** A request body: read at most once, with back-pressure. The first pull sends `100 Continue` when the client waits for it. */
export interface RequestBody extends AsyncIterable<Uint8Array> {
  /** `Content-Length` in bytes; undefined when the body is chunked or of unknown length; 0 when there is none. */
  readonly declaredBytes: number | undefined;
  /** The whole body in memory. Throws `body-too-large` above the limit, `request-incomplete` when it ends early. */
  collect(limitBytes: number): Promise<Buffer>;
}

export type ReplyBody =
  | Uint8Array
  | string
  /** Streamed with back-pressure; must yield exactly `sizeBytes` when that is given. */
  | { readonly stream: AsyncIterable<Uint8Array>; readonly sizeBytes?: number };

export interface Reply {
  readonly status: number;
  /** Lower-case names. Content-Length is set from the body unless given (a HEAD gives it and has no body). */
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  readonly body?: ReplyBody;
}

/** What a request was classified as. A closed union per protocol extends this. */
export interface Operation {
  /** `oci.GetManifest`: permission name, metric label and log field in one. */
  readonly name: string;
  /** All must be allowed before the operation runs. Empty: open to everyone (health, and what decides for itself). */
  readonly permissions: readonly Permission[];
}

/** What an operation gets to work with. */
export interface RequestContext {
  readonly head: RequestHead;
  readonly body: RequestBody;
  readonly principal: Principal;
  /** Aborted when the client goes away or the server stops. */
  readonly signal: AbortSignal;
  /** Asks the authorisers about something beyond the operation's own permissions (a mount's source, a list entry). */
  can(permission: Permission): Promise<boolean>;
  /** `WWW-Authenticate` values, as a 401 has them, for a reply that wants to tell how to log in for more. */
  challenges(): readonly string[];
  /**
   * Tells the audit trail what the request alone does not say (`{ event: 'login' }`, `{ deletedKeys: 3 }`); a request
   * with a note is always written there. Never a secret. Later notes add to earlier ones.
   */
  note(facts: NotedFacts): void;
  /**
   * Authorises somebody whose credentials came in the body (a form with a policy), as the pipeline does before it runs
   * an operation. Throws `unauthenticated` or `denied`.
   */
  authorizeAs(principal: Principal, permissions: readonly Permission[]): Promise<void>;
}

/** One wire protocol: which requests are its own, what a request means, how it runs, how an error looks. */
export interface Protocol<Op extends Operation = Operation> {
  readonly name: string;
  /**
   * Whether the request is this protocol's, usually by its raw path, for virtual hosts by its `Host`. Pure, quick, and
   * never throws; the head has not been checked yet, so it may lack a `Host`. Extensions' protocols are asked first, in
   * the order the extensions were set up, then the registry's, then fallbacks.
   */
  claims(head: RequestHead): boolean;
  /** Asked after all others, for what nobody else claims. */
  readonly fallback?: true;
  /** Pure. Throws a StoreError for what cannot be understood. */
  classify(head: RequestHead): Op;
  run(operation: Op, context: RequestContext): Promise<Reply>;
  /** In the protocol's own format; `unauthenticated` gets the `www-authenticate` headers from the pipeline. */
  renderError(error: StoreError, head: RequestHead): Reply | Promise<Reply>;
}
