import { openSync } from 'node:fs';
import { dirname } from 'node:path';
import { StoreError } from '@zot-artifact-store/spec';
import { makeFolders } from '../work/make-folders.ts';

/** Opens a file to append lines to, made for its owner alone. Throws `unavailable`, naming the file. */
export function openLogFile(path: string): number {
  try {
    makeFolders(dirname(path), 0o700);
    return openSync(path, 'a', 0o600);
  } catch (cause) {
    const reason = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown error';
    throw new StoreError('unavailable', `The log file ${path} cannot be opened (${reason}).`, { cause });
  }
}
