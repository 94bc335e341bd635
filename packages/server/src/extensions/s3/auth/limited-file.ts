import { S3Error } from '../errors.ts';
import type { FileRange } from './post-policy.ts';

/** The same file. Throws EntityTooLarge as soon as it is longer than allowed, EntityTooSmall when it ends too early. */
export async function* limitedFile(
  file: AsyncIterable<Uint8Array>,
  { minBytes, maxBytes }: FileRange,
): AsyncGenerator<Uint8Array, void, undefined> {
  let sizeBytes = 0;
  for await (const bytes of file) {
    sizeBytes += bytes.length;
    if (sizeBytes > maxBytes) {
      throw new S3Error('EntityTooLarge', 'Your proposed upload exceeds the maximum allowed size', {
        fields: { ProposedSize: String(sizeBytes), MaxSizeAllowed: String(maxBytes) },
      });
    }
    yield bytes;
  }
  if (sizeBytes < minBytes) {
    throw new S3Error('EntityTooSmall', 'Your proposed upload is smaller than the minimum allowed size', {
      fields: { ProposedSize: String(sizeBytes), MinSizeAllowed: String(minBytes) },
    });
  }
}
