import { encodeKey, type KeyPart } from '../metadata/keys.ts';
import type { Key } from '../metadata/metadata-store.ts';

/** The one table all extensions share; each owns the part of it that begins with its name. */
const EXTENSION = 0x78;

/** The key of a record that extension `name` keeps for itself; without `parts`, the prefix of all its records. */
export function extensionKey(name: string, ...parts: readonly KeyPart[]): Key {
  return encodeKey(EXTENSION, name, ...parts);
}
