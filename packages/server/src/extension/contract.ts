import type { Descriptor, Digest } from '@zot-artifact-store/spec';
import type { Logger } from 'pino';
import type { ZodType } from 'zod';
import type { ContentStore } from '../content/content-store.ts';
import type { Operation, Protocol, RequestHead } from '../http/protocol.ts';
import type { MetadataStore } from '../metadata/metadata-store.ts';
import type { Registry } from '../registry/registry.ts';
import type { Permission, Principal, UserPrincipal } from './access.ts';
import type { ApiRoute } from './api-route.ts';
import type { EventSink, StoreEvent } from './events.ts';
import type { Recorder } from './recorder.ts';

/** What an authenticator says of a request. The first that does not abstain decides. */
export type Authentication =
  | { readonly outcome: 'abstain' }
  | { readonly outcome: 'principal'; readonly principal: Principal }
  /** Credentials were given and are wrong; the client gets 401. The message must not tell a wrong name from a wrong password. */
  | { readonly outcome: 'refuse'; readonly message: string };

export interface Authenticator {
  authenticate(head: RequestHead, operation: Operation): Promise<Authentication>;
  /** A `WWW-Authenticate` value to offer with a 401, or undefined to offer none for this request. */
  challenge?(head: RequestHead, operation: Operation | undefined): string | undefined;
}

/** `deny` wins over `allow`; nobody allowing is a denial once any authoriser exists. */
export interface Authorization {
  readonly effect: 'allow' | 'deny' | 'abstain';
  /** Which rule decided, for the log and for explanations; never shown to an unprivileged client. */
  readonly reason?: string;
  /** What whoever wrote the rule wants a client to be told with the 403: no secret. */
  readonly message?: string;
  /** The document the rule is in, and its statement there: `policy "deployers"`, `0` or its Sid. */
  readonly decidedBy?: { readonly document: string; readonly statement?: string };
}

export interface Authorizer {
  authorize(
    principal: Principal,
    permission: Permission,
    head: RequestHead,
  ): Promise<Authorization> | Authorization;
}

/** What all authorisers say of one permission. */
export interface Decision {
  readonly effect: 'allow' | 'deny';
  /** The one that decided; missing when nobody allowed it. */
  readonly decidedBy?: Authorization;
  /** What each said, in order; those after a denial were not asked. */
  readonly opinions: readonly Authorization[];
}

/** Who somebody is when it is not the request's own Authorization that says so. At most one extension brings it. */
export interface Identities {
  /** The user a token of a trusted issuer stands for. Throws `unauthenticated`. */
  verifyToken(token: string): Promise<UserPrincipal>;
  /**
   * The user as known now, for credentials that name their owner: with today's groups. A name nobody wrote down is a
   * user without groups; undefined when the user was disabled or deleted, or is not the one for whom a credential was
   * made at `credentialMadeAtMs`.
   */
  userNamed(
    name: string,
    options?: { readonly credentialMadeAtMs?: number },
  ): Promise<UserPrincipal | undefined>;
}

export interface Subject {
  readonly principal: Principal;
  /** `s3/<bucket>` for buckets and objects. */
  readonly repository: string;
}

/**
 * Awaited before anything is written or served. A veto refuses by throwing a StoreError (`denied`, `in-use`,
 * `precondition-failed`, ...), which the client sees in its protocol's form; returning lets the request go on.
 */
export interface Vetoes {
  beforeIngest?(subject: Subject & { readonly declaredBytes: number | undefined }): Promise<void>;
  beforeManifestPut?(
    subject: Subject & {
      readonly digest: Digest;
      readonly mediaType: string;
      readonly tags: readonly string[];
      /** The exact bytes that will be stored. */
      readonly bytes: Uint8Array;
      readonly subject: Descriptor | undefined;
    },
  ): Promise<void>;
  beforeServe?(
    subject: Subject & { readonly kind: 'manifest' | 'blob' | 'object'; readonly digest: Digest },
  ): Promise<void>;
  beforeDelete?(
    subject: Subject & {
      readonly kind: 'manifest' | 'tag' | 'blob' | 'object';
      /** A digest, a tag, or the key of an object. */
      readonly reference: string;
    },
  ): Promise<void>;
}

