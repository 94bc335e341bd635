import { open, type RootDatabase } from 'lmdb';
import type { Key } from '../metadata-store.ts';

export type Environment = RootDatabase<Uint8Array, Uint8Array>;

export interface EnvironmentOptions {
  /** The folder of `data.mdb` and `lock.mdb`. */
  readonly path: string;
  /** Address space to map at once; the map grows by itself past it. */
  readonly mapSizeBytes: number | undefined;
}

/** 8 KiB pages hold our largest value without overflow pages. Fixed when the file is made. */
export const PAGE_BYTES = 8_192;
/** Each thread that reads holds one; workers, their writer threads and tools share the table. */
const MAX_READERS = 1_024;

/**
 * Opens the environment for this thread; the threads of one process share the underlying map. `overlappingSync` is
 * off because with it a commit whose sync failed stays visible to readers; `noSync` is never used because it loses
 * acknowledged commits in a power cut.
 */
export function openEnvironment({ path, mapSizeBytes }: EnvironmentOptions): Environment {
  return open<Uint8Array, Uint8Array>({
    path,
    noSubdir: false,
    overlappingSync: false,
    keyEncoding: 'binary',
    encoding: 'binary',
    cache: false,
    pageSize: PAGE_BYTES,
    maxReaders: MAX_READERS,
    ...(mapSizeBytes === undefined ? {} : { mapSize: mapSizeBytes }),
  });
}

/** lmdb takes an empty start for "no start given"; no key is below a single zero byte. */
export function rangeStart(from: Key): Key {
  return from.length === 0 ? new Uint8Array(1) : from;
}
