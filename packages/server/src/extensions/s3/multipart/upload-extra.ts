import { MAX_VALUE_BYTES, type MetadataStore } from '../../../metadata/metadata-store.ts';
import type { Transaction } from '../../../metadata/transaction.ts';
import { s3Keys } from '../store/keyspace.ts';
import type { VersionExtra } from '../store/records.ts';
import { type UploadRecord, uploadCodec } from './records.ts';

interface Place {
  readonly bucketId: string;
  readonly key: string;
  readonly uploadId: string;
}

/** The upload with its extra where it fits: in the record, or in `x` rows under its id, which never change. */
export function placeUploadExtra(
  transaction: Transaction,
  place: Place,
  { extra, ...record }: UploadRecord & { readonly extra: VersionExtra },
): UploadRecord {
  const inside = { ...record, extra };
  if (uploadCodec.encode(inside).length <= MAX_VALUE_BYTES) return inside;
  const bytes = Buffer.from(JSON.stringify(extra));
  const rows = Math.ceil(bytes.length / MAX_VALUE_BYTES);
  for (let row = 0; row < rows; row++) {
    const piece = bytes.subarray(row * MAX_VALUE_BYTES, (row + 1) * MAX_VALUE_BYTES);
    transaction.put(rowKey(place, row), piece);
  }
  return { ...record, extraRows: rows };
}

export function dropUploadExtra(
  transaction: Transaction,
  place: Place,
  { extraRows = 0 }: UploadRecord,
): void {
  for (let row = 0; row < extraRows; row++) transaction.delete(rowKey(place, row));
}

export async function readUploadExtra(
  metadata: MetadataStore,
  place: Place,
  { extra, extraRows = 0 }: UploadRecord,
): Promise<VersionExtra> {
  if (extra !== undefined) return extra;
  const keys = Array.from({ length: extraRows }, (_, row) => rowKey(place, row));
  const pieces = (await metadata.getMany(keys)).map((piece) => piece ?? new Uint8Array());
  // Written by placeUploadExtra, in the transaction that wrote the upload.
  return JSON.parse(Buffer.concat(pieces).toString()) as VersionExtra;
}

function rowKey({ bucketId, key, uploadId }: Place, row: number): Uint8Array {
  return s3Keys.extra(bucketId, key, uploadId, row);
}
