import { parseHttpDate } from '../../../http/http-date.ts';
import type { RequestHead } from '../../../http/protocol.ts';
import { headerOf } from '../auth/header-of.ts';
import type { Handler } from '../handlers.ts';
import { preconditionFailed } from '../object/conditional-read.ts';
import { invalidArgument } from '../object/invalid-argument.ts';
import type { ObjectOperation } from '../operation.ts';
import { emptyReply } from '../reply.ts';

const INITIATED = 'x-amz-if-match-initiated-time';

/** Ends an upload without an object; its parts are let go in the background. */
export const abortMultipartUpload: Handler<ObjectOperation> = async (
  { bucket: name, key, query },
  { head },
  { buckets, clock, content, uploads },
) => {
  const initiatedAtMs = initiatedAtAsked(head, clock.now());
  const uploadId = query.get('uploadId') ?? '';
  await content.transact([], async (transaction) => {
    transaction.mayUseReserve = true;
    const bucket = await buckets.require(name);
    const place = { bucket, key, uploadId };
    const upload = await uploads.require(place);
    if (initiatedAtMs !== undefined && initiatedAtMs !== wholeSecond(upload.record.initiatedAtMs)) {
      throw preconditionFailed('If-Match-Initiated-Time');
    }
    uploads.end(transaction, place, upload);
  });
  return emptyReply(204);
};

/** Only the upload that was begun then is to end; a date to come is as none. Throws InvalidArgument. */
function initiatedAtAsked(head: RequestHead, nowMs: number): number | undefined {
  const text = headerOf(head, INITIATED);
  if (text === undefined) return undefined;
  const atMs = parseHttpDate(text);
  if (atMs === undefined) throw invalidArgument(INITIATED, text, 'It must be a date of HTTP.');
  return atMs > nowMs ? undefined : atMs;
}

function wholeSecond(ms: number): number {
  return Math.floor(ms / 1000) * 1000;
}
