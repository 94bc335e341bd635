import { hasAcls, isPublicAcl } from '../access/acl.ts';
import { isPublicPolicy, MAX_POLICY_BYTES, parseBucketPolicy } from '../access/bucket-policy.ts';
import { collectPayload } from '../auth/collect-payload.ts';
import { S3Error } from '../errors.ts';
import type { Handler } from '../handlers.ts';
import type { BucketOperation } from '../operation.ts';
import { emptyReply, xmlReply } from '../reply.ts';

/** The bytes as they were put. */
export const getBucketPolicy: Handler<BucketOperation> = async ({ bucket: name }, _context, deps) => {
  const text = await deps.documents.read(await deps.buckets.require(name), 'policy');
  if (text === undefined) throw noSuchPolicy(name);
  return { status: 200, headers: { 'content-type': 'application/json' }, body: text };
};

export const putBucketPolicy: Handler<BucketOperation> = async ({ bucket: name }, context, deps) => {
  await deps.buckets.require(name);
  const text = (await collectPayload(context, MAX_POLICY_BYTES)).toString();
  const policy = parseBucketPolicy(text, name);
  await deps.documents.put(name, 'policy', text, ({ record }) => {
    if (record.publicAccessBlock?.blockPublicPolicy !== true || !isPublicPolicy(policy)) return;
    throw new S3Error(
      'AccessDenied',
      'The policy grants access to everybody, which BlockPublicPolicy of the bucket does not allow.',
    );
  });
  return emptyReply(204);
};

export const deleteBucketPolicy: Handler<BucketOperation> = async ({ bucket }, _context, deps) => {
  await deps.buckets.require(bucket);
  await deps.documents.remove(bucket, 'policy');
  return emptyReply(204);
};

/** Whether a policy or an ACL lets everybody in. */
export const getBucketPolicyStatus: Handler<BucketOperation> = async ({ bucket: name }, _context, deps) => {
  const bucket = await deps.buckets.require(name);
  const policy = await deps.documents.parsed(bucket, 'policy', (text) => parseBucketPolicy(text, name));
  const { acl, ownership, publicAccessBlock } = bucket.record;
  const isOpenByPolicy =
    policy !== undefined && isPublicPolicy(policy) && publicAccessBlock?.restrictPublicBuckets !== true;
  const isOpenByAcl = hasAcls(ownership) && isPublicAcl(acl) && publicAccessBlock?.ignorePublicAcls !== true;
  return xmlReply('PolicyStatus', { IsPublic: isOpenByPolicy || isOpenByAcl });
};

function noSuchPolicy(bucket: string): S3Error {
  return new S3Error('NoSuchBucketPolicy', 'The bucket policy does not exist', {
    fields: { BucketName: bucket },
  });
}
