import { collectPayload } from '../auth/collect-payload.ts';
import { parseTagging, taggingElement } from '../config-documents/tag-set.ts';
import { S3Error } from '../errors.ts';
import type { Handler } from '../handlers.ts';
import { MAX_BUCKET_TAGS, type Tags } from '../object/tags.ts';
import type { BucketOperation } from '../operation.ts';
import { emptyReply, xmlReply } from '../reply.ts';

const MAX_BYTES = 256 * 1024;

export const getBucketTagging: Handler<BucketOperation> = async ({ bucket: name }, _context, deps) => {
  const text = await deps.documents.read(await deps.buckets.require(name), 'tagging');
  if (text === undefined) {
    throw new S3Error('NoSuchTagSet', 'The TagSet does not exist', { fields: { BucketName: name } });
  }
  // Written below.
  return xmlReply('Tagging', taggingElement(JSON.parse(text) as Tags));
};

export const putBucketTagging: Handler<BucketOperation> = async ({ bucket }, context, deps) => {
  await deps.buckets.require(bucket);
  const tags = parseTagging(await collectPayload(context, MAX_BYTES), MAX_BUCKET_TAGS);
  await deps.documents.put(bucket, 'tagging', JSON.stringify(tags));
  return emptyReply(204);
};

export const deleteBucketTagging: Handler<BucketOperation> = async ({ bucket }, _context, deps) => {
  await deps.documents.remove(bucket, 'tagging');
  return emptyReply(204);
};
