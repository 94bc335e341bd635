import { type Digest, StoreError } from '@zot-artifact-store/spec';
import type { Transaction } from '../metadata/transaction.ts';
import { type BlobRecord, blobCorrupt, blobUnknown, decodeBlob } from './blob-records.ts';
import { type CompositePart, findParts } from './composite.ts';
import { contentKeys } from './keyspace.ts';
import type { ContentVolume } from './volume.ts';

/** Blobs that the transaction itself brings or checks. */
export interface Brought {
  /** As they will be after it. */
  readonly records: ReadonlyMap<Digest, BlobRecord>;
  /** Of the composites among them that are new: their lists are not in the store yet. */
  readonly parts: ReadonlyMap<Digest, readonly CompositePart[]>;
}

/** More than a multipart upload can have, ten times over; the list of them is held in memory, and committed at once. */
export const MAX_PARTS = 100_000;
/** Composites of composites are not made, so there is one level; more is a mistake in the store. */
const MAX_LEVELS = 4;
const RECORDS_AT_ONCE = 256;

/** By digest, the parts of a composite; undefined for a blob that is none. */
type Shapes = Map<Digest, readonly CompositePart[] | undefined>;

/**
 * The parts with every one that is a composite replaced by its own, so that no reader has to nest. Adds the checks that
 * they exist when the transaction commits. Throws `blob-unknown` for one that does not, rather than losing every
 * attempt, and `argument-invalid` when they become more than MAX_PARTS.
 */
export async function flattenParts(
  volume: ContentVolume,
  transaction: Transaction,
  { parts, brought }: { readonly parts: readonly CompositePart[]; readonly brought: Brought },
): Promise<readonly CompositePart[]> {
  const shapes: Shapes = new Map();
  let loaded = 0;
  let unseen = parts;
  for (let level = 0; unseen.length > 0; level++) {
    if (level > MAX_LEVELS) throw new StoreError('internal', 'a composite blob is nested too deeply');
    const next: CompositePart[] = [];
    for (const [part, record] of await findRecords(volume, transaction, { parts: unseen, brought })) {
      assertSize(part, record);
      if (record.location.kind !== 'composite') {
        shapes.set(part.digest, undefined);
        continue;
      }
      const shape = await shapeOf(volume, part.digest, { record, pages: record.location.pages, brought });
      shapes.set(part.digest, shape);
      loaded += shape.length;
      if (loaded > MAX_PARTS) throw tooManyParts();
      next.push(...shape);
    }
    unseen = next.filter(({ digest }) => !shapes.has(digest));
  }
  return loaded === 0 ? parts : expand(parts, shapes);
}

/** The records of the parts, each once; those that are not brought are expected to be there still. */
async function findRecords(
  { metadata, volume }: ContentVolume,
  transaction: Transaction,
  { parts, brought }: { readonly parts: readonly CompositePart[]; readonly brought: Brought },
): Promise<readonly (readonly [CompositePart, BlobRecord])[]> {
  const found: [CompositePart, BlobRecord][] = [];
  const wanted: CompositePart[] = [];
  for (const part of new Map(parts.map((each) => [each.digest, each])).values()) {
    const record = brought.records.get(part.digest);
    if (record === undefined) wanted.push(part);
    else found.push([part, record]);
  }
  // In key order: neighbours in the store are read, and later checked, one after the other.
  wanted.sort((a, b) => (a.digest < b.digest ? -1 : 1));
  for (let at = 0; at < wanted.length; at += RECORDS_AT_ONCE) {
    const some = wanted.slice(at, at + RECORDS_AT_ONCE);
    const keys = some.map(({ digest }) => contentKeys.blob(volume, digest));
    const values = await metadata.getMany(keys);
    for (const [index, part] of some.entries()) {
      const [key, value] = [keys[index], values[index]];
      if (key === undefined || value === undefined) throw blobUnknown(part.digest);
      transaction.expectPresent(key);
      found.push([part, decodeBlob(part.digest, value)]);
    }
  }
  return found;
}

function assertSize({ digest, sizeBytes }: CompositePart, { size }: BlobRecord): void {
  if (size === sizeBytes) return;
  const message = `${digest} has ${size} bytes, and was to be a part of ${sizeBytes}`;
  throw new StoreError('internal', message, { resource: digest });
}

async function shapeOf(
  volume: ContentVolume,
  digest: Digest,
  {
    record,
    pages,
    brought,
  }: { readonly record: BlobRecord; readonly pages: number; readonly brought: Brought },
): Promise<readonly CompositePart[]> {
  if (record.corrupt) throw blobCorrupt(digest);
  const parts = brought.parts.get(digest) ?? (await findParts(volume, digest, pages));
  // Its list went since its record was read: it was collected.
  if (parts === undefined) throw blobUnknown(digest);
  return parts;
}

function expand(parts: readonly CompositePart[], shapes: Shapes): readonly CompositePart[] {
  const flat: CompositePart[] = [];
  const add = (part: CompositePart): void => {
    const shape = shapes.get(part.digest);
    if (shape !== undefined) shape.forEach(add);
    else if (flat.push(part) > MAX_PARTS) throw tooManyParts();
  };
  parts.forEach(add);
  return flat;
}

export function tooManyParts(): StoreError {
  return new StoreError('argument-invalid', `a blob cannot be made of more than ${MAX_PARTS} others`);
}
