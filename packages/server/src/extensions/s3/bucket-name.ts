import { S3Error } from './errors.ts';

/** A valid bucket name; only `parseBucketName` makes one. */
export type BucketName = string & { readonly __bucketName: unique symbol };

/** First path components that belong to others on the same port. `v2` is too short to be a bucket anyway. */
export const RESERVED_PATHS: ReadonlySet<string> = new Set([
  'v2',
  '-',
  'metrics',
  'livez',
  'readyz',
  'startupz',
  'zot',
]);

// Linear: one character class, then checks by hand.
const SHAPE = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;
const IP_ADDRESS = /^\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}$/;
const RESERVED_PREFIXES = ['xn--', 'sthree-', 'amzn-s3-demo-'];
const RESERVED_SUFFIXES = ['-s3alias', '--ol-s3', '.mrap', '--x-s3', '--table-s3'];

/** Whether a bucket may be created under this name ("General purpose bucket naming rules"). */
export function isBucketName(text: string): text is BucketName {
  return (
    SHAPE.test(text) &&
    !text.includes('..') &&
    // No label of a host name begins or ends with a hyphen.
    !text.includes('.-') &&
    !text.includes('-.') &&
    !IP_ADDRESS.test(text) &&
    !RESERVED_PREFIXES.some((prefix) => text.startsWith(prefix)) &&
    !RESERVED_SUFFIXES.some((suffix) => text.endsWith(suffix)) &&
    !RESERVED_PATHS.has(text)
  );
}

/** Throws InvalidBucketName. */
export function parseBucketName(text: string): BucketName {
  if (isBucketName(text)) return text;
  throw new S3Error(
    'InvalidBucketName',
    `"${text.slice(0, 80)}" is not a bucket name: use 3 to 63 lower-case letters, digits, dots and hyphens, beginning and ending with a letter or digit, and no reserved word.`,
    { resource: text.slice(0, 80), fields: { BucketName: text.slice(0, 80) } },
  );
}