/**
 * Told of events after their commit, at least once, in order per worker, through an outbox row written in the same
 * transaction. A throw means "again later", with growing pauses; an observer must therefore be idempotent.
 */
export interface Observer {
  /** Unique within the extension; names the outbox queue, so renaming it forgets what was queued. */
  readonly name: string;
  observe(event: StoreEvent, signal: AbortSignal): Promise<void>;
}

/** Background work. Runs in one worker of all at a time, under a lease. */
export interface Task {
  readonly name: string;
  readonly intervalMs: number;
  run(signal: AbortSignal): Promise<void>;
}

export interface HealthCheck {
  readonly name: string;
  /** Resolves when healthy, rejects with a message for people when not. Readiness only; liveness checks no dependency. */
  check(signal: AbortSignal): Promise<void>;
  /** What is wrong is told, and the server is ready all the same, because it can still do much of its work. */
  readonly isAdvisory?: true;
}

/** What an extension brings. Data, not registration calls: the host reads it once, then seals. */
export interface Parts {
  readonly protocols?: readonly Protocol[];
  readonly authenticators?: readonly Authenticator[];
  readonly authorizers?: readonly Authorizer[];
  readonly vetoes?: Vetoes;
  readonly observers?: readonly Observer[];
  readonly tasks?: readonly Task[];
  readonly health?: readonly HealthCheck[];
  /** Told of every request before it is answered. */
  readonly recorders?: readonly Recorder[];
  /** Served under `/-/api/v1`, and told of in its OpenAPI description. */
  readonly api?: readonly ApiRoute[];
  readonly identities?: Identities;
  /** Called once at stop, in reverse order of setup, with a deadline in the signal. */
  shutdown?(signal: AbortSignal): Promise<void>;
}

/** What an extension gets. */
export interface ExtensionHost {
  readonly log: Logger;
  readonly clock: { now(): number };
  /** The whole store; an extension keeps its own records under `extensionKey(name, ...)` (see keyspace.ts). */
  readonly metadata: MetadataStore;
  /** The main volume. */
  readonly content: ContentStore;
  readonly registry: Registry;
  /**
   * The vetoes of all extensions as one. An extension that writes or serves content asks them as the registry does:
   * before its transaction, and again inside it where what they look at may have changed.
   */
  readonly vetoes: Required<Vetoes>;
  /** Written to inside the transaction that does what the event tells of. */
  readonly events: EventSink;
  /** Those of the extension that brings them; for requests, not for use during setup. */
  readonly identities: Identities;
  /** The actions of all routes of the management API: `admin:ListUsers`. For requests, not for use during setup. */
  adminActions(): readonly string[];
  /** Asks all authorisers, as the pipeline does. For requests, not for use during setup. */
  decide(principal: Principal, permission: Permission, head: RequestHead): Promise<Decision>;
  /**
   * 32 secret bytes, the same at every start of this store and for this purpose, others for every other purpose and
   * extension (HKDF-SHA-256 of the store's secret key). A stolen copy of the metadata does not hold them.
   */
  deriveSecret(purpose: string): Uint8Array;
}

export interface Extension<Config = unknown> {
  /** Lower-case, unique; also the key of its section under `extensions` in the config file. */
  readonly name: string;
  readonly dependsOn?: readonly string[];
  /** Its config section is parsed with this before setup; all extensions' problems are reported together. */
  readonly config: ZodType<Config>;
  setup(host: ExtensionHost, config: Config): Promise<Parts> | Parts;
}

/** Gives the config type its inference; returns its argument. */
export function defineExtension<Config>(extension: Extension<Config>): Extension<Config> {
  return extension;
}
