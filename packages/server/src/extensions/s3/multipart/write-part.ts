import type { PreparedBlob } from '../../../content/content-store.ts';
import type { BucketName } from '../bucket-name.ts';
import type { S3Deps } from '../deps.ts';
import { base64OfHex, CHECKSUMS, DEFAULT_CHECKSUM } from '../object/checksum.ts';
import type { ChecksumAlgorithm } from '../store/records.ts';
import type { PartRecord, UploadRecord } from './records.ts';

export interface PartAddress {
  readonly bucket: BucketName;
  readonly key: string;
  readonly uploadId: string;
  readonly partNumber: number;
}

/** What every part of the upload is hashed with besides MD5. */
export function algorithmOf(upload: UploadRecord): ChecksumAlgorithm {
  return upload.checksum?.algorithm ?? DEFAULT_CHECKSUM;
}

/** Makes prepared bytes a part of the upload. Throws NoSuchUpload when it ended meanwhile. */
export async function writePart(
  deps: S3Deps,
  { bucket: name, key, uploadId, partNumber }: PartAddress,
  { prepared, algorithm }: { readonly prepared: PreparedBlob; readonly algorithm: ChecksumAlgorithm },
): Promise<PartRecord> {
  const record: PartRecord = {
    sizeBytes: prepared.sizeBytes,
    digest: prepared.digest,
    etag: prepared.hashes.md5 ?? '',
    checksum: base64OfHex(prepared.hashes[CHECKSUMS[algorithm].hash] ?? ''),
    modifiedAtMs: deps.clock.now(),
  };
  return deps.content.transact([prepared], async (transaction) => {
    const bucket = await deps.buckets.require(name);
    await deps.uploads.putPart(transaction, { bucket, key, uploadId }, { partNumber, record });
    return record;
  });
}
