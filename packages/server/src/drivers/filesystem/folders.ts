import { dirname, join } from 'node:path';
import { StoreError } from '@zot-artifact-store/spec';
import type { FileSystem } from './file-system.ts';
import type { FolderSync } from './folder-sync.ts';
import { FAN_OUT, type Layout } from './layout.ts';
import { errorCode, isMissing, translateError } from './translate-error.ts';

export interface FolderTools {
  readonly fs: FileSystem;
  readonly folderSync: FolderSync;
  readonly folderMode: number;
}

/** Creates what is missing of the layout, durably: each new folder is synced into its parent. */
export async function createLayout(layout: Layout, tools: FolderTools): Promise<void> {
  for (const folder of layout.folders) await createFolder(folder, tools);
  for (const parent of layout.fanOutParents) await createFanOut(parent, tools);
  const [staging, ...others] = await Promise.all(
    [layout.staging, layout.objects, layout.quarantine, ...layout.fanOutParents].map((folder) =>
      tools.fs.stat(folder),
    ),
  );
  if (others.some((stats) => stats.dev !== staging?.dev)) {
    throw new StoreError('unavailable', 'the folders of the blob store must lie on one filesystem');
  }
}

/** Creates `folder` and its missing ancestors and makes them durable. */
export async function createFolder(folder: string, tools: FolderTools): Promise<void> {
  try {
    await tools.fs.mkdir(folder, { mode: tools.folderMode });
  } catch (error) {
    if (errorCode(error) === 'EEXIST') return;
    if (!isMissing(error) || dirname(folder) === folder) throw translateError(error, 'create its folders');
    await createFolder(dirname(folder), tools);
    await createFolder(folder, tools);
    return;
  }
  await tools.folderSync.sync(dirname(folder));
}

async function createFanOut(parent: string, tools: FolderTools): Promise<void> {
  const present = new Set<string>();
  for await (const entry of await tools.fs.opendir(parent, { bufferSize: 256 })) present.add(entry.name);
  const missing = FAN_OUT.filter((name) => !present.has(name));
  if (missing.length === 0) return;
  try {
    // Another process may open the same store at the same time.
    for (const name of missing) {
      await tools.fs.mkdir(join(parent, name), { mode: tools.folderMode }).catch((error: unknown) => {
        if (errorCode(error) !== 'EEXIST') throw error;
      });
    }
  } catch (error) {
    throw translateError(error, 'create its folders');
  }
  await tools.folderSync.sync(parent);
}
