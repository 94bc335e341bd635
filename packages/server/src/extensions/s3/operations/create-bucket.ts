import type { Handler } from '../handlers.ts';
import type { BucketOperation } from '../operation.ts';
import { userOf } from '../owner.ts';
import { emptyReply } from '../reply.ts';

/** The body (CreateBucketConfiguration), ACL, ownership and lock headers are read here as they come. */
export const createBucket: Handler<BucketOperation> = async (
  { bucket },
  { principal },
  { buckets, options },
) => {
  await buckets.create(bucket, {
    owner: userOf(principal),
    region: options.region,
    versioning: 'unversioned',
    objectLock: false,
    ownership: 'BucketOwnerEnforced',
    acl: [],
    documents: {},
  });
  return emptyReply(200, { location: `/${bucket}` });
};
