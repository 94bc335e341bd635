import { constants } from 'node:fs';
import { type FileHandle, lstat, open } from 'node:fs/promises';
import { StoreError } from '@zot-artifact-store/spec';
import type { OutsideFile } from '../content/content-store.ts';

const CHUNK_BYTES = 256 * 1024;
/** A link may lead outside the layout, and a pipe would be waited for. */
const FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/**
 * A file somebody else wrote. Throws, each with what is wrong with the file: `blob-unknown` when it is missing,
 * `argument-invalid` when it is no regular file, `denied` and `blob-corrupt` when it cannot be read.
 */
export async function findOutsideFile(path: string): Promise<OutsideFile> {
  const { handle, sizeBytes } = await openFile(path);
  await handle.close();
  return { path, sizeBytes, read: () => readChunks(path) };
}

/** The whole of a small file. Throws as `findOutsideFile`, and `body-too-large`. */
export async function readOutsideFile(path: string, limitBytes: number): Promise<Buffer> {
  const { handle, sizeBytes } = await openFile(path);
  try {
    if (sizeBytes > limitBytes) throw tooLarge(sizeBytes, limitBytes);
    const bytes = Buffer.alloc(sizeBytes);
    let length = 0;
    while (length < sizeBytes) {
      const { bytesRead } = await handle.read(bytes, length, sizeBytes - length);
      if (bytesRead === 0) break;
      length += bytesRead;
    }
    return bytes.subarray(0, length);
  } catch (error) {
    throw translate(error);
  } finally {
    await handle.close();
  }
}

/** Whether `path` is a folder itself, rather than a link to one. Throws `denied` and `blob-corrupt`. */
export async function isFolder(path: string): Promise<boolean> {
  try {
    return (await lstat(path)).isDirectory();
  } catch (error) {
    if (isMissing(error)) return false;
    throw translate(error);
  }
}

export function isMissing(error: unknown): boolean {
  return codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR';
}

export function translate(error: unknown): StoreError {
  if (error instanceof StoreError) return error;
  switch (codeOf(error)) {
    case 'ENOENT':
    case 'ENOTDIR':
      return new StoreError('blob-unknown', 'the file is missing', { cause: error });
    case 'ELOOP':
      return new StoreError('argument-invalid', 'the file is a symbolic link, which is not followed', {
        cause: error,
      });
    case 'EACCES':
    case 'EPERM':
      return new StoreError('denied', 'the file may not be read by this user', { cause: error });
    default:
      return new StoreError('blob-corrupt', `the file cannot be read (${codeOf(error)})`, { cause: error });
  }
}

async function* readChunks(path: string): AsyncGenerator<Uint8Array, void, undefined> {
  const { handle } = await openFile(path);
  try {
    for (;;) {
      const { bytesRead, buffer } = await handle.read(Buffer.allocUnsafe(CHUNK_BYTES), 0, CHUNK_BYTES);
      if (bytesRead === 0) return;
      yield buffer.subarray(0, bytesRead);
    }
  } catch (error) {
    throw translate(error);
  } finally {
    await handle.close();
  }
}

async function openFile(path: string): Promise<{ readonly handle: FileHandle; readonly sizeBytes: number }> {
  const handle = await open(path, FLAGS).catch((error: unknown) => {
    throw translate(error);
  });
  try {
    const stats = await handle.stat();
    if (!stats.isFile()) throw new StoreError('argument-invalid', 'it is not a regular file');
    return { handle, sizeBytes: stats.size };
  } catch (error) {
    await handle.close();
    throw translate(error);
  }
}

function tooLarge(sizeBytes: number, limitBytes: number): StoreError {
  return new StoreError('body-too-large', `the file has ${sizeBytes} bytes; ${limitBytes} are allowed`);
}

export function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}
