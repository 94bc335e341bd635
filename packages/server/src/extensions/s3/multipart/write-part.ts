import type { BucketName } from '../bucket-name.ts';
import type { S3Deps } from '../deps.ts';
import type { CustomerKey } from '../encryption/customer-key.ts';
import { openingKey } from '../encryption/opening.ts';
import type { Sealing } from '../encryption/sealing.ts';
import { DEFAULT_CHECKSUM } from '../object/checksum.ts';
import type { CheckedBlob } from '../object/ingest-checked.ts';
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

/**
 * How the parts of the upload are sealed. Throws InvalidRequest when the customer's key is not that of the upload, and
 * KMS.NotFoundException.
 */
export function sealingOfPart(
  { encryption }: UploadRecord,
  customer: CustomerKey | undefined,
  { keyring }: Pick<S3Deps, 'keyring'>,
): Sealing | undefined {
  const key = openingKey(encryption, customer, keyring);
  return encryption && key && { encryption, key };
}

/** Makes a body a part of the upload. Throws NoSuchUpload when it ended meanwhile. */
export async function writePart(
  deps: S3Deps,
  { bucket: name, key, uploadId, partNumber }: PartAddress,
  { prepared, sizeBytes, etag, checksum }: CheckedBlob,
): Promise<PartRecord> {
  const record: PartRecord = {
    sizeBytes,
    digest: prepared.digest,
    etag,
    checksum,
    modifiedAtMs: deps.clock.now(),
  };
  return deps.content.transact([prepared], async (transaction) => {
    const bucket = await deps.buckets.require(name);
    await deps.uploads.putPart(transaction, { bucket, key, uploadId }, { partNumber, record });
    return record;
  });
}
