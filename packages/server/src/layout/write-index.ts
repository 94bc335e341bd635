import { join } from 'node:path';
import { type Digest, isStoreError, MediaType, StoreError, type Tag } from '@zot-artifact-store/spec';
import { type BlobFolder, writeFile } from './blob-folder.ts';
import { INDEX_FILE, LAYOUT_FILE, LAYOUT_VERSION, readIndex } from './read-layout.ts';
import { REF_NAME } from './ref-name.ts';
import { syncFolder } from './safe-folders.ts';

/** A manifest for index.json; one that has several tags comes once for each. */
export interface IndexEntry {
  readonly mediaType: string;
  readonly digest: Digest;
  readonly sizeBytes: number;
  readonly tag?: Tag;
}

const WRITE_CHARS = 64 * 1024;

/**
 * Writes the two small files of a layout. index.json is replaced in one step, when everything it lists is durable:
 * the entries are pulled one by one, and their blobs must be in the folder when they come. Entries that were there
 * before stay, unless a new one has their tag, or their digest and they have no tag.
 */
export async function writeIndex(
  folder: string,
  blobs: BlobFolder,
  entries: AsyncIterable<IndexEntry>,
): Promise<void> {
  const { manifests: before, ...header } = await readBefore(folder);
  const partial = blobs.newPartial();
  await writeFile(partial, inPieces(indexText(header, before, entries)));
  const layout = blobs.newPartial();
  await writeFile(layout, inPieces(once(JSON.stringify({ imageLayoutVersion: LAYOUT_VERSION }))));
  await blobs.sync();
  await blobs.put(layout, LAYOUT_FILE);
  await blobs.put(partial, INDEX_FILE);
  await syncFolder(folder);
}

async function* indexText(
  header: object,
  before: readonly unknown[],
  entries: AsyncIterable<IndexEntry>,
): AsyncGenerator<string> {
  yield `${JSON.stringify(header).slice(0, -1)},"manifests":[`;
  let separator = '';
  const tags = new Set<string>();
  const digests = new Set<string>();
  for await (const { mediaType, digest, sizeBytes, tag } of entries) {
    digests.add(digest);
    if (tag !== undefined) tags.add(tag);
    const annotations = tag === undefined ? {} : { annotations: { [REF_NAME]: tag } };
    yield `${separator}${JSON.stringify({ mediaType, digest, size: sizeBytes, ...annotations })}`;
    separator = ',';
  }
  for (const entry of before) {
    const { refName, digest } = namesOf(entry);
    if (refName === undefined ? digests.has(digest) : tags.has(refName)) continue;
    yield `${separator}${JSON.stringify(entry)}`;
    separator = ',';
  }
  yield ']}';
}

/** What index.json holds now. Throws `conflict` when it holds something that would be lost. */
async function readBefore(folder: string): Promise<{ readonly manifests: readonly unknown[] }> {
  const fresh = { schemaVersion: 2, mediaType: MediaType.imageIndex, manifests: [] };
  try {
    const { manifests, ...header } = await readIndex(folder);
    return { ...fresh, ...header, manifests: Array.isArray(manifests) ? manifests : [] };
  } catch (error) {
    if (isStoreError(error, 'blob-unknown')) return fresh;
    if (!isStoreError(error)) throw error;
    const path = join(folder, INDEX_FILE);
    throw new StoreError('conflict', `${path} cannot be added to: ${error.message}; choose an empty folder`, {
      cause: error,
    });
  }
}

function namesOf(entry: unknown): { readonly refName: string | undefined; readonly digest: string } {
  if (typeof entry !== 'object' || entry === null) return { refName: undefined, digest: '' };
  const digest = 'digest' in entry && typeof entry.digest === 'string' ? entry.digest : '';
  const annotations = 'annotations' in entry ? entry.annotations : undefined;
  if (typeof annotations !== 'object' || annotations === null || !(REF_NAME in annotations)) {
    return { refName: undefined, digest };
  }
  const refName = annotations[REF_NAME];
  return { refName: typeof refName === 'string' ? refName : undefined, digest };
}

async function* inPieces(texts: AsyncIterable<string>): AsyncGenerator<Uint8Array> {
  let piece = '';
  for await (const text of texts) {
    piece += text;
    if (piece.length < WRITE_CHARS) continue;
    yield Buffer.from(piece);
    piece = '';
  }
  yield Buffer.from(piece);
}

async function* once(text: string): AsyncGenerator<string> {
  yield text;
}
