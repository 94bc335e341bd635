import { type Digest, makeDigest, StoreError } from '@zot-artifact-store/spec';
import { MAX_VALUE_BYTES, type MetadataStore } from '../metadata/metadata-store.ts';
import { recordCodec } from '../metadata/record.ts';
import type { Transaction } from '../metadata/transaction.ts';
import type { BlobLocation } from './blob-records.ts';
import { compositeOwner, dropEdge, putEdges } from './edges.ts';
import { contentKeys } from './keyspace.ts';

export interface CompositePart {
  readonly digest: Digest;
  readonly sizeBytes: number;
}

/** Some consecutive parts of a composite blob, and where the first begins in the whole. */
export interface PartsPage {
  readonly startBytes: number;
  readonly parts: readonly CompositePart[];
}

type CompositeLocation = Extract<BlobLocation, { kind: 'composite' }>;
type Store = { readonly metadata: MetadataStore; readonly volume: string };

/** `[start, [digest bytes, size, digest bytes, size, ...]]`; a digest's length tells its algorithm. */
type StoredPage = readonly [startBytes: number, parts: readonly (Uint8Array | number)[]];

const codec = recordCodec<StoredPage>('parts', 1);

// MessagePack: 2 bytes before up to 255 bytes of binary, at most 9 for an integer; and the page's own few.
const PAGE_BYTES = MAX_VALUE_BYTES - 64;
const PART_OVERHEAD_BYTES = 11;

export function paginateParts(parts: readonly CompositePart[]): PartsPage[] {
  const pages: { startBytes: number; parts: CompositePart[] }[] = [];
  let startBytes = 0;
  let room = 0;
  for (const part of parts) {
    const needs = digestBytes(part.digest).length + PART_OVERHEAD_BYTES;
    let page = pages.at(-1);
    if (page === undefined || room < needs) {
      page = { startBytes, parts: [] };
      pages.push(page);
      room = PAGE_BYTES;
    }
    page.parts.push(part);
    room -= needs;
    startBytes += part.sizeBytes;
  }
  return pages;
}

/** Adds the parts pages and the edges by which the composite holds its parts. Returns the location for its record. */
export function putComposite(
  transaction: Transaction,
  composite: {
    readonly volume: string;
    readonly digest: Digest;
    readonly parts: readonly CompositePart[];
    readonly provisional: boolean;
  },
): CompositeLocation {
  const { volume, digest, parts, provisional } = composite;
  const pages = paginateParts(parts);
  pages.forEach((page, index) => {
    transaction.put(contentKeys.partsPage(volume, digest, index), encodePage(page));
  });
  putEdges(transaction, {
    volume,
    digests: new Set(parts.map((part) => part.digest)),
    owner: compositeOwner(digest),
  });
  const location = { kind: 'composite', parts: parts.length, pages: pages.length } as const;
  return provisional ? { ...location, provisional } : location;
}

/** Deletes what `putComposite` added; the parts become candidates. */
export async function dropComposite(
  transaction: Transaction,
  store: Store,
  {
    digest,
    location,
    dueAtMs,
  }: { readonly digest: Digest; readonly location: CompositeLocation; readonly dueAtMs: number },
): Promise<void> {
  const { volume } = store;
  const dropped = new Set<Digest>();
  for (let index = 0; index < location.pages; index++) {
    transaction.delete(contentKeys.partsPage(volume, digest, index));
    for (const part of (await findPage(store, digest, index))?.parts ?? []) {
      if (dropped.has(part.digest)) continue;
      dropped.add(part.digest);
      dropEdge(transaction, { volume, digest: part.digest, owner: compositeOwner(digest), dueAtMs });
    }
  }
}

export async function findPage(store: Store, digest: Digest, index: number): Promise<PartsPage | undefined> {
  const value = await store.metadata.get(contentKeys.partsPage(store.volume, digest, index));
  return value && decodePage(digest, value);
}

/** All parts in order; undefined when a page is missing. */
export async function findParts(
  { metadata, volume }: Store,
  digest: Digest,
  pages: number,
): Promise<CompositePart[] | undefined> {
  const parts: CompositePart[] = [];
  for (let from = 0; from < pages; from += PAGES_AT_ONCE) {
    const count = Math.min(PAGES_AT_ONCE, pages - from);
    const keys = Array.from({ length: count }, (_, index) =>
      contentKeys.partsPage(volume, digest, from + index),
    );
    for (const value of await metadata.getMany(keys)) {
      if (value === undefined) return undefined;
      parts.push(...decodePage(digest, value).parts);
    }
  }
  return parts;
}

const PAGES_AT_ONCE = 64;

/** The index of the page that holds byte `offset`: a binary search over the pages' starts. */
export async function findPageOf(
  store: Store,
  { digest, pages, offset }: { readonly digest: Digest; readonly pages: number; readonly offset: number },
): Promise<number> {
  let low = 0;
  let high = pages - 1;
  while (low < high) {
    const middle = (low + high + 1) >>> 1;
    const page = await findPage(store, digest, middle);
    if (page === undefined) throw pageMissing(digest, middle);
    if (page.startBytes <= offset) low = middle;
    else high = middle - 1;
  }
  return low;
}

export function pageMissing(digest: Digest, index: number): StoreError {
  return new StoreError('internal', `part list ${index} of ${digest} is missing`, { resource: digest });
}

function encodePage(page: PartsPage): Uint8Array {
  return codec.encode([
    page.startBytes,
    page.parts.flatMap(({ digest, sizeBytes }) => [digestBytes(digest), sizeBytes]),
  ]);
}

function decodePage(digest: Digest, value: Uint8Array): PartsPage {
  try {
    const [startBytes, flat] = codec.decode(value);
    const parts: CompositePart[] = [];
    for (let at = 0; at < flat.length; at += 2) {
      const [part, sizeBytes] = [flat[at], flat[at + 1]];
      if (!(part instanceof Uint8Array) || typeof sizeBytes !== 'number')
        throw new Error('not a list of parts');
      const algorithm = part.length === 64 ? 'sha512' : 'sha256';
      parts.push({ digest: makeDigest(algorithm, Buffer.from(part).toString('hex')), sizeBytes });
    }
    return { startBytes, parts };
  } catch (cause) {
    throw new StoreError('internal', `a part list of ${digest} cannot be read`, { resource: digest, cause });
  }
}

function digestBytes(digest: Digest): Buffer {
  return Buffer.from(digest.slice(digest.indexOf(':') + 1), 'hex');
}
