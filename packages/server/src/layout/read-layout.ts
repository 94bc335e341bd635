import { join } from 'node:path';
import {
  type Digest,
  digestAlgorithm,
  digestHex,
  isStoreError,
  StoreError,
  tryParseDigest,
} from '@zot-artifact-store/spec';
import type { OutsideFile } from '../content/content-store.ts';
import { parseBoundedJson } from '../registry/bounded-json.ts';
import { findOutsideFile, isFolder, readOutsideFile } from './outside-file.ts';
import { REF_NAME } from './ref-name.ts';

/** Files of the image-spec's image-layout.md. */
export const LAYOUT_FILE = 'oci-layout';
export const INDEX_FILE = 'index.json';
export const BLOBS_FOLDER = 'blobs';
export const LAYOUT_VERSION = '1.0.0';

const LAYOUT_FILE_BYTES = 4 * 1024;
/** About 250,000 tags. */
const INDEX_BYTES = 64 * 1024 * 1024;
const INDEX_VALUES = 2_000_000;

/** A descriptor that index.json lists. */
export interface LayoutEntry {
  readonly mediaType: string;
  readonly digest: Digest;
  readonly refName: string | undefined;
}

export interface Layout {
  readonly folder: string;
  readonly entries: readonly LayoutEntry[];
  /** What is wrong with entries that are no descriptors. */
  readonly faults: readonly string[];
}

/**
 * Reads the two small files of an OCI image layout; blobs are looked for when they are needed. Throws with a sentence
 * about what is wrong: `blob-unknown` when one of its parts is missing, `manifest-invalid`, and as `readOutsideFile`.
 */
export async function readLayout(folder: string): Promise<Layout> {
  const header = parseObject(await readPart(folder, LAYOUT_FILE, LAYOUT_FILE_BYTES), LAYOUT_FILE);
  if (header.imageLayoutVersion !== LAYOUT_VERSION) {
    throw invalid(`${LAYOUT_FILE} does not say imageLayoutVersion ${LAYOUT_VERSION}`);
  }
  if (!(await isFolder(join(folder, BLOBS_FOLDER)))) {
    throw new StoreError('blob-unknown', `${BLOBS_FOLDER} is missing, or is not a folder itself`);
  }
  const { manifests = null } = await readIndex(folder);
  // Go's encoders write an empty list as null.
  const list: unknown = manifests ?? [];
  if (!Array.isArray(list)) throw invalid(`manifests in ${INDEX_FILE} is not a list`);
  const faults: string[] = [];
  const entries: LayoutEntry[] = [];
  list.forEach((item: unknown, position) => {
    const entry = readEntry(item);
    if (typeof entry === 'string') faults.push(`manifests[${position}] of ${INDEX_FILE} ${entry}`);
    else entries.push(entry);
  });
  return { folder, entries, faults };
}

/** index.json as it is. Throws as `readLayout`. */
export async function readIndex(folder: string): Promise<Readonly<Record<string, unknown>>> {
  return parseObject(await readPart(folder, INDEX_FILE, INDEX_BYTES), INDEX_FILE);
}

/** Throws as `findOutsideFile`; folders on the way that are links count as missing. */
export async function findBlobFile(folder: string, digest: Digest): Promise<OutsideFile> {
  const ofAlgorithm = join(folder, BLOBS_FOLDER, digestAlgorithm(digest));
  const areFolders = (await isFolder(join(folder, BLOBS_FOLDER))) && (await isFolder(ofAlgorithm));
  if (!areFolders) throw new StoreError('blob-unknown', 'the file is missing');
  return findOutsideFile(join(ofAlgorithm, digestHex(digest)));
}

async function readPart(folder: string, name: string, limitBytes: number): Promise<Buffer> {
  try {
    return await readOutsideFile(join(folder, name), limitBytes);
  } catch (error) {
    if (!isStoreError(error)) throw error;
    throw new StoreError(error.kind, `${name}: ${error.message}`, { cause: error });
  }
}

function parseObject(bytes: Uint8Array, name: string): Readonly<Record<string, unknown>> {
  const value = parseBoundedJson(bytes, { name, maxValues: INDEX_VALUES });
  if (!isObject(value)) throw invalid(`${name} is not a JSON object`);
  return value;
}

function readEntry(item: unknown): LayoutEntry | string {
  if (!isObject(item)) return 'is not a descriptor';
  const { mediaType, digest: text, annotations } = item;
  if (typeof mediaType !== 'string' || mediaType === '') return 'has no mediaType';
  const digest = typeof text === 'string' ? tryParseDigest(text) : undefined;
  if (digest === undefined) return 'has no sha256 or sha512 digest';
  const refName = isObject(annotations) ? annotations[REF_NAME] : undefined;
  return { mediaType, digest, refName: typeof refName === 'string' ? refName : undefined };
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function invalid(message: string): StoreError {
  return new StoreError('manifest-invalid', message);
}
