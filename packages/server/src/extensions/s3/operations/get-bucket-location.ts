import type { Handler } from '../handlers.ts';
import type { BucketOperation } from '../operation.ts';
import { s3TextDocument } from '../xml/write.ts';

/** us-east-1 is what an empty constraint says; that is how Amazon began. */
export const getBucketLocation: Handler<BucketOperation> = async ({ bucket }, _context, { buckets }) => {
  const { region } = (await buckets.require(bucket)).record;
  return {
    status: 200,
    headers: { 'content-type': 'application/xml' },
    body: s3TextDocument('LocationConstraint', region === 'us-east-1' ? '' : region),
  };
};
