import type { Handler } from '../handlers.ts';
import type { BucketOperation } from '../operation.ts';
import { emptyReply } from '../reply.ts';

export const deleteBucket: Handler<BucketOperation> = async ({ bucket }, { principal }, deps) => {
  await deps.buckets.delete(bucket, (transaction) =>
    deps.events.write(transaction, {
      type: 'bucket.deleted',
      repository: `s3/${bucket}`,
      bucket,
      ...(principal.kind === 'user' && { actor: principal.name }),
    }),
  );
  return emptyReply(204);
};
