import { readFile } from 'node:fs/promises';
import { StoreError } from '@zot-artifact-store/spec';

const KEY_TEXT = /^[0-9a-f]{64}\s*$/i;

/** Reads the keys of `extensions.s3.kmsKeys`. Throws `unavailable`: without one its objects cannot be read. */
export async function readNamedKeys(
  files: Readonly<Record<string, string>>,
): Promise<ReadonlyMap<string, Uint8Array>> {
  const keys = new Map<string, Uint8Array>();
  for (const [name, path] of Object.entries(files)) keys.set(name, await readKey(name, path));
  return keys;
}

async function readKey(name: string, path: string): Promise<Uint8Array> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    throw new StoreError(
      'unavailable',
      `the key "${name}" of extensions.s3.kmsKeys cannot be read from ${path}`,
      {
        cause,
      },
    );
  }
  if (KEY_TEXT.test(text)) return Buffer.from(text.trim(), 'hex');
  throw new StoreError(
    'unavailable',
    `${path}, the file of the key "${name}" of extensions.s3.kmsKeys, must hold 64 hex digits`,
  );
}
