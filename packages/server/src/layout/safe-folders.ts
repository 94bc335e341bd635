import { lstat, mkdir, open } from 'node:fs/promises';
import { join } from 'node:path';
import { StoreError } from '@zot-artifact-store/spec';
import { codeOf } from './outside-file.ts';

/** What is exported is as private as the store it comes from. */
const FOLDER_MODE = 0o700;

/**
 * Makes the folders `parts` below `root`, which is there, one in the other, and returns the way to the last. Throws
 * `conflict` when a part is something else: a link could lead anywhere.
 */
export async function makeFolders(root: string, parts: readonly string[]): Promise<string> {
  let path = root;
  for (const part of parts) {
    const parent = path;
    path = join(parent, part);
    try {
      await mkdir(path, { mode: FOLDER_MODE });
      await syncFolder(parent);
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw writeFailed(path, error);
      if (!(await lstat(path)).isDirectory()) {
        throw new StoreError('conflict', `${path} is in the way: it is not a folder`, { cause: error });
      }
    }
  }
  return path;
}

/** Makes the names in the folder durable. */
export async function syncFolder(path: string): Promise<void> {
  const handle = await open(path);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** What the disk of the export says; the store itself is not to blame. */
export function writeFailed(path: string, error: unknown): StoreError {
  if (error instanceof StoreError) return error;
  switch (codeOf(error)) {
    case 'ENOSPC':
    case 'EDQUOT':
      return new StoreError('storage-full', `there is no space left to write ${path}`, { cause: error });
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return new StoreError('unavailable', `${path} may not be written by this user (${codeOf(error)})`, {
        cause: error,
      });
    default: {
      const why = error instanceof Error ? error.message : String(error);
      return new StoreError('unavailable', `${path} could not be written: ${why}`, { cause: error });
    }
  }
}
