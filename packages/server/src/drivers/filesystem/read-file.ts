import { constants } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { StoreError } from '@zot-artifact-store/spec';
import type { ReadOptions } from '../../content/blob-driver.ts';
import type { ByteBudget } from '../../work/byte-budget.ts';
import { checkedRange } from '../checked-range.ts';
import type { FileSystem } from './file-system.ts';
import { LARGE_CHUNK_BYTES, type ReadBuffers } from './read-buffers.ts';
import { isMissing, translateError, unknownContent } from './translate-error.ts';

const SMALLEST_CHUNK_BYTES = 64 * 1024;
const GROWTH = 4;

/**
 * Streams a file. Chunks start small and grow while the reader keeps pulling, because 1 MiB chunks move more than twice
 * as much as 64 KiB ones; a chunk above the smallest size counts against `budget` until the reader pulls the next, and
 * stays small when that is used up. So readers never wait for each other, and many slow ones hold 64 KiB each.
 */
export async function* readFile(
  path: string,
  resource: string,
  options: ReadOptions & {
    readonly fs: FileSystem;
    readonly budget: ByteBudget;
    readonly buffers: ReadBuffers;
  },
): AsyncGenerator<Uint8Array, void, undefined> {
  const { fs, budget, buffers, range, signal } = options;
  signal?.throwIfAborted();
  const handle = await openFile(fs, path, resource);
  let heldBytes = 0;
  const release = () => {
    budget.give(heldBytes);
    heldBytes = 0;
  };
  let closing: Promise<void> | undefined;
  const close = () => {
    release();
    closing ??= handle.close().catch(() => undefined);
    return closing;
  };
  // A reader that was aborted may never come back to end this generator.
  const onAbort = () => void close();
  signal?.addEventListener('abort', onAbort, { once: true });
  try {
    const { start, end } = checkedRange(range, await sizeOf(handle, resource));
    let wantedBytes = SMALLEST_CHUNK_BYTES;
    for (let offset = start; offset <= end; ) {
      const wanted = Math.min(wantedBytes, end - offset + 1);
      const isTaken = wanted > SMALLEST_CHUNK_BYTES && budget.tryTake(wanted);
      if (isTaken) heldBytes = wanted;
      const sizeBytes = isTaken ? wanted : Math.min(wanted, SMALLEST_CHUNK_BYTES);
      const chunk = buffers.take(sizeBytes, { isLarge: isTaken });
      await fill(handle, chunk, offset, resource).catch((error: unknown) => {
        signal?.throwIfAborted();
        throw error;
      });
      signal?.throwIfAborted();
      yield chunk;
      signal?.throwIfAborted();
      release();
      // The reader may have given the chunk back, and then it has no length any more.
      offset += sizeBytes;
      wantedBytes = Math.min(wantedBytes * GROWTH, LARGE_CHUNK_BYTES);
    }
  } finally {
    signal?.removeEventListener('abort', onAbort);
    await close();
  }
}

async function openFile(fs: FileSystem, path: string, resource: string): Promise<FileHandle> {
  try {
    return await fs.open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  } catch (error) {
    throw isMissing(error) ? unknownContent(resource, error) : translateError(error, 'open this content');
  }
}

async function sizeOf(handle: FileHandle, resource: string): Promise<number> {
  try {
    const stats = await handle.stat();
    if (!stats.isFile()) throw unknownContent(resource);
    return stats.size;
  } catch (error) {
    throw translateError(error, 'read this content');
  }
}

async function fill(handle: FileHandle, chunk: Buffer, offset: number, resource: string): Promise<void> {
  for (let done = 0; done < chunk.length; ) {
    const { bytesRead } = await handle
      .read(chunk, done, chunk.length - done, offset + done)
      .catch((error: unknown) => {
        throw translateError(error, 'read this content');
      });
    if (bytesRead === 0) {
      throw new StoreError('blob-corrupt', 'the content became shorter while it was read', { resource });
    }
    done += bytesRead;
  }
}
