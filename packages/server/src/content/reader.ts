import { type Digest, isStoreError, StoreError } from '@zot-artifact-store/spec';
import type { ByteRange, ObjectName, ReadOptions } from './blob-driver.ts';
import {
  type BlobRecord,
  blobCorrupt,
  blobUnknown,
  decodeBlob,
  type FoundBlob,
  findBlob,
} from './blob-records.ts';
import { type CompositePart, findPage, findPageOf, pageMissing } from './composite.ts';
import { contentKeys } from './keyspace.ts';
import type { ContentVolume } from './volume.ts';

/** An inline blob, an alias of a file, a multipart object of aliases; deeper is a mistake in the store. */
const MAX_DEPTH = 4;

interface OpenBlob {
  readonly digest: Digest;
  readonly range: ByteRange | undefined;
  readonly signal: AbortSignal | undefined;
  readonly depth: number;
}

/**
 * Opens a blob wherever its bytes are. What can be known before the first byte is checked before it resolves (record,
 * damage, presence and size of the file, the first parts of a composite), so that a reader gets an error instead of a
 * broken stream; nothing is held open until the stream is pulled.
 *
 * Throws `blob-unknown`, `blob-corrupt`, `range-unsatisfiable`.
 */
export async function openBlob(
  volume: ContentVolume,
  digest: Digest,
  options: ReadOptions = {},
): Promise<AsyncIterable<Uint8Array>> {
  const { range, signal } = options;
  signal?.throwIfAborted();
  return open(volume, await mustFind(volume, digest), { digest, range, signal, depth: 0 });
}

/** For scrub: the bytes a record stands for, whether or not it is marked. Throws as `openBlob`. */
export async function openMarked(
  volume: ContentVolume,
  digest: Digest,
  { found, signal }: { readonly found: FoundBlob; readonly signal: AbortSignal | undefined },
): Promise<AsyncIterable<Uint8Array>> {
  const { corrupt: _, ...record } = found.record;
  return open(volume, { ...found, record }, { digest, range: undefined, signal, depth: 0 });
}

/** The record when the blob can be served: undefined when there is none, or its bytes are known to be damaged. */
export async function findSoundBlob(volume: ContentVolume, digest: Digest): Promise<BlobRecord | undefined> {
  const found = await findBlob(volume, digest);
  if (found === undefined || found.record.corrupt) return undefined;
  const { location } = found.record;
  if (location.kind !== 'composite' || location.parts !== 1) return found.record;
  // The second name of a blob is as sound as the blob.
  const part = (await findPage(volume, digest, 0))?.parts[0];
  const target = part && (await findBlob(volume, part.digest));
  return target === undefined || target.record.corrupt ? undefined : found.record;
}

async function mustFind(volume: ContentVolume, digest: Digest): Promise<FoundBlob> {
  const found = await findBlob(volume, digest);
  if (found === undefined) throw blobUnknown(digest);
  return found;
}

async function open(
  volume: ContentVolume,
  found: FoundBlob,
  blob: OpenBlob,
): Promise<AsyncIterable<Uint8Array>> {
  const { digest, range } = blob;
  const { record } = found;
  if (record.corrupt) throw blobCorrupt(digest);
  if (range !== undefined) assertInside(digest, range, record.size);
  if (blob.depth > MAX_DEPTH) throw new StoreError('internal', `${digest} is nested too deeply`);
  const { location } = record;
  switch (location.kind) {
    case 'inline':
      return once(Buffer.from(range ? location.bytes.subarray(range.start, range.end + 1) : location.bytes));
    case 'file':
      return openFile(volume, found, { ...blob, name: location.name });
    case 'composite':
      return openComposite(volume, record, { ...blob, pages: location.pages });
  }
}

/**
 * A file that is not there (or not whole) was collected or replaced since the record was read, or is lost. So the
 * record is read once more: gone means `blob-unknown`, changed means read from the new place, unchanged means lost.
 */
async function openFile(
  volume: ContentVolume,
  found: FoundBlob,
  file: OpenBlob & { readonly name: ObjectName },
): Promise<AsyncIterable<Uint8Array>> {
  const info = await volume.driver.stat(file.name);
  if (info?.sizeBytes !== found.record.size) return openMoved(volume, found, file);
  return streamFile(volume, found, file);
}

