import { decodeKey } from '../../../metadata/keys.ts';
import type { Key, MetadataStore } from '../../../metadata/metadata-store.ts';
import { Transaction } from '../../../metadata/transaction.ts';
import { uploadCodec } from '../multipart/records.ts';
import { dropUploadExtra } from '../multipart/upload-extra.ts';
import { s3Keys } from './keyspace.ts';

const BATCH = 200;

/**
 * Removes what a deleted bucket leaves under its id: uploads that were under way, and documents. Nothing can be added
 * meanwhile, because every write expects the bucket's own row. Returns how many buckets were cleared.
 */
export async function clearBuckets(
  { metadata }: { readonly metadata: MetadataStore },
  signal: AbortSignal,
): Promise<number> {
  let cleared = 0;
  for (const { key } of await metadata.scan({ prefix: s3Keys.bucketsGone() }, { limit: BATCH })) {
    const bucketId = String(decodeKey(key).at(-1));
    while (await endSomeUploads(metadata, bucketId)) signal.throwIfAborted();
    while (await deleteSome(metadata, s3Keys.documents(bucketId))) signal.throwIfAborted();
    await metadata.commit({ deletes: [key] });
    cleared += 1;
  }
  return cleared;
}

async function endSomeUploads(metadata: MetadataStore, bucketId: string): Promise<boolean> {
  const rows = await metadata.scan({ prefix: s3Keys.uploads(bucketId) }, { limit: BATCH });
  const transaction = new Transaction();
  transaction.mayUseReserve = true;
  for (const { key: rowKey, value } of rows) {
    const [, , , key = '', uploadId = ''] = decodeKey(rowKey).map(String);
    transaction.delete(rowKey);
    dropUploadExtra(transaction, { bucketId, key, uploadId }, uploadCodec.decode(value));
    transaction.put(s3Keys.uploadOver(uploadId), new Uint8Array());
  }
  if (rows.length > 0) await metadata.commit(transaction);
  return rows.length > 0;
}

async function deleteSome(metadata: MetadataStore, prefix: Key): Promise<boolean> {
  const rows = await metadata.scan({ prefix }, { limit: BATCH });
  if (rows.length > 0) await metadata.commit({ deletes: rows.map(({ key }) => key) });
  return rows.length > 0;
}
