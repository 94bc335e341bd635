import type { FileHandle } from 'node:fs/promises';
import { StoreError } from '@zot-artifact-store/spec';
import { interruptible } from '../../content/interruptible.ts';
import type { FailStop } from './fail-stop.ts';
import type { FileSystem } from './file-system.ts';
import type { FreeSpace } from './free-space.ts';
import { errorCode } from './translate-error.ts';

export interface StageTools {
  readonly fs: FileSystem;
  readonly failStop: FailStop;
  readonly freeSpace: FreeSpace;
  readonly fileMode: number;
}

/**
 * Writes `source` to the new file `path` and syncs its bytes; its name is not durable yet. When it rejects there is no
 * file. `conflict` when there is one already.
 */
export async function stageFile(
  path: string,
  source: AsyncIterable<Uint8Array>,
  options: StageTools & { readonly signal?: AbortSignal | undefined },
): Promise<number> {
  const { fs, failStop, freeSpace, signal } = options;
  await freeSpace.claim(0);
  const handle = await createFile(path, options);
  let isOpen = true;
  try {
    let sizeBytes = 0;
    for await (const chunk of interruptible(source, signal)) {
      await freeSpace.claim(chunk.length);
      await failStop.attempt('write this content', () => writeAll(handle, chunk));
      sizeBytes += chunk.length;
    }
    signal?.throwIfAborted();
    await failStop.vital('sync this content', () => handle.datasync());
    isOpen = false;
    await failStop.vital('close this content', () => handle.close());
    return sizeBytes;
  } catch (error) {
    // The file goes away, so neither of these can hurt; what cannot be removed now is found as an old staged file.
    if (isOpen) await handle.close().catch(() => undefined);
    await fs.unlink(path).catch(() => undefined);
    throw error;
  }
}

function createFile(path: string, { fs, failStop, fileMode }: StageTools): Promise<FileHandle> {
  return failStop.attempt('create a file', async () => {
    try {
      return await fs.open(path, 'wx', fileMode);
    } catch (error) {
      if (errorCode(error) !== 'EEXIST') throw error;
      throw new StoreError('conflict', 'the staged id is already in use', { cause: error });
    }
  });
}

/** The kernel may take less than it is given, for example just before the disk is full. */
async function writeAll(handle: FileHandle, chunk: Uint8Array): Promise<void> {
  for (let done = 0; done < chunk.length; ) {
    const { bytesWritten } = await handle.write(chunk, done, chunk.length - done);
    if (bytesWritten === 0) throw new Error('the filesystem took no bytes');
    done += bytesWritten;
  }
}
