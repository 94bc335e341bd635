import type { ErrorKind, StoreError } from '@zot-artifact-store/spec';
import type { Reply, RequestHead } from '../http/protocol.ts';

/** The codes of the distribution-spec ("Error Codes"); a 4xx body may use no other. */
type SpecCode =
  | 'BLOB_UNKNOWN'
  | 'BLOB_UPLOAD_INVALID'
  | 'BLOB_UPLOAD_UNKNOWN'
  | 'DIGEST_INVALID'
  | 'MANIFEST_BLOB_UNKNOWN'
  | 'MANIFEST_INVALID'
  | 'MANIFEST_UNKNOWN'
  | 'NAME_INVALID'
  | 'NAME_UNKNOWN'
  | 'SIZE_INVALID'
  | 'UNAUTHORIZED'
  | 'DENIED'
  | 'UNSUPPORTED'
  | 'TOOMANYREQUESTS';

/** What docker's registry answers with a 5xx; clients know them as "may be retried". */
type ServerCode = 'UNKNOWN' | 'UNAVAILABLE';

interface OciError {
  readonly code: SpecCode | ServerCode;
  readonly status: number;
}

/** How each kind of failure looks to an OCI client. Where the spec names no status, zot's is used. */
export const OCI_ERRORS = {
  'name-invalid': { code: 'NAME_INVALID', status: 400 },
  // The spec has no code for a tag; a reference belongs to a manifest request.
  'tag-invalid': { code: 'MANIFEST_INVALID', status: 400 },
  'digest-invalid': { code: 'DIGEST_INVALID', status: 400 },
  'digest-mismatch': { code: 'DIGEST_INVALID', status: 400 },
  'argument-invalid': { code: 'UNSUPPORTED', status: 400 },
  'request-invalid': { code: 'UNSUPPORTED', status: 400 },
  'size-invalid': { code: 'SIZE_INVALID', status: 400 },
  'length-required': { code: 'SIZE_INVALID', status: 411 },
  'body-too-large': { code: 'SIZE_INVALID', status: 413 },
  'uri-too-long': { code: 'UNSUPPORTED', status: 414 },
  'headers-too-large': { code: 'UNSUPPORTED', status: 431 },
  'range-unsatisfiable': { code: 'SIZE_INVALID', status: 416 },
  'upload-out-of-order': { code: 'BLOB_UPLOAD_INVALID', status: 416 },
  'upload-invalid': { code: 'BLOB_UPLOAD_INVALID', status: 400 },
  'manifest-invalid': { code: 'MANIFEST_INVALID', status: 400 },
  // "it MUST result in one or more MANIFEST_BLOB_UNKNOWN errors" (distribution-spec, "Push").
  'manifest-blob-unknown': { code: 'MANIFEST_BLOB_UNKNOWN', status: 400 },
  'manifest-too-large': { code: 'MANIFEST_INVALID', status: 413 },
  'media-type-unsupported': { code: 'UNSUPPORTED', status: 415 },
  'request-incomplete': { code: 'SIZE_INVALID', status: 400 },
  'request-timeout': { code: 'BLOB_UPLOAD_INVALID', status: 408 },

  'repository-unknown': { code: 'NAME_UNKNOWN', status: 404 },
  'manifest-unknown': { code: 'MANIFEST_UNKNOWN', status: 404 },
  'blob-unknown': { code: 'BLOB_UNKNOWN', status: 404 },
  'upload-unknown': { code: 'BLOB_UPLOAD_UNKNOWN', status: 404 },
  'resource-unknown': { code: 'UNSUPPORTED', status: 404 },
  'route-unknown': { code: 'UNSUPPORTED', status: 404 },

  unauthenticated: { code: 'UNAUTHORIZED', status: 401 },
  denied: { code: 'DENIED', status: 403 },
  // zot answers 405 for what something else still refers to, which clients read as "deletion refused here".
  'in-use': { code: 'DENIED', status: 405 },
  'method-not-allowed': { code: 'UNSUPPORTED', status: 405 },
  'not-implemented': { code: 'UNSUPPORTED', status: 501 },
  'precondition-failed': { code: 'DENIED', status: 412 },
  conflict: { code: 'DENIED', status: 409 },
  'too-many-requests': { code: 'TOOMANYREQUESTS', status: 429 },

  // The spec has no code for a full disk. DENIED is in its list, and clients do not retry it: pushing the same
  // layer again at once would only keep the disk full.
  'storage-full': { code: 'DENIED', status: 507 },
  unavailable: { code: 'UNAVAILABLE', status: 503 },
  // Not 404: the blob is there and altered, and a pull must not read as "never pushed".
  'blob-corrupt': { code: 'BLOB_UNKNOWN', status: 500 },
  internal: { code: 'UNKNOWN', status: 500 },
} as const satisfies Record<ErrorKind, OciError>;

/** What a 429 or 503 without a better idea of its own suggests. */
const DEFAULT_RETRY_AFTER_SECONDS = 1;

/** The spec's body, `{"errors":[{code,message,detail}]}`, for every failure, 401 and 404 included. */
export function renderOciError(error: StoreError, head: RequestHead): Reply {
  const { code, status } = OCI_ERRORS[error.kind];
  const headers: Record<string, string> = {
    ...error.headers,
    // docker looks for it on the 401 of its first request before it believes in version 2 of the API.
    'docker-distribution-api-version': 'registry/2.0',
    'content-type': 'application/json',
  };
  // RFC 9110 15.5.6: a 405 names what the resource does allow; what is in use can be read.
  if (error.kind === 'in-use') headers.allow ??= 'GET, HEAD';
  const retryAfterSeconds = error.retryAfterSeconds ?? defaultRetryAfterSeconds(status);
  if (retryAfterSeconds !== undefined) {
    headers['retry-after'] = String(Math.max(1, Math.ceil(retryAfterSeconds)));
  }
  const detail = error.kind === 'internal' ? { requestId: head.id } : errorDetail(error);
  const entry = { code, message: error.message, ...(detail === undefined ? {} : { detail }) };
  return { status, headers, body: JSON.stringify({ errors: [entry] }) };
}

function defaultRetryAfterSeconds(status: number): number | undefined {
  return status === 429 || status === 503 ? DEFAULT_RETRY_AFTER_SECONDS : undefined;
}

function errorDetail(error: StoreError): unknown {
  if (error.resource === undefined) return error.detail;
  if (error.detail === undefined) return { resource: error.resource };
  if (isPlainObject(error.detail)) return { resource: error.resource, ...error.detail };
  return { resource: error.resource, reason: error.detail };
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
