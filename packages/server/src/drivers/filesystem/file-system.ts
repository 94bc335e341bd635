import type * as promises from 'node:fs/promises';

/** The calls the driver makes, so that a test can fail or watch each of them. */
export type FileSystem = Pick<
  typeof promises,
  'copyFile' | 'link' | 'lstat' | 'mkdir' | 'open' | 'opendir' | 'rename' | 'stat' | 'statfs' | 'unlink'
>;
