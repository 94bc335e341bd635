import type { Handler } from '../handlers.ts';
import type { BucketOperation } from '../operation.ts';
import { xmlReply } from '../reply.ts';

/** A bucket that was never versioned has no status. */
export const getBucketVersioning: Handler<BucketOperation> = async ({ bucket }, _context, { buckets }) => {
  const { versioning } = (await buckets.require(bucket)).record;
  if (versioning === 'unversioned') return xmlReply('VersioningConfiguration', {});
  return xmlReply('VersioningConfiguration', {
    Status: versioning === 'enabled' ? 'Enabled' : 'Suspended',
  });
};
