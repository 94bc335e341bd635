import { S3Error } from '../errors.ts';
import type { Fields } from './fields.ts';

export const METADATA_PREFIX = 'x-amz-meta-';
const MAX_METADATA_BYTES = 2_048;

/** User metadata: names without the prefix, in lower case. Throws MetadataTooLarge above 2 KiB of names and values. */
export function parseMetadata(fields: Fields): Readonly<Record<string, string>> {
  const entries = fields.under(METADATA_PREFIX);
  let sizeBytes = 0;
  // Latin1: a character is a byte.
  for (const [name, value] of entries) sizeBytes += name.length + value.length;
  if (sizeBytes > MAX_METADATA_BYTES) {
    throw new S3Error('MetadataTooLarge', 'Your metadata headers exceed the maximum allowed metadata size', {
      fields: { Size: String(sizeBytes), MaxSizeAllowed: String(MAX_METADATA_BYTES) },
    });
  }
  return Object.fromEntries(entries);
}
