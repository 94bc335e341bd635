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

/**
 * Creates what is missing of the layout and syncs it: also what was there, because a process that died may have created
 * it without getting as far as the sync.
 */
export async function createLayout(layout: Layout, tools: FolderTools): Promise<void> {
  for (const folder of layout.folders) await createFolder(folder, tools);
  await createFanOut(layout.commonFanOut, tools);
  const all = layout.folders.filter((folder) => folder !== layout.staging);
  await Promise.all(all.map((folder) => tools.folderSync.sync(folder)));
  const devices = await Promise.all(layout.folders.map(async (folder) => (await tools.fs.stat(folder)).dev));
  if (new Set(devices.slice(1)).size > 1) {
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
    // Once: a folder that is there and holds nothing, as /proc, answers so for ever.
    await tools.fs.mkdir(folder, { mode: tools.folderMode }).catch((cause: unknown) => {
      if (errorCode(cause) !== 'EEXIST') throw translateError(cause, 'create its folders');
    });
  }
  await tools.folderSync.sync(dirname(folder));
}

async function createFanOut(parent: string, tools: FolderTools): Promise<void> {
  const present = new Set<string>();
  for await (const entry of await tools.fs.opendir(parent, { bufferSize: 256 })) present.add(entry.name);
  const missing = FAN_OUT.filter((name) => !present.has(name));
  await Promise.all(
    missing.map((name) =>
      tools.fs.mkdir(join(parent, name), { mode: tools.folderMode }).catch((error: unknown) => {
        // Another process may open the same store at the same time.
        if (errorCode(error) !== 'EEXIST') throw translateError(error, 'create its folders');
      }),
    ),
  );
}
