import { StoreError } from '@zot-artifact-store/spec';
import type { RequestContext } from '../http/protocol.ts';

/** Where a chunk goes and how long it is, as far as the request says. */
export interface ChunkRange {
  readonly at?: number;
  readonly lengthBytes?: number;
}

/**
 * Reads `Content-Range` and `Content-Length` of a chunk. The spec's form is `<start>-<end>`; that of RFC 9110,
 * `bytes <start>-<end>/<size>`, means the same and is taken too. Without it the body goes behind what is there.
 * Throws `upload-out-of-order` (416, as zot) when the range is malformed or not as long as the body.
 */
export function parseChunkRange({ head, body }: Pick<RequestContext, 'head' | 'body'>): ChunkRange {
  const header = head.headers['content-range'];
  const { declaredBytes } = body;
  if (typeof header !== 'string') {
    return declaredBytes === undefined ? {} : { lengthBytes: declaredBytes };
  }
  const match = /^(?:bytes )?([0-9]{1,15})-([0-9]{1,15})(?:\/(?:[0-9]{1,15}|\*))?$/.exec(header);
  const start = Number(match?.[1]);
  const end = Number(match?.[2]);
  const lengthBytes = end - start + 1;
  // NaN, from a header that did not match, fails the first test.
  if (!(lengthBytes > 0) || (declaredBytes !== undefined && declaredBytes !== lengthBytes)) {
    throw new StoreError(
      'upload-out-of-order',
      `Content-Range "${header.slice(0, 60)}" is not the range of this chunk; write <first byte>-<last byte>`,
      {
        resource: header.slice(0, 60),
        ...(declaredBytes === undefined ? {} : { detail: { declaredBytes } }),
      },
    );
  }
  return { at: start, lengthBytes };
}
