import { StoreError } from '@zot-artifact-store/spec';
import { decodeKey } from '../metadata/keys.ts';
import type { Transaction } from '../metadata/transaction.ts';
import type { ObjectName } from './blob-driver.ts';
import { findBlob } from './blob-records.ts';
import { decodeTime, encodeTime } from './edges.ts';
import { contentKeys } from './keyspace.ts';
import { tryParseObjectName } from './object-name.ts';
import type { ContentVolume } from './volume.ts';

/**
 * A trash row says: no record points to this object, and none ever will, because names are never reused and every
 * commit that puts a name into a record checks that the name has no trash row. So the bytes may go at any time.
 */
export function putTrash(
  transaction: Transaction,
  {
    volume,
    name,
    removeAtMs,
  }: { readonly volume: string; readonly name: ObjectName; readonly removeAtMs: number },
): void {
  transaction.put(contentKeys.trash(volume, name), encodeTime(removeAtMs));
}

/** Removes the bytes, then the row: a crash in between repeats the removal, which is harmless. */
export async function emptyTrash(volume: ContentVolume, name: ObjectName): Promise<void> {
  await assertUnused(volume, name);
  await volume.driver.remove(name);
  await volume.metadata.commit({ deletes: [contentKeys.trash(volume.volume, name)] });
}

/** Trash rows due at `now`, page by page. */
export async function* dueTrash(
  volume: ContentVolume,
  { now, batch }: { readonly now: number; readonly batch: number },
): AsyncGenerator<ObjectName, void, undefined> {
  const prefix = contentKeys.trashed(volume.volume);
  let after: Uint8Array | undefined;
  for (;;) {
    const rows = await volume.metadata.scan({ prefix }, { limit: batch, ...(after && { after }) });
    for (const { key, value } of rows) {
      const name = objectNameOf(key);
      if (name !== undefined && decodeTime(value) <= now) yield name;
    }
    after = rows.at(-1)?.key;
    if (rows.length < batch) return;
  }
}

/** The object a trash or suspect row is about. */
export function objectNameOf(key: Uint8Array): ObjectName | undefined {
  const [, name] = decodeKey(key);
  return typeof name === 'string' ? tryParseObjectName(name)?.name : undefined;
}

/** Belt and braces: bytes that a record points to are never removed, whatever a trash row says. */
async function assertUnused(volume: ContentVolume, name: ObjectName): Promise<void> {
  const digest = tryParseObjectName(name)?.digest;
  const location = digest && (await findBlob(volume, digest))?.record.location;
  if (location?.kind === 'file' && location.name === name) {
    throw new StoreError('internal', 'an object that is in use was marked for removal', { resource: name });
  }
}
