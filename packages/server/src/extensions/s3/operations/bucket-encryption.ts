import { collectPayload } from '../auth/collect-payload.ts';
import { type DefaultEncryption, defaultEncryption } from '../encryption/bucket-default.ts';
import { namedKey } from '../encryption/keyring.ts';
import { S3Error } from '../errors.ts';
import type { Handler } from '../handlers.ts';
import type { BucketOperation } from '../operation.ts';
import { emptyReply, xmlReply } from '../reply.ts';
import { child, childrenNamed, childText, malformed, parseXml } from '../xml/parse.ts';

const MAX_BYTES = 16 * 1024;

export const getBucketEncryption: Handler<BucketOperation> = async ({ bucket: name }, _context, deps) => {
  const byDefault = await defaultEncryption(await deps.buckets.require(name), deps);
  if (byDefault === undefined) {
    throw new S3Error(
      'ServerSideEncryptionConfigurationNotFoundError',
      'The server side encryption configuration was not found',
      { fields: { BucketName: name } },
    );
  }
  const { keyId, bucketKey } = byDefault;
  return xmlReply('ServerSideEncryptionConfiguration', {
    Rule: {
      ApplyServerSideEncryptionByDefault:
        keyId === undefined ? { SSEAlgorithm: 'AES256' } : { SSEAlgorithm: 'aws:kms', KMSMasterKeyID: keyId },
      BucketKeyEnabled: bucketKey,
    },
  });
};

/** New objects that come without a word about it are encrypted so from now on; those that are there stay as they are. */
export const putBucketEncryption: Handler<BucketOperation> = async ({ bucket }, context, deps) => {
  await deps.buckets.require(bucket);
  const document = parseXml(await collectPayload(context, MAX_BYTES), 'ServerSideEncryptionConfiguration');
  const [rule, ...more] = childrenNamed(document, 'Rule');
  const byDefault = rule && child(rule, 'ApplyServerSideEncryptionByDefault');
  if (rule === undefined || byDefault === undefined || more.length > 0) {
    throw malformed('there must be one Rule with ApplyServerSideEncryptionByDefault');
  }
  const algorithm = childText(byDefault, 'SSEAlgorithm')?.trim() ?? '';
  if (algorithm === 'aws:kms:dsse') {
    throw new S3Error(
      'NotImplemented',
      'Encryption in two layers is not implemented; AES256 and aws:kms are.',
    );
  }
  if (algorithm !== 'AES256' && algorithm !== 'aws:kms') {
    throw malformed(`there is no SSEAlgorithm "${algorithm.slice(0, 60)}"`);
  }
  const keyId = childText(byDefault, 'KMSMasterKeyID')?.trim();
  if (algorithm === 'AES256' && keyId !== undefined) {
    throw new S3Error(
      'InvalidArgument',
      'a KMSMasterKeyID is not applicable if the default sse algorithm is not aws:kms',
    );
  }
  if (algorithm === 'aws:kms' && keyId === undefined) {
    throw new S3Error('InvalidArgument', 'aws:kms needs a KMSMasterKeyID: there is no default key');
  }
  if (keyId !== undefined) namedKey(deps.keyring, keyId);
  const bucketKey = childText(rule, 'BucketKeyEnabled')?.trim() === 'true';
  const kept: DefaultEncryption = { bucketKey, ...(keyId !== undefined && { keyId }) };
  await deps.documents.put(bucket, 'encryption', JSON.stringify(kept));
  return emptyReply(200);
};

export const deleteBucketEncryption: Handler<BucketOperation> = async ({ bucket }, _context, deps) => {
  await deps.documents.remove(bucket, 'encryption');
  return emptyReply(204);
};
