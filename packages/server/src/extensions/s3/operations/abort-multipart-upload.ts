import type { Handler } from '../handlers.ts';
import type { ObjectOperation } from '../operation.ts';
import { emptyReply } from '../reply.ts';

/** Ends an upload without an object; its parts are let go in the background. */
export const abortMultipartUpload: Handler<ObjectOperation> = async (
  { bucket: name, key, query },
  _context,
  { buckets, content, uploads },
) => {
  const uploadId = query.get('uploadId') ?? '';
  await content.transact([], async (transaction) => {
    transaction.mayUseReserve = true;
    const bucket = await buckets.require(name);
    const place = { bucket, key, uploadId };
    uploads.end(transaction, place, await uploads.require(place));
  });
  return emptyReply(204);
};
