import { collectPayload } from '../auth/collect-payload.ts';
import { type CorsRule, corsElement, parseCors } from '../config-documents/cors.ts';
import { S3Error } from '../errors.ts';
import type { Handler } from '../handlers.ts';
import type { BucketOperation } from '../operation.ts';
import { emptyReply, xmlReply } from '../reply.ts';

const MAX_BYTES = 64 * 1024;

/** As `putBucketCors` writes them. */
export function storedCors(text: string): readonly CorsRule[] {
  return JSON.parse(text) as readonly CorsRule[];
}

export const getBucketCors: Handler<BucketOperation> = async ({ bucket: name }, _context, deps) => {
  const rules = await deps.documents.parsed(await deps.buckets.require(name), 'cors', storedCors);
  if (rules === undefined) {
    throw new S3Error('NoSuchCORSConfiguration', 'The CORS configuration does not exist', {
      fields: { BucketName: name },
    });
  }
  return xmlReply('CORSConfiguration', corsElement(rules));
};

export const putBucketCors: Handler<BucketOperation> = async ({ bucket }, context, deps) => {
  await deps.buckets.require(bucket);
  const rules = parseCors(await collectPayload(context, MAX_BYTES));
  await deps.documents.put(bucket, 'cors', JSON.stringify(rules));
  return emptyReply(200);
};

export const deleteBucketCors: Handler<BucketOperation> = async ({ bucket }, _context, deps) => {
  await deps.documents.remove(bucket, 'cors');
  return emptyReply(204);
};
