import { randomUUID } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { StoreError } from '@zot-artifact-store/spec';
import { z } from 'zod';
import { writeDurably } from './write-durably.ts';

export const SENTINEL_FILE = 'zas.json';
export const NEW_SENTINEL_FILE = '.zas.json.new';

/**
 * Bumped when an older server could no longer read the folder. Folders of format 1 were written before the first release,
 * by a library that kept free pages in a way the one used now must not meet (docs/decisions/023).
 */
const FORMAT = 2;

const schema = z.object({
  format: z.int().positive(),
  id: z.string().min(1),
  createdAt: z.string(),
  /** Tells the secret key of this store from others. Missing as long as there never was one. */
  secretKeyId: z.string().optional(),
});

/**
 * The file that says "this folder is ours". Without it a missing mount looks like an empty store, and somebody else's
 * files like garbage.
 */
export type Sentinel = z.infer<typeof schema>;

/** Undefined when there is none. Throws `unavailable` when it is not readable, too new, or another user's. */
export async function readSentinel(root: string): Promise<Sentinel | undefined> {
  const file = join(root, SENTINEL_FILE);
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
  const { uid } = await stat(file);
  const ownUid = process.getuid?.();
  if (ownUid !== undefined && uid !== ownUid) {
    throw new StoreError(
      'unavailable',
      `the data folder ${root} belongs to user ${uid}, but this process runs as user ${ownUid}; run it as that user or change the owner of the folder`,
    );
  }
  const sentinel = parse(text);
  if (sentinel === undefined) {
    throw new StoreError('unavailable', `${file} is damaged; restore it from a backup of the data folder`);
  }
  if (sentinel.format > FORMAT) {
    throw new StoreError(
      'unavailable',
      `the data folder ${root} has format ${sentinel.format}, written by a newer version; this one knows format ${FORMAT}`,
    );
  }
  if (sentinel.format < FORMAT) {
    throw new StoreError(
      'unavailable',
      `the data folder ${root} has format ${sentinel.format}, of a version before the first release, which can only be read by that version: export its content with it ("zas export oci-layout") and import that here`,
    );
  }
  return sentinel;
}

export function newSentinel(nowMs: number): Sentinel {
  return { format: FORMAT, id: randomUUID(), createdAt: new Date(nowMs).toISOString() };
}

/** Written whole or not at all, and on disk when the promise resolves. */
export async function writeSentinel(root: string, sentinel: Sentinel): Promise<void> {
  const text = `${JSON.stringify(sentinel, undefined, 2)}\n`;
  await writeDurably(root, { name: SENTINEL_FILE, temporaryName: NEW_SENTINEL_FILE, text });
}

function parse(text: string): Sentinel | undefined {
  try {
    return schema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}
