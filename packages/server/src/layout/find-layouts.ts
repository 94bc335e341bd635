import type { Dirent } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import {
  isStoreError,
  MAX_REPOSITORY_NAME_LENGTH,
  parseRepositoryName,
  type RepositoryName,
} from '@zot-artifact-store/spec';
import { translate } from './outside-file.ts';
import { BLOBS_FOLDER, INDEX_FILE, LAYOUT_FILE } from './read-layout.ts';
import type { TransferLog } from './transfer-log.ts';

/** A folder that claims to be a layout; its name is the way to it from the root of the tree. */
export interface FoundLayout {
  readonly folder: string;
  readonly repository: RepositoryName;
}

/**
 * The layouts below `root`, by name. They may nest (`a` and `a/b`). What starts with `_` or `.` is the own business of
 * whoever keeps the tree; links are not followed.
 */
export async function findLayouts(root: string, log: TransferLog): Promise<readonly FoundLayout[]> {
  const found: FoundLayout[] = [];
  const waiting = [''];
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    const entries = await list(join(root, path), path, log);
    const isLayout = looksLikeLayout(entries);
    const repository = isLayout ? toRepository(path, log) : undefined;
    if (repository !== undefined) found.push({ folder: join(root, path), repository });
    const below: string[] = [];
    for (const entry of entries) {
      const name = path === '' ? entry.name : `${path}/${entry.name}`;
      if (entry.name.startsWith('_') || entry.name.startsWith('.')) continue;
      if (isLayout && entry.name === BLOBS_FOLDER) continue;
      if (entry.isSymbolicLink()) log.note(linkNote(name));
      if (entry.isDirectory() && name.length <= MAX_REPOSITORY_NAME_LENGTH) below.push(name);
    }
    waiting.push(...below.sort().reverse());
  }
  return found;
}

/** Whether a folder is an OCI image layout, or means to be one. */
export async function isLayoutFolder(folder: string): Promise<boolean> {
  try {
    return looksLikeLayout(await readdir(folder, { withFileTypes: true }));
  } catch (error) {
    throw translate(error);
  }
}

function looksLikeLayout(entries: readonly Dirent[]): boolean {
  const names = new Set(entries.map(({ name }) => name));
  const isNamed = (name: string) => names.has(name);
  return isNamed(LAYOUT_FILE) || (isNamed(INDEX_FILE) && isNamed(BLOBS_FOLDER));
}

async function list(folder: string, path: string, log: TransferLog): Promise<readonly Dirent[]> {
  try {
    return await readdir(folder, { withFileTypes: true });
  } catch (error) {
    // Of the root itself nothing would be left to report.
    if (path === '') throw translate(error);
    const isRepository = toRepository(path, undefined) !== undefined;
    if (isRepository) log.problem({ kind: 'denied', repository: path, reason: 'the folder cannot be read' });
    return [];
  }
}

function toRepository(path: string, log: TransferLog | undefined): RepositoryName | undefined {
  try {
    return parseRepositoryName(path);
  } catch (error) {
    if (!isStoreError(error)) throw error;
    log?.problem({ kind: error.kind, repository: path, reason: error.message });
    return undefined;
  }
}

function linkNote(repository: string) {
  const reason = 'it is a symbolic link, which is not followed';
  return { kind: 'symbolic-link', repository, reason } as const;
}
