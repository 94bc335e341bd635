import type { ErrorKind, StoreError } from '@zot-artifact-store/spec';
import type { Reply, RequestHead } from '../../../http/protocol.ts';

const STATUS: Partial<Record<ErrorKind, number>> = {
  unauthenticated: 401,
  denied: 403,
  'resource-unknown': 404,
  'route-unknown': 404,
  'method-not-allowed': 405,
  'request-timeout': 408,
  conflict: 409,
  'body-too-large': 413,
  'uri-too-long': 414,
  'media-type-unsupported': 415,
  'too-many-requests': 429,
  'headers-too-large': 431,
  internal: 500,
  'not-implemented': 501,
  unavailable: 503,
  'storage-full': 507,
};

/** Codes of the distribution specification, which clients of registries show to people. */
const CODE: Partial<Record<ErrorKind, string>> = {
  unauthenticated: 'UNAUTHORIZED',
  denied: 'DENIED',
  'too-many-requests': 'TOOMANYREQUESTS',
};

/** How the paths under `/zot/auth` tell of errors: as the registry does. */
export function zotAuthError({ kind, message }: StoreError, _head: RequestHead): Reply {
  const code = CODE[kind] ?? kind.toUpperCase().replaceAll('-', '_');
  return {
    status: STATUS[kind] ?? 400,
    headers: { 'content-type': 'application/json', 'cache-control': 'no-store' },
    body: `${JSON.stringify({ errors: [{ code, message }] })}\n`,
  };
}
