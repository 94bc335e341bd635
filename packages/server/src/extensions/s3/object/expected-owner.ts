import type { BucketName } from '../bucket-name.ts';
import type { S3Deps } from '../deps.ts';
import { S3Error } from '../errors.ts';
import { canonicalId } from '../owner.ts';

/**
 * `x-amz-expected-bucket-owner`: users have no account numbers here, so it is their name or their canonical id. Throws
 * AccessDenied when the bucket is somebody else's; that there is no such bucket is left to the operation.
 */
export async function assertBucketOwner(
  bucket: BucketName,
  expected: string,
  { buckets }: Pick<S3Deps, 'buckets'>,
): Promise<void> {
  const owner = (await buckets.find(bucket))?.record.owner;
  if (owner === undefined || expected === owner || expected === canonicalId(owner)) return;
  throw new S3Error('AccessDenied', 'Access Denied: the bucket belongs to somebody else than expected.');
}
