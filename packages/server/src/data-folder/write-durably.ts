import { open, rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** Writes a file of the folder, for its owner alone: whole or not at all, and on disk when the promise resolves. */
export async function writeDurably(
  root: string,
  {
    name,
    temporaryName,
    text,
  }: { readonly name: string; readonly temporaryName: string; readonly text: string },
): Promise<void> {
  const file = await open(join(root, temporaryName), 'w', 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(join(root, temporaryName), join(root, name));
  await syncDirectory(root);
}

/** Makes the entry of `path` in its parent durable. */
export function syncParent(path: string): Promise<void> {
  return syncDirectory(dirname(path));
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
