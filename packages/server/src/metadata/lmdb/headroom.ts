import { closeSync, fstatSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { type Environment, PAGE_BYTES } from './environment.ts';

/** A leaf, the branches above it and the free list: what one change may copy at most, on a deep tree. */
const PAGES_PER_CHANGE = 4;
/** What a change of many copies on average: its leaf, and a part of what they share. */
const RESERVED_PAGES_PER_CHANGE = 2;
/** Kept beyond what is asked for, for changes that give space back on a disk that has none. */
const RESERVE_BYTES = 4 << 20;
const STEP_BYTES = 1 << 20;
const MAX_STEP_BYTES = 32 << 20;

/**
 * Keeps the data file longer than LMDB has used it, so that a transaction only writes where the filesystem has
 * already given the space: a full disk then shows here, before anything was written, and not in the middle of a
 * commit. It also spares most commits the change of the file's length.
 */
export class Headroom {
  readonly #file: number;
  readonly #db: Environment;
  #sizeBytes: number;

  constructor(db: Environment, folder: string) {
    this.#db = db;
    this.#file = openSync(join(folder, 'data.mdb'), 'r+');
    this.#sizeBytes = fstatSync(this.#file).size;
  }

  /**
   * Whether the file has room for `changes` changes; grows it when not. Must run inside the write transaction and
   * before its first change: only there is nobody else, in any process, about to write at the end of the file.
   * Throws what the filesystem throws, except that it has no space.
   */
  ensure(changes: number): boolean {
    const usedBytes = (lastPage(this.#db) + 1) * PAGE_BYTES;
    const neededBytes = usedBytes + RESERVE_BYTES + changes * PAGES_PER_CHANGE * PAGE_BYTES;
    if (this.#sizeBytes >= neededBytes) return true;
    this.#sizeBytes = fstatSync(this.#file).size;
    if (this.#sizeBytes >= neededBytes) return true;
    const stepBytes = Math.min(MAX_STEP_BYTES, Math.max(STEP_BYTES, usedBytes >> 2));
    return this.#grow(neededBytes + stepBytes);
  }

  /** How many changes the file takes as it is, after `ensure` said no and before the first of them. */
  changesInReserve(): number {
    const usedBytes = (lastPage(this.#db) + 1) * PAGE_BYTES;
    return Math.floor((this.#sizeBytes - usedBytes) / (RESERVED_PAGES_PER_CHANGE * PAGE_BYTES));
  }

  close(): void {
    closeSync(this.#file);
  }

  #grow(toBytes: number): boolean {
    const zeros = Buffer.alloc(STEP_BYTES);
    try {
      while (this.#sizeBytes < toBytes) {
        const length = Math.min(zeros.length, toBytes - this.#sizeBytes);
        this.#sizeBytes += writeSync(this.#file, zeros, 0, length, this.#sizeBytes);
      }
      return true;
    } catch (error) {
      if (isNoSpace(error)) return false;
      throw error;
    }
  }
}

function isNoSpace(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return code === 'ENOSPC' || code === 'EDQUOT' || code === 'EFBIG';
}

/** The library's types leave out `env`, where the last used page can be read without walking the free list. */
function lastPage(db: Environment): number {
  const { env } = db as unknown as { env: { info(): { lastPageNumber: number } } };
  return env.info().lastPageNumber;
}
