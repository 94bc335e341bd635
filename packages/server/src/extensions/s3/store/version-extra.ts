import type { MetadataStore } from '../../../metadata/metadata-store.ts';
import { MAX_VALUE_BYTES } from '../../../metadata/metadata-store.ts';
import type { Transaction } from '../../../metadata/transaction.ts';
import { s3Keys } from './keyspace.ts';
import { type ObjectVersion, objectCodec, type VersionExtra } from './records.ts';
import type { KeyPlace } from './versions.ts';

const NO_EXTRA: VersionExtra = { headers: {}, metadata: {}, tags: [], acl: [] };
/** Headers, metadata, tags and grants at their limits stay far below so many rows. */
const MAX_ROWS = 64;

export interface VersionPlace {
  readonly bucketId: string;
  readonly key: string;
}

export function versionPlace({ bucket, key }: KeyPlace): VersionPlace {
  return { bucketId: bucket.record.id, key };
}

/** A version as it is stored; its bytes are the same in either table. */
export interface PlacedVersion {
  readonly record: ObjectVersion;
  readonly raw: Uint8Array;
}

/**
 * The version with its extra where it fits: in the record, or in rows of its own, which are put. Tags and metadata at
 * their limits need several rows. Rows are never written twice under one key: each `revision` has its own, so a reader
 * gets the rows its record speaks of or none, and a record whose rows were replaced is never equal to what it was.
 */
export function placeExtra(
  transaction: Transaction,
  { bucketId, key }: VersionPlace,
  version: Omit<ObjectVersion, 'extra' | 'extraRows' | 'extraRevision'>,
  { extra, revision }: { readonly extra: VersionExtra; readonly revision: number },
): PlacedVersion {
  const inside: ObjectVersion = { ...version, extra, ...(revision > 0 && { extraRevision: revision }) };
  const raw = objectCodec.encode(inside);
  if (raw.length <= MAX_VALUE_BYTES) return { record: inside, raw };
  const bytes = Buffer.from(JSON.stringify(extra));
  const rows = Math.ceil(bytes.length / MAX_VALUE_BYTES);
  if (rows > MAX_ROWS) throw new Error(`what describes a version has ${bytes.length} bytes`);
  for (let row = 0; row < rows; row++) {
    transaction.put(
      s3Keys.extra(bucketId, key, version.order, revision * MAX_ROWS + row),
      bytes.subarray(row * MAX_VALUE_BYTES, (row + 1) * MAX_VALUE_BYTES),
    );
  }
  const record: ObjectVersion = { ...version, extraRows: rows, extraRevision: revision };
  return { record, raw: objectCodec.encode(record) };
}

export function dropExtra(transaction: Transaction, place: VersionPlace, version: ObjectVersion): void {
  for (const key of rowKeys(place, version)) transaction.delete(key);
}

/** Undefined when the version was replaced or removed since its record was read. */
export async function readExtra(
  metadata: MetadataStore,
  place: VersionPlace,
  version: ObjectVersion,
): Promise<VersionExtra | undefined> {
  if (version.extra !== undefined) return version.extra;
  const keys = rowKeys(place, version);
  if (keys.length === 0) return NO_EXTRA;
  const pieces: Uint8Array[] = [];
  for (const piece of await metadata.getMany(keys)) {
    if (piece === undefined) return undefined;
    pieces.push(piece);
  }
  // Written by placeExtra, in the transaction that wrote the version.
  return JSON.parse(Buffer.concat(pieces).toString()) as VersionExtra;
}

function rowKeys({ bucketId, key }: VersionPlace, version: ObjectVersion): readonly Uint8Array[] {
  const first = (version.extraRevision ?? 0) * MAX_ROWS;
  return Array.from({ length: version.extraRows ?? 0 }, (_, row) =>
    s3Keys.extra(bucketId, key, version.order, first + row),
  );
}
