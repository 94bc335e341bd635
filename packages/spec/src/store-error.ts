/**
 * Every way a request can fail, named by what is wrong and free of any protocol. Each protocol owns a table
 * `satisfies Record<ErrorKind, ...>` that gives a kind its code and status.
 */
export const ERROR_KINDS = [
  // what the client sent
  'name-invalid',
  'tag-invalid',
  'digest-invalid',
  'digest-mismatch',
  'argument-invalid',
  'request-invalid',
  'size-invalid',
  'length-required',
  'body-too-large',
  'uri-too-long',
  'headers-too-large',
  'range-unsatisfiable',
  'upload-out-of-order',
  'upload-invalid',
  'manifest-invalid',
  'manifest-blob-unknown',
  'manifest-too-large',
  'media-type-unsupported',
  'request-incomplete',
  'request-timeout',
  // what is not there
  'repository-unknown',
  'manifest-unknown',
  'blob-unknown',
  'upload-unknown',
  'resource-unknown',
  'route-unknown',
  // what is not allowed
  'unauthenticated',
  'denied',
  'in-use',
  'method-not-allowed',
  'not-implemented',
  'precondition-failed',
  'conflict',
  'too-many-requests',
  // what the server cannot do now
  'storage-full',
  'unavailable',
  'blob-corrupt',
  'internal',
] as const;

export type ErrorKind = (typeof ERROR_KINDS)[number];

export interface StoreErrorOptions {
  /** What the error is about: a repository, digest, tag, session id. Shown to the client; never a secret or a path. */
  readonly resource?: string;
  /** More for people or programs, shown to the client in the protocol's detail field. JSON-serialisable. */
  readonly detail?: unknown;
  /** Seconds after which a retry makes sense; becomes `Retry-After`. */
  readonly retryAfterSeconds?: number;
  /** Extra response headers the kind calls for (an `Allow`, a `Content-Range`), by lower-case name. */
  readonly headers?: Readonly<Record<string, string>>;
  /** The foreign error this one translates; logged, never shown. */
  readonly cause?: unknown;
}

/** The only error domain code throws on purpose; anything else that escapes is a bug and becomes `internal`. */
export class StoreError extends Error {
  override readonly name = 'StoreError';
  readonly kind: ErrorKind;
  readonly resource: string | undefined;
  readonly detail: unknown;
  readonly retryAfterSeconds: number | undefined;
  readonly headers: Readonly<Record<string, string>>;

  /** `message` is one clear sentence for a person: what was wrong, which value, what to do. */
  constructor(kind: ErrorKind, message: string, options: StoreErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.kind = kind;
    this.resource = options.resource;
    this.detail = options.detail;
    this.retryAfterSeconds = options.retryAfterSeconds;
    this.headers = options.headers ?? {};
  }
}

export function isStoreError(error: unknown, kind?: ErrorKind): error is StoreError {
  return error instanceof StoreError && (kind === undefined || error.kind === kind);
}
