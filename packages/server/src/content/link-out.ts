import { type Digest, isStoreError } from '@zot-artifact-store/spec';
import type { ObjectName } from './blob-driver.ts';
import { blobCorrupt, blobUnknown, findBlob } from './blob-records.ts';
import { findPage } from './composite.ts';
import type { ContentVolume } from './volume.ts';

/** See `ContentStore.linkOut`. */
export async function linkOut(
  volume: ContentVolume,
  digest: Digest,
  path: string,
): Promise<{ readonly linked: boolean } | undefined> {
  const { local } = volume.driver;
  if (local === undefined) return undefined;
  const object = await findObject(volume, digest);
  if (object === undefined) return undefined;
  try {
    return await local.linkOut(object, path);
  } catch (error) {
    // Collected or moved since the record was read, or lost: the reader looks twice and knows which.
    if (isStoreError(error, 'blob-unknown')) return undefined;
    throw error;
  }
}

/** The one object that holds the bytes, also when the digest is another name of them. */
async function findObject(
  volume: ContentVolume,
  digest: Digest,
  isOtherName = false,
): Promise<ObjectName | undefined> {
  const found = await findBlob(volume, digest);
  if (found === undefined) throw blobUnknown(digest);
  const { record } = found;
  if (record.corrupt) throw blobCorrupt(digest);
  if (record.location.kind === 'file') {
    const info = await volume.driver.stat(record.location.name);
    return info?.sizeBytes === record.size ? record.location.name : undefined;
  }
  if (isOtherName || record.location.kind !== 'composite' || record.location.parts !== 1) return undefined;
  const part = (await findPage(volume, digest, 0))?.parts[0];
  return part && findObject(volume, part.digest, true);
}
