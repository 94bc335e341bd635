import { collectPayload } from '../auth/collect-payload.ts';
import { S3Error } from '../errors.ts';
import type { Handler } from '../handlers.ts';
import type { BucketOperation } from '../operation.ts';
import { emptyReply } from '../reply.ts';
import type { VersioningState } from '../store/records.ts';
import { childText, malformed, parseXml } from '../xml/parse.ts';

const MAX_DOCUMENT_BYTES = 64 * 1024;

export const putBucketVersioning: Handler<BucketOperation> = async ({ bucket }, context, { buckets }) => {
  await buckets.require(bucket);
  const versioning = parseState(await collectPayload(context, MAX_DOCUMENT_BYTES));
  await buckets.update(bucket, ({ record }) => {
    if (record.objectLock && versioning === 'suspended') {
      throw new S3Error(
        'InvalidBucketState',
        'An Object Lock configuration is present on this bucket, so the versioning state cannot be changed.',
      );
    }
    return { ...record, versioning };
  });
  return emptyReply(200);
};

function parseState(bytes: Uint8Array): VersioningState {
  const root = parseXml(bytes, 'VersioningConfiguration');
  if (childText(root, 'MfaDelete') === 'Enabled') {
    throw new S3Error('NotImplemented', 'MFA delete is not implemented by this server.');
  }
  const status = childText(root, 'Status');
  if (status === 'Enabled') return 'enabled';
  if (status === 'Suspended') return 'suspended';
  throw malformed('Status must be Enabled or Suspended');
}
