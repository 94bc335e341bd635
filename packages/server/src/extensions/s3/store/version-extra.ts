import type { MetadataStore } from '../../../metadata/metadata-store.ts';
import { MAX_VALUE_BYTES } from '../../../metadata/metadata-store.ts';
import type { Transaction } from '../../../metadata/transaction.ts';
import { s3Keys } from './keyspace.ts';
import { type ObjectVersion, objectCodec, type VersionExtra } from './records.ts';

const NO_EXTRA: VersionExtra = { headers: {}, metadata: {}, tags: [], acl: [] };

export interface VersionPlace {
  readonly bucketId: string;
  readonly key: string;
}

/**
 * The version with its extra where it fits: in the record, or in rows of its own, which are put. Tags and metadata at
 * their limits need several rows.
 */
export function placeExtra(
  transaction: Transaction,
  { bucketId, key }: VersionPlace,
  version: Omit<ObjectVersion, 'extra' | 'extraRows'>,
  extra: VersionExtra,
): ObjectVersion {
  const inside: ObjectVersion = { ...version, extra };
  if (objectCodec.encode(inside).length <= MAX_VALUE_BYTES) return inside;
  const bytes = Buffer.from(JSON.stringify(extra));
  const rows = Math.ceil(bytes.length / MAX_VALUE_BYTES);
  for (let row = 0; row < rows; row++) {
    transaction.put(
      s3Keys.extra(bucketId, key, version.order, row),
      bytes.subarray(row * MAX_VALUE_BYTES, (row + 1) * MAX_VALUE_BYTES),
    );
  }
  return { ...version, extraRows: rows };
}

export function dropExtra(
  transaction: Transaction,
  { bucketId, key }: VersionPlace,
  version: ObjectVersion,
): void {
  for (let row = 0; row < (version.extraRows ?? 0); row++) {
    transaction.delete(s3Keys.extra(bucketId, key, version.order, row));
  }
}

export async function readExtra(
  metadata: MetadataStore,
  { bucketId, key }: VersionPlace,
  version: ObjectVersion,
): Promise<VersionExtra> {
  if (version.extra !== undefined) return version.extra;
  const rows = version.extraRows ?? 0;
  if (rows === 0) return NO_EXTRA;
  const keys = Array.from({ length: rows }, (_, row) => s3Keys.extra(bucketId, key, version.order, row));
  const pieces = await metadata.getMany(keys);
  const bytes = Buffer.concat(pieces.map((piece) => piece ?? new Uint8Array()));
  // Written by placeExtra, in the transaction that wrote the version.
  return JSON.parse(bytes.toString()) as VersionExtra;
}
