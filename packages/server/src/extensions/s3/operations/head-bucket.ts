import type { Handler } from '../handlers.ts';
import type { BucketOperation } from '../operation.ts';
import { emptyReply } from '../reply.ts';

export const headBucket: Handler<BucketOperation> = async ({ bucket }, _context, { buckets }) => {
  const { record } = await buckets.require(bucket);
  return emptyReply(200, {
    'x-amz-bucket-region': record.region,
    'x-amz-bucket-arn': `arn:aws:s3:::${bucket}`,
  });
};
