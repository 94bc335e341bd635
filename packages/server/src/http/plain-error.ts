import type { ErrorKind, StoreError } from '@zot-artifact-store/spec';
import type { Reply } from './protocol.ts';

/** Statuses of the failures that can happen before a protocol is known. */
const STATUS: Partial<Record<ErrorKind, number>> = {
  'request-invalid': 400,
  'request-incomplete': 400,
  'argument-invalid': 400,
  unauthenticated: 401,
  denied: 403,
  'route-unknown': 404,
  'method-not-allowed': 405,
  'request-timeout': 408,
  'body-too-large': 413,
  'uri-too-long': 414,
  'headers-too-large': 431,
  'not-implemented': 501,
  unavailable: 503,
};

/** How an error looks where no protocol claims the request: the shape of the distribution-spec's error bodies. */
export function renderPlainError(error: StoreError, requestId: string): Reply {
  return plainReply(STATUS[error.kind] ?? 500, plainCode(error.kind), error.message, requestId);
}

export function plainReply(status: number, code: string, message: string, requestId: string): Reply {
  return {
    status,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ errors: [{ code, message, detail: { requestId } }] }),
  };
}

function plainCode(kind: ErrorKind): string {
  if (kind === 'unauthenticated') return 'UNAUTHORIZED';
  if (kind === 'denied') return 'DENIED';
  return STATUS[kind] === undefined ? 'UNKNOWN' : 'UNSUPPORTED';
}
