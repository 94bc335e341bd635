import { collectPayload } from '../auth/collect-payload.ts';
import { S3Error } from '../errors.ts';
import type { Handler } from '../handlers.ts';
import type { BucketOperation } from '../operation.ts';
import { emptyReply, xmlReply } from '../reply.ts';
import { child, childrenNamed, childText, malformed, parseXml } from '../xml/parse.ts';

const MAX_BYTES = 16 * 1024;

/** Kept for who reads it back (Terraform does on every plan); disks are encrypted, or not, below this server. */
export const getBucketEncryption: Handler<BucketOperation> = async ({ bucket: name }, _context, deps) => {
  const text = await deps.documents.read(await deps.buckets.require(name), 'encryption');
  if (text === undefined) {
    throw new S3Error(
      'ServerSideEncryptionConfigurationNotFoundError',
      'The server side encryption configuration was not found',
      { fields: { BucketName: name } },
    );
  }
  // Written below.
  const { bucketKey } = JSON.parse(text) as { readonly bucketKey: boolean };
  return xmlReply('ServerSideEncryptionConfiguration', {
    Rule: {
      ApplyServerSideEncryptionByDefault: { SSEAlgorithm: 'AES256' },
      BucketKeyEnabled: bucketKey,
    },
  });
};

export const putBucketEncryption: Handler<BucketOperation> = async ({ bucket }, context, deps) => {
  await deps.buckets.require(bucket);
  const document = parseXml(await collectPayload(context, MAX_BYTES), 'ServerSideEncryptionConfiguration');
  const [rule, ...more] = childrenNamed(document, 'Rule');
  const byDefault = rule && child(rule, 'ApplyServerSideEncryptionByDefault');
  if (rule === undefined || byDefault === undefined || more.length > 0) {
    throw malformed('there must be one Rule with ApplyServerSideEncryptionByDefault');
  }
  const algorithm = childText(byDefault, 'SSEAlgorithm')?.trim() ?? '';
  if (algorithm === 'aws:kms' || algorithm === 'aws:kms:dsse') {
    throw new S3Error(
      'NotImplemented',
      'Encryption with keys of a key management service is not implemented; AES256 is accepted.',
    );
  }
  if (algorithm !== 'AES256') throw malformed(`there is no SSEAlgorithm "${algorithm.slice(0, 60)}"`);
  const bucketKey = childText(rule, 'BucketKeyEnabled')?.trim() === 'true';
  await deps.documents.put(bucket, 'encryption', JSON.stringify({ bucketKey }));
  return emptyReply(200);
};

export const deleteBucketEncryption: Handler<BucketOperation> = async ({ bucket }, _context, deps) => {
  await deps.documents.remove(bucket, 'encryption');
  return emptyReply(204);
};
