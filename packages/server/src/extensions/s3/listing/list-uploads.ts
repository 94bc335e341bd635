import { decodeKey, prefixEnd } from '../../../metadata/keys.ts';
import type { MetadataStore } from '../../../metadata/metadata-store.ts';
import { type UploadRecord, uploadCodec } from '../multipart/records.ts';
import { s3Keys } from '../store/keyspace.ts';
import { commonPrefixOf, type Grouping } from './common-prefix.ts';
import { firstAfter, type KeyTable } from './list-keys.ts';
import { RowCursor } from './row-cursor.ts';
import { compareUtf8 } from './utf8-order.ts';

export interface ListUploadsOptions extends Grouping {
  readonly bucketId: string;
  /** Entries after this key or common prefix; with an upload id, after that upload of the key. */
  readonly after: { readonly key: string; readonly uploadId: string };
  readonly limit: number;
}

export type UploadEntry =
  | {
      readonly kind: 'upload';
      readonly key: string;
      readonly uploadId: string;
      readonly record: UploadRecord;
    }
  | { readonly kind: 'prefix'; readonly prefix: string };

/** One page of uploads under way; keys that share a common prefix are skipped by one seek. */
export async function listUploads(
  metadata: MetadataStore,
  { bucketId, after, limit, ...grouping }: ListUploadsOptions,
): Promise<{ readonly entries: readonly UploadEntry[]; readonly isTruncated: boolean }> {
  if (limit === 0) return { entries: [], isTruncated: false };
  const table: KeyTable = { under: (prefix) => s3Keys.uploadsUnder(bucketId, prefix) };
  const whole = table.under(grouping.prefix);
  const cursor = new RowCursor(metadata, { from: whole, to: prefixEnd(whole) });
  if (after.key !== '' && compareUtf8(after.key, grouping.prefix) >= 0) {
    const isGrouped =
      after.key.startsWith(grouping.prefix) && commonPrefixOf(after.key, grouping) !== undefined;
    if (after.uploadId === '' || isGrouped) cursor.seek(firstAfter(table, { ...grouping, after: after.key }));
    else cursor.seek(prefixEnd(s3Keys.upload(bucketId, after.key, after.uploadId)));
  }
  const entries: UploadEntry[] = [];
  for (;;) {
    const row = await cursor.peek();
    if (row === undefined) return { entries, isTruncated: false };
    if (entries.length === limit) return { entries, isTruncated: true };
    const [, , , key = '', uploadId = ''] = decodeKey(row.key).map(String);
    const common = commonPrefixOf(key, grouping);
    if (common === undefined) {
      entries.push({ kind: 'upload', key, uploadId, record: uploadCodec.decode(row.value) });
      cursor.skip();
    } else {
      entries.push({ kind: 'prefix', prefix: common });
      cursor.seek(prefixEnd(table.under(common)));
    }
  }
}
