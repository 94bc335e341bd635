import { collectPayload } from '../auth/collect-payload.ts';
import { objectLockElement, parseObjectLock } from '../config-documents/object-lock.ts';
import { S3Error } from '../errors.ts';
import type { Handler } from '../handlers.ts';
import type { BucketOperation } from '../operation.ts';
import { emptyReply, xmlReply } from '../reply.ts';

const MAX_BYTES = 16 * 1024;

export const getObjectLockConfiguration: Handler<BucketOperation> = async (
  { bucket },
  _context,
  { buckets },
) => {
  const { objectLock, defaultRetention } = (await buckets.require(bucket)).record;
  if (!objectLock) {
    throw new S3Error(
      'ObjectLockConfigurationNotFoundError',
      'Object Lock configuration does not exist for this bucket',
      { fields: { BucketName: bucket } },
    );
  }
  return xmlReply('ObjectLockConfiguration', objectLockElement(defaultRetention));
};

/** Turns object lock on for a versioned bucket, for good, and sets what new objects are protected by. */
export const putObjectLockConfiguration: Handler<BucketOperation> = async (
  { bucket },
  context,
  { buckets },
) => {
  await buckets.require(bucket);
  const retention = parseObjectLock(await collectPayload(context, MAX_BYTES));
  await buckets.update(bucket, ({ record: { defaultRetention: _old, ...record } }) => {
    if (record.versioning !== 'enabled') {
      throw new S3Error(
        'InvalidBucketState',
        "Versioning must be 'Enabled' on the bucket to apply a Object Lock configuration",
        { fields: { BucketName: bucket } },
      );
    }
    return { ...record, objectLock: true, ...(retention && { defaultRetention: retention }) };
  });
  return emptyReply(200);
};
