import { hkdfSync, randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { StoreError } from '@zot-artifact-store/spec';
import type { Sentinel } from './sentinel.ts';
import { writeDurably } from './write-durably.ts';

export const SECRET_KEY_FILE = 'secret.key';
export const NEW_SECRET_KEY_FILE = '.secret.key.new';

const KEY_BYTES = 32;
const KEY_TEXT = /^[0-9a-f]{64}\s*$/i;
const NO_SALT = new Uint8Array();

/** Where the key is: in the data folder, or in a file of the operator's (`ZAS_SECRET_KEY_FILE`). */
export interface SecretKeySource {
  readonly givenPath?: string;
}

export function newSecretKey(): Uint8Array {
  return randomBytes(KEY_BYTES);
}

/** The key a file spells: 64 hex digits, as `openssl rand -hex 32` makes them. Undefined when it spells none. */
export function parseSecretKey(text: string): Uint8Array | undefined {
  return KEY_TEXT.test(text) ? Buffer.from(text.trim(), 'hex') : undefined;
}

/** A secret of one extension for one purpose (HKDF-SHA-256, RFC 5869). It tells nothing of the key or of others. */
export function deriveSecret(
  key: Uint8Array,
  { extension, purpose }: { readonly extension: string; readonly purpose: string },
): Uint8Array {
  return derive(key, `extension\0${extension}\0${purpose}`);
}

/** Tells one key from another, and nothing else of it. */
export function secretKeyId(key: Uint8Array): string {
  return Buffer.from(derive(key, 'id')).toString('hex', 0, 8);
}

/**
 * The key of a store that has none yet: the given one, or a new one that is on disk when the promise resolves. A file
 * that is there already was left by a start that was interrupted, or put there by somebody: it is the key.
 */
export async function firstSecretKey(root: string, { givenPath }: SecretKeySource): Promise<Uint8Array> {
  if (givenPath !== undefined) return readSecretKey(givenPath);
  const kept = await read(join(root, SECRET_KEY_FILE));
  if (kept !== undefined) return kept;
  const key = newSecretKey();
  const text = `${Buffer.from(key).toString('hex')}\n`;
  await writeDurably(root, { name: SECRET_KEY_FILE, temporaryName: NEW_SECRET_KEY_FILE, text });
  return key;
}

/** The key that the sentinel tells of. Throws `unavailable`: a new one would not open what the old one closed. */
export async function knownSecretKey(
  root: string,
  sentinel: Sentinel,
  { givenPath }: SecretKeySource,
): Promise<Uint8Array> {
  const path = givenPath ?? join(root, SECRET_KEY_FILE);
  const key = await readSecretKey(path);
  if (secretKeyId(key) === sentinel.secretKeyId) return key;
  throw new StoreError(
    'unavailable',
    `${path} is not the secret key of the data folder ${root}; put back the one it was made with`,
  );
}

/** The key in a file. Throws `unavailable` when there is none. */
export async function readSecretKey(path: string): Promise<Uint8Array> {
  const key = await read(path);
  if (key !== undefined) return key;
  throw new StoreError(
    'unavailable',
    `the secret key ${path} is not there, and without it the stored secrets cannot be read; restore it from a backup, or name the file that holds it with ZAS_SECRET_KEY_FILE`,
  );
}

async function read(path: string): Promise<Uint8Array | undefined> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
    if (code === 'ENOENT') return undefined;
    throw new StoreError(
      'unavailable',
      `the secret key ${path} cannot be read (${code ?? 'unknown error'})`,
      {
        cause,
      },
    );
  }
  const key = parseSecretKey(text);
  if (key !== undefined) return key;
  throw new StoreError('unavailable', `${path} is no secret key: it must hold 64 hex digits`);
}

function derive(key: Uint8Array, purpose: string): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', key, NO_SALT, `zot-artifact-store\0${purpose}`, KEY_BYTES));
}
