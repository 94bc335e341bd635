import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { LOCK_FILE, PID_FILE } from './exclusive-lock.ts';
import { NEW_SECRET_KEY_FILE, SECRET_KEY_FILE } from './secret-key.ts';
import { NEW_SENTINEL_FILE } from './sentinel.ts';

/** What an empty filesystem or an interrupted first start leaves. */
const HARMLESS = new Set([
  'lost+found',
  LOCK_FILE,
  PID_FILE,
  NEW_SENTINEL_FILE,
  SECRET_KEY_FILE,
  NEW_SECRET_KEY_FILE,
]);
/** zot keeps these beside its repositories. */
const ZOT_DATABASES = new Set(['meta.db', 'cache.db']);
const MAX_DEPTH = 3;
const MAX_FOLDERS = 500;

export type Content = 'empty' | 'zot' | 'foreign';

/** What a folder without our sentinel holds. Looks at a bounded number of folders. */
export async function classifyContent(root: string): Promise<Content> {
  const names = (await readdir(root)).filter((name) => !HARMLESS.has(name));
  if (names.length === 0) return 'empty';
  if (names.some((name) => ZOT_DATABASES.has(name)) || (await holdsLayout(root))) return 'zot';
  return 'foreign';
}

async function holdsLayout(root: string): Promise<boolean> {
  const queue: { path: string; depth: number }[] = [{ path: root, depth: 0 }];
  for (let seen = 0; seen < MAX_FOLDERS; seen++) {
    const next = queue.shift();
    if (next === undefined) return false;
    const entries = await readdir(next.path, { withFileTypes: true }).catch(() => []);
    const files = new Set(entries.filter((entry) => entry.isFile()).map(({ name }) => name));
    if (files.has('oci-layout') && files.has('index.json')) return true;
    if (next.depth === MAX_DEPTH) continue;
    for (const entry of entries) {
      if (entry.isDirectory() && queue.length < MAX_FOLDERS) {
        queue.push({ path: join(next.path, entry.name), depth: next.depth + 1 });
      }
    }
  }
  return false;
}
