import { matchesGlob } from 'node:path';
import { type Digest, isStoreError, StoreError } from '@zot-artifact-store/spec';
import type { OutsideFile } from '../content/content-store.ts';
import { type FoundLayout, findLayouts, isLayoutFolder } from './find-layouts.ts';
import { type ImportTarget, importLayout } from './import-layout.ts';
import { findBlobFile, type Layout, readLayout } from './read-layout.ts';
import { leavable, type TransferLog } from './transfer-log.ts';

export interface TreeSource {
  /** The root directory of a zot, or any folder with layouts below it. It is only read. */
  readonly root: string;
  /** Globs of repository names; empty for all. */
  readonly patterns: readonly string[];
}

/**
 * Imports every layout below a folder into the repository that the way to it names: what zot keeps on a local disk.
 * Its databases are not looked at, because all they say can be made again from the layouts. Throws when the
 * store itself fails.
 */
export async function importTree(
  target: ImportTarget,
  { root, patterns }: TreeSource,
  log: TransferLog,
): Promise<void> {
  if (await isLayoutFolder(root)) {
    throw new StoreError(
      'argument-invalid',
      `${root} is one OCI layout, not a folder of repositories; import it with "zas import oci-layout ${root} --repository <name>"`,
    );
  }
  const found = await findLayouts(root, log);
  if (found.length === 0) throw new StoreError('argument-invalid', `there is no OCI layout below ${root}`);
  const chosen = found.filter(
    ({ repository }) => patterns.length === 0 || patterns.some((pattern) => matchesGlob(repository, pattern)),
  );
  if (chosen.length === 0) {
    throw new StoreError(
      'argument-invalid',
      `none of the ${found.length} repositories matches ${patterns.join(', ')}`,
    );
  }
  const findElsewhere = (digest: Digest) => findInTree(found, digest);
  for (const { folder, repository } of chosen) {
    target.signal.throwIfAborted();
    const layout = await readFound({ folder, repository }, log);
    if (layout !== undefined) await importLayout(target, { layout, repository, findElsewhere }, log);
  }
}

/** Undefined, and reported, when it is not whole. */
async function readFound({ folder, repository }: FoundLayout, log: TransferLog): Promise<Layout | undefined> {
  try {
    return await readLayout(folder);
  } catch (error) {
    const { message } = leavable(error);
    log.problem({ kind: 'layout-invalid', repository, reason: `it is no whole OCI layout: ${message}` });
    return undefined;
  }
}

/** The bytes for an empty file, wherever they are. */
async function findInTree(found: readonly FoundLayout[], digest: Digest): Promise<OutsideFile | undefined> {
  for (const { folder } of found) {
    try {
      const file = await findBlobFile(folder, digest);
      if (file.sizeBytes > 0) return file;
    } catch (error) {
      if (!isStoreError(error)) throw error;
    }
  }
  return undefined;
}
