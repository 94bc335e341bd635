import type { Handler } from '../handlers.ts';
import type { BucketOperation } from '../operation.ts';
import { emptyReply } from '../reply.ts';

export const deleteBucket: Handler<BucketOperation> = async ({ bucket }, _context, { buckets }) => {
  await buckets.delete(bucket);
  return emptyReply(204);
};
