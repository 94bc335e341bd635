import type { Descriptor, Digest } from '@zot-artifact-store/spec';
import type { ParsedManifest } from './manifest-parser.ts';
import type { ReferrerRecord } from './records.ts';

/** Longer annotations stay in the manifest: with the rest of the record they must fit in a value. */
const MAX_ANNOTATION_BYTES = 2_800;

/** What the referrers list says of a manifest, as far as it fits in a record. */
export function referrerRecord(
  { artifactType, annotations }: ParsedManifest,
  mediaType: string,
  sizeBytes: number,
): ReferrerRecord {
  return {
    mediaType,
    sizeBytes,
    ...(artifactType === undefined ? {} : { artifactType }),
    ...(annotations === undefined ? {} : { annotations: fits(annotations) ? annotations : 'large' }),
  };
}

/** `annotations` are those of the record or, when it says `large`, of the manifest. */
export function referrerDescriptor(
  digest: Digest,
  { mediaType, sizeBytes, artifactType }: ReferrerRecord,
  annotations: Readonly<Record<string, string>> | undefined,
): Descriptor {
  return {
    mediaType,
    digest,
    size: sizeBytes,
    ...(artifactType === undefined ? {} : { artifactType }),
    ...(annotations === undefined ? {} : { annotations }),
  };
}

function fits(annotations: Readonly<Record<string, string>>): boolean {
  let bytes = 0;
  for (const [key, value] of Object.entries(annotations)) {
    // Lengths and types around each text take a few bytes more.
    bytes += Buffer.byteLength(key) + Buffer.byteLength(value) + 6;
    if (bytes > MAX_ANNOTATION_BYTES) return false;
  }
  return true;
}
