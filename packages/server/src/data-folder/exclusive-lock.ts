import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { StoreError } from '@zot-artifact-store/spec';

export const LOCK_FILE = 'zas.lock';
export const PID_FILE = 'zas.pid';

/** SQLITE_BUSY. */
const BUSY = 5;

/** A lock must not end because its owner forgot it and the connection was collected as garbage. */
const held = new Set<DatabaseSync>();

/**
 * Takes the lock of the folder, or throws `unavailable` when another process (or another server in this one) has it.
 * It is a kernel lock on a file, taken through SQLite because Node has no call for one: it ends with the process
 * however that ends, so there is no stale lock to judge, and no process id that somebody else may have by now.
 * Returns the release.
 */
export function takeExclusiveLock(root: string): () => void {
  const database = new DatabaseSync(join(root, LOCK_FILE), { timeout: 0 });
  try {
    // No journal file, and nothing is ever written: the lock is all we want.
    database.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
  } catch (error) {
    database.close();
    if (!(error instanceof Error && 'errcode' in error && error.errcode === BUSY)) throw error;
    throw new StoreError(
      'unavailable',
      `the data folder ${root} is in use by another server${holderHint(root)}; stop it first or choose another folder`,
      { cause: error },
    );
  }
  const pidFile = join(root, PID_FILE);
  try {
    // For people and for the message above; nothing is decided by it.
    writeFileSync(pidFile, `${process.pid}\n`, { mode: 0o600 });
  } catch (error) {
    // On a full disk a server is wanted all the more: it gives space back.
    if (!isFull(error)) {
      database.close();
      throw error;
    }
  }
  held.add(database);
  return () => {
    if (!held.delete(database)) return;
    rmSync(pidFile, { force: true });
    database.close();
  };
}

function isFull(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ENOSPC' || error.code === 'EDQUOT');
}

function holderHint(root: string): string {
  try {
    const pid = Number.parseInt(readFileSync(join(root, PID_FILE), 'utf8'), 10);
    return Number.isSafeInteger(pid) ? ` (process ${pid})` : '';
  } catch {
    return '';
  }
}
