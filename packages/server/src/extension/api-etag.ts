import { createHash } from 'node:crypto';
import { StoreError } from '@zot-artifact-store/spec';
import type { RequestHead } from '../http/protocol.ts';

/** The entity tag of a JSON text the API answers; strong, and the same in every worker. */
export function apiEtag(json: string): string {
  return `"${createHash('sha256').update(json).digest('base64url').slice(0, 22)}"`;
}

/** Whether the client has what would be answered (`If-None-Match`). */
export function isKnownToClient(head: RequestHead, etag: string): boolean {
  const tags = listed(head.headers['if-none-match']);
  return tags.some((tag) => tag === '*' || tag.replace(/^W\//, '') === etag);
}

/**
 * For a change of something that a GET shows: throws `precondition-failed` when the request says `If-Match` and
 * `current` (what the GET would answer now; undefined when it is not there) is not what its sender saw.
 * `If-None-Match: *` asks that it is not there. Call it inside the transaction that makes the change.
 */
export function assertUnchanged(
  head: RequestHead,
  shown: { parse(value: unknown): unknown },
  current: unknown,
): void {
  const wanted = listed(head.headers['if-match']);
  const isThere = current !== undefined;
  if (wanted.length > 0) {
    const etag = isThere ? apiEtag(`${JSON.stringify(shown.parse(current))}\n`) : undefined;
    if (!isThere || !wanted.some((tag) => tag === '*' || tag === etag)) {
      throw new StoreError(
        'precondition-failed',
        'it is not what If-Match names; read it again and decide anew',
      );
    }
  }
  if (isThere && listed(head.headers['if-none-match']).includes('*')) {
    throw new StoreError('precondition-failed', 'it is there already, and If-None-Match asks that it is not');
  }
}

/** No entity tag of ours has a comma in it. */
function listed(header: string | string[] | undefined): readonly string[] {
  if (header === undefined) return [];
  return String(header)
    .split(',')
    .map((tag) => tag.trim())
    .filter((tag) => tag !== '');
}
