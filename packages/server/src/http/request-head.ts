import type { IncomingMessage } from 'node:http';
import { StoreError } from '@zot-artifact-store/spec';
import type { Connection } from './connection.ts';
import type { RequestHead } from './protocol.ts';

/** Longer request targets get 414: the longest legitimate ones, presigned with a session token, stay well below. */
export const MAX_TARGET_LENGTH = 16_384;

/** Reads the head off node's request without decoding anything. Never throws; `checkHead` judges it. */
export function readHead(request: IncomingMessage, id: string, connection: Connection): RequestHead {
  const target = request.url ?? '';
  const local = target.charCodeAt(0) === SLASH ? target : withoutAuthority(target);
  const mark = local.indexOf('?');
  const head = {
    id,
    method: request.method ?? '',
    target,
    path: mark < 0 ? local : local.slice(0, mark),
    query: mark < 0 ? '' : local.slice(mark + 1),
    headers: request.headers,
    rawHeaders: request.rawHeaders,
    remoteAddress: connection.remoteAddress,
  };
  return connection.tls === undefined ? head : { ...head, tls: connection.tls };
}

/**
 * Refuses what no protocol should see: `uri-too-long`, a missing or repeated `Host` (RFC 9112 3.2), more than one
 * `Authorization` (`unauthenticated`, since choosing either could be the wrong one), a transfer coding we do not decode.
 */
export function checkHead(head: RequestHead, httpVersion: string): void {
  if (head.target.length > MAX_TARGET_LENGTH) {
    throw new StoreError('uri-too-long', `the request target is longer than ${MAX_TARGET_LENGTH} characters`);
  }
  const { rawHeaders } = head;
  let hosts = 0;
  let authorizations = 0;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i];
    if (name === undefined) continue;
    if (name.length === 4 && name.toLowerCase() === 'host') hosts++;
    else if (name.length === 13 && name.toLowerCase() === 'authorization') authorizations++;
  }
  if (hosts > 1 || (hosts === 0 && httpVersion === '1.1')) {
    throw new StoreError('request-invalid', 'an HTTP/1.1 request needs exactly one Host header');
  }
  if (authorizations > 1) {
    throw new StoreError('unauthenticated', 'the request has more than one Authorization header; send one');
  }
  const coding = head.headers['transfer-encoding'];
  if (typeof coding === 'string' && coding.toLowerCase() !== 'chunked') {
    throw new StoreError('not-implemented', 'the only transfer coding understood here is chunked');
  }
}

/** Bytes the head promises; undefined for a chunked body, 0 for none. The parser has checked the digits. */
export function declaredBytes(headers: IncomingMessage['headers']): number | undefined {
  if (headers['transfer-encoding'] !== undefined) return undefined;
  const length = headers['content-length'];
  return length === undefined ? 0 : Number(length);
}

const SLASH = 47;

/** `http://host/path` (RFC 9112 3.2.2, which a server must accept) without its scheme and host; `*` stays `*`. */
function withoutAuthority(target: string): string {
  const scheme = target.indexOf('://');
  if (scheme < 0) return target;
  const slash = target.indexOf('/', scheme + 3);
  const mark = target.indexOf('?', scheme + 3);
  if (slash >= 0 && (mark < 0 || slash < mark)) return target.slice(slash);
  return mark < 0 ? '/' : `/${target.slice(mark)}`;
}
