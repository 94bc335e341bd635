import { createHash, randomUUID } from 'node:crypto';
import { lstat, open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import {
  DIGEST_HEX_LENGTH,
  type Digest,
  digestAlgorithm,
  digestHex,
  isStoreError,
  makeDigest,
  StoreError,
} from '@zot-artifact-store/spec';
import type { OutsideFile } from '../content/content-store.ts';
import { findOutsideFile, isFolder } from './outside-file.ts';
import { BLOBS_FOLDER, findBlobFile } from './read-layout.ts';
import { makeFolders, syncFolder, writeFailed } from './safe-folders.ts';

/** Names that start with a dot are no repository to whoever reads the tree. */
const PARTIAL_FOLDER = '.partial';
const FILE_MODE = 0o600;
/** The algorithm whose folder every layout has. */
const CANONICAL = 'sha256';

/** Where the bytes of a blob come from. */
export interface BlobSource {
  readonly digest: Digest;
  readonly sizeBytes: number;
  /** Makes the new file `path` a hard link of the blob, or a durable copy; undefined when that cannot be done. */
  linkTo?(path: string): Promise<{ readonly linked: boolean } | undefined>;
  read(): Promise<AsyncIterable<Uint8Array>>;
}

/**
 * The files of a layout that is being written. Each is made whole under another name and then renamed, so what is under
 * its name is whole, and an export that was cut off can go on.
 */
export class BlobFolder {
  readonly #folder: string;
  readonly #partial: string;

  constructor(folder: string) {
    this.#folder = folder;
    this.#partial = join(folder, PARTIAL_FOLDER);
  }

  /** Removes what an export left that was cut off. */
  async open(): Promise<void> {
    await this.#removePartial();
    await makeFolders(this.#folder, [PARTIAL_FOLDER]);
    await makeFolders(this.#folder, [BLOBS_FOLDER, CANONICAL]);
  }

  async close(): Promise<void> {
    await this.#removePartial();
  }

  /**
   * Makes the bytes of the blob its file. `kept` when they are that already: every byte is read and compared. Throws
   * `blob-corrupt` when the store has other bytes for it than its digest says.
   */
  async write(source: BlobSource): Promise<'kept' | 'linked' | 'copied'> {
    const { digest } = source;
    const algorithm = digestAlgorithm(digest);
    if (algorithm !== CANONICAL) await makeFolders(this.#folder, [BLOBS_FOLDER, algorithm]);
    if (await this.#holds(source)) return 'kept';
    const partial = this.newPartial();
    const shared = await source.linkTo?.(partial);
    if (shared === undefined) await copyChecked(source, partial);
    else await checkFile(source, partial);
    await this.put(partial, join(BLOBS_FOLDER, algorithm, digestHex(digest)));
    return shared?.linked ? 'linked' : 'copied';
  }

  /** Makes the names of the blobs durable. */
  async sync(): Promise<void> {
    for (const algorithm of Object.keys(DIGEST_HEX_LENGTH)) {
      const folder = join(this.#folder, BLOBS_FOLDER, algorithm);
      if (await isFolder(folder)) await syncFolder(folder);
    }
  }

  /** The path of a file that is not there yet, on the same filesystem. */
  newPartial(): string {
    return join(this.#partial, randomUUID());
  }

  /** Gives a finished file its name; what had the name is replaced. */
  async put(partial: string, name: string): Promise<void> {
    const path = join(this.#folder, name);
    try {
      await rename(partial, path);
    } catch (error) {
      throw writeFailed(path, error);
    }
  }

  async #holds({ digest, sizeBytes }: BlobSource): Promise<boolean> {
    try {
      const file = await findBlobFile(this.#folder, digest);
      return file.sizeBytes === sizeBytes && (await holdsDigest(digest, file));
    } catch (error) {
      if (isStoreError(error)) return false;
      throw error;
    }
  }

  async #removePartial(): Promise<void> {
    try {
      // A link is removed, not followed.
      if ((await lstat(this.#partial).catch(() => undefined)) !== undefined) {
        await rm(this.#partial, { recursive: true, force: true });
      }
    } catch (error) {
      throw writeFailed(this.#partial, error);
    }
  }
}

async function checkFile({ digest }: BlobSource, path: string): Promise<void> {
  if (!(await holdsDigest(digest, await findOutsideFile(path)))) throw corrupt(digest);
}

async function copyChecked({ digest, sizeBytes, read }: BlobSource, path: string): Promise<void> {
  const hash = createHash(digestAlgorithm(digest));
  let length = 0;
  const bytes = await read();
  await writeFile(
    path,
    (async function* () {
      for await (const chunk of bytes) {
        hash.update(chunk);
        length += chunk.length;
        yield chunk;
      }
    })(),
  );
  if (length === sizeBytes && makeDigest(digestAlgorithm(digest), hash.digest('hex')) === digest) return;
  throw corrupt(digest);
}

function corrupt(digest: Digest): StoreError {
  return new StoreError('blob-corrupt', 'the stored bytes are not what the digest says', {
    resource: digest,
  });
}

/** Writes a new file and makes its bytes durable. What the source throws is thrown as it is. */
export async function writeFile(path: string, chunks: AsyncIterable<Uint8Array>): Promise<void> {
  const onDisk = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      throw writeFailed(path, error);
    }
  };
  const handle = await onDisk(() => open(path, 'wx', FILE_MODE));
  try {
    for await (const chunk of chunks) await onDisk(() => writeAll(handle, chunk));
    await onDisk(() => handle.datasync());
  } finally {
    await onDisk(() => handle.close());
  }
}

async function writeAll(handle: Awaited<ReturnType<typeof open>>, chunk: Uint8Array): Promise<void> {
  for (let at = 0; at < chunk.length; ) {
    at += (await handle.write(chunk, at, chunk.length - at)).bytesWritten;
  }
}

async function holdsDigest(digest: Digest, file: OutsideFile): Promise<boolean> {
  const algorithm = digestAlgorithm(digest);
  const hash = createHash(algorithm);
  for await (const chunk of file.read()) hash.update(chunk);
  return makeDigest(algorithm, hash.digest('hex')) === digest;
}