async function* streamFile(
  volume: ContentVolume,
  found: FoundBlob,
  file: OpenBlob & { readonly name: ObjectName },
): AsyncGenerator<Uint8Array, void, undefined> {
  let started = false;
  try {
    for await (const chunk of volume.driver.read(file.name, readOptions(file))) {
      started = true;
      yield chunk;
    }
    return;
  } catch (error) {
    if (started || !isStoreError(error, 'blob-unknown')) throw error;
  }
  yield* await openMoved(volume, found, file);
}

async function openMoved(
  volume: ContentVolume,
  found: FoundBlob,
  file: OpenBlob,
): Promise<AsyncIterable<Uint8Array>> {
  const now = await mustFind(volume, file.digest);
  if (Buffer.compare(now.value, found.value) === 0) throw blobCorrupt(file.digest);
  return open(volume, now, { ...file, depth: file.depth + 1 });
}

async function openComposite(
  volume: ContentVolume,
  record: BlobRecord,
  whole: OpenBlob & { readonly pages: number },
): Promise<AsyncIterable<Uint8Array>> {
  if (record.size === 0) return once(Buffer.alloc(0));
  const { digest, pages } = whole;
  const range = whole.range ?? { start: 0, end: record.size - 1 };
  const firstPage = await findPageOf(volume, { digest, pages, offset: range.start });
  const slices = await slicesOf(volume, { ...whole, range, page: firstPage });
  return streamComposite(volume, { ...whole, range, firstPage, slices });
}

interface PartSlice {
  readonly found: FoundBlob;
  readonly digest: Digest;
  /** Within the part; undefined for all of it. */
  readonly range: ByteRange | undefined;
}

async function* streamComposite(
  volume: ContentVolume,
  whole: OpenBlob & {
    readonly range: ByteRange;
    readonly pages: number;
    readonly firstPage: number;
    readonly slices: readonly PartSlice[];
  },
): AsyncGenerator<Uint8Array, void, undefined> {
  const { signal, depth } = whole;
  let slices = whole.slices;
  for (let page = whole.firstPage; slices.length > 0; ) {
    for (const { found, digest, range } of slices) {
      yield* await open(volume, found, { digest, range, signal, depth: depth + 1 });
    }
    page += 1;
    slices = page < whole.pages ? await slicesOf(volume, { ...whole, page }) : [];
  }
}

/** The parts of one page that overlap the range, all there and none known to be damaged; empty past the range. */
async function slicesOf(
  volume: ContentVolume,
  whole: { readonly digest: Digest; readonly range: ByteRange; readonly page: number },
): Promise<readonly PartSlice[]> {
  const page = await findPage(volume, whole.digest, whole.page);
  if (page === undefined) throw pageMissing(whole.digest, whole.page);
  const wanted: { readonly part: CompositePart; readonly range: ByteRange | undefined }[] = [];
  let startBytes = page.startBytes;
  for (const part of page.parts) {
    const start = Math.max(whole.range.start - startBytes, 0);
    const end = Math.min(whole.range.end - startBytes, part.sizeBytes - 1);
    const isWhole = start === 0 && end === part.sizeBytes - 1;
    if (start <= end) wanted.push({ part, range: isWhole ? undefined : { start, end } });
    startBytes += part.sizeBytes;
  }
  const keys = wanted.map(({ part }) => contentKeys.blob(volume.volume, part.digest));
  const values = keys.length === 0 ? [] : await volume.metadata.getMany(keys);
  return wanted.map(({ part, range }, index) => {
    const value = values[index];
    const record = value && decodeBlob(part.digest, value);
    if (value === undefined || record === undefined || record.corrupt || record.size !== part.sizeBytes)
      throw blobCorrupt(whole.digest);
    return { found: { value, record }, digest: part.digest, range };
  });
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
  if (bytes.length > 0) yield bytes;
}

function assertInside(digest: Digest, { start, end }: ByteRange, size: number): void {
  const isInside =
    Number.isSafeInteger(start) && Number.isSafeInteger(end) && start >= 0 && start <= end && end < size;
  if (isInside) return;
  throw new StoreError(
    'range-unsatisfiable',
    `bytes ${start}-${end} are not inside the ${size} bytes of ${digest}`,
    {
      resource: digest,
    },
  );
}

function readOptions({ range, signal }: OpenBlob): ReadOptions {
  return { ...(range && { range }), ...(signal && { signal }) };
}
