import { collectPayload } from '../auth/collect-payload.ts';
import { type LifecycleRule, lifecycleElement, parseLifecycle } from '../config-documents/lifecycle.ts';
import { S3Error } from '../errors.ts';
import type { Handler } from '../handlers.ts';
import type { BucketOperation } from '../operation.ts';
import { emptyReply, xmlReply } from '../reply.ts';

const MAX_BYTES = 512 * 1024;

/** As `putBucketLifecycle` writes them. */
export function storedLifecycle(text: string): readonly LifecycleRule[] {
  return JSON.parse(text) as readonly LifecycleRule[];
}

export const getBucketLifecycle: Handler<BucketOperation> = async ({ bucket: name }, _context, deps) => {
  const rules = await deps.documents.parsed(await deps.buckets.require(name), 'lifecycle', storedLifecycle);
  if (rules === undefined) {
    throw new S3Error('NoSuchLifecycleConfiguration', 'The lifecycle configuration does not exist', {
      fields: { BucketName: name },
    });
  }
  return xmlReply('LifecycleConfiguration', lifecycleElement(rules));
};

export const putBucketLifecycle: Handler<BucketOperation> = async ({ bucket }, context, deps) => {
  await deps.buckets.require(bucket);
  const rules = parseLifecycle(await collectPayload(context, MAX_BYTES));
  await deps.documents.put(bucket, 'lifecycle', JSON.stringify(rules));
  return emptyReply(200);
};

export const deleteBucketLifecycle: Handler<BucketOperation> = async ({ bucket }, _context, deps) => {
  await deps.documents.remove(bucket, 'lifecycle');
  return emptyReply(204);
};
