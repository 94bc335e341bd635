import { type Digest, makeDigest } from '@zot-artifact-store/spec';
import type { MetadataStore } from '../../../metadata/metadata-store.ts';
import { recordCodec } from '../../../metadata/record.ts';
import type { Transaction } from '../../../metadata/transaction.ts';
import { s3Keys } from './keyspace.ts';
import type { ObjectPart, ObjectVersion } from './records.ts';
import type { VersionPlace } from './version-extra.ts';

type PackedPart = readonly [partNumber: number, sizeBytes: number, sha256: Uint8Array, checksum?: string];
const codec = recordCodec<readonly PackedPart[]>('S3 object parts', 1);

/** A part takes 100 bytes at most: 32 of its digest, 44 of its checksum, two numbers and what MessagePack adds. */
const PARTS_PER_PAGE = 36;

/** Puts the list of a version's parts, in order. */
export function placeParts(
  transaction: Transaction,
  { bucketId, key, order }: VersionPlace & { readonly order: string },
  parts: readonly ObjectPart[],
): { readonly partsCount: number; readonly partPages: number } {
  const partPages = Math.ceil(parts.length / PARTS_PER_PAGE);
  for (let page = 0; page < partPages; page++) {
    const some = parts.slice(page * PARTS_PER_PAGE, (page + 1) * PARTS_PER_PAGE);
    transaction.put(s3Keys.objectParts(bucketId, key, order, page), codec.encode(some.map(pack)));
  }
  return { partsCount: parts.length, partPages };
}

export function dropParts(
  transaction: Transaction,
  { bucketId, key }: VersionPlace,
  { order, partPages = 0 }: ObjectVersion,
): void {
  for (let page = 0; page < partPages; page++) {
    transaction.delete(s3Keys.objectParts(bucketId, key, order, page));
  }
}

/** The parts of a multipart version, in order; undefined for other versions, and when it is gone meanwhile. */
export async function readParts(
  metadata: MetadataStore,
  { bucketId, key }: VersionPlace,
  { order, partPages }: Pick<ObjectVersion, 'order' | 'partPages'>,
): Promise<readonly ObjectPart[] | undefined> {
  if (partPages === undefined) return undefined;
  const keys = Array.from({ length: partPages }, (_, page) => s3Keys.objectParts(bucketId, key, order, page));
  const parts: ObjectPart[] = [];
  for (const page of await metadata.getMany(keys)) {
    if (page === undefined) return undefined;
    parts.push(...codec.decode(page).map(unpack));
  }
  return parts;
}

function pack({ partNumber, sizeBytes, digest, checksum }: ObjectPart): PackedPart {
  const sha256 = Buffer.from(digest.slice(digest.indexOf(':') + 1), 'hex');
  return checksum === undefined ? [partNumber, sizeBytes, sha256] : [partNumber, sizeBytes, sha256, checksum];
}

function unpack([partNumber, sizeBytes, sha256, checksum]: PackedPart): ObjectPart {
  const digest: Digest = makeDigest('sha256', Buffer.from(sha256).toString('hex'));
  return { partNumber, sizeBytes, digest, ...(checksum === undefined ? {} : { checksum }) };
}
