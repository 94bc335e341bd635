import { decodeStringAt, prefixEnd } from '../../../metadata/keys.ts';
import type { Key, MetadataStore } from '../../../metadata/metadata-store.ts';
import { commonPrefixOf, type Grouping } from './common-prefix.ts';
import { RowCursor } from './row-cursor.ts';
import { compareUtf8 } from './utf8-order.ts';

/** A table whose rows are found by bucket and key, perhaps with more behind the key. */
export interface KeyTable {
  /** Every row whose key starts with this. */
  under(prefix: string): Key;
}

export interface ListKeysOptions extends Grouping {
  /** Entries strictly after this key or common prefix; a prefix that does not sort after it is not listed again. */
  readonly after: string;
  readonly limit: number;
}

export type KeyEntry<Row> =
  | { readonly kind: 'key'; readonly key: string; readonly row: Row }
  | { readonly kind: 'prefix'; readonly prefix: string };

export interface KeyPage<Row> {
  readonly entries: readonly KeyEntry<Row>[];
  readonly isTruncated: boolean;
}

/**
 * One page of keys and common prefixes in UTF-8 byte order. What a page costs follows what it returns: keys that share
 * a common prefix are skipped by one seek, however many they are.
 */
export async function listKeys(
  metadata: MetadataStore,
  table: KeyTable,
  options: ListKeysOptions,
): Promise<KeyPage<Uint8Array>> {
  const { prefix, after, limit } = options;
  if (limit === 0) return { entries: [], isTruncated: false };
  const whole = table.under(prefix);
  // The key's own element begins behind the bucket's.
  const keyOffset = table.under('').length - 1;
  const cursor = new RowCursor(metadata, { from: whole, to: prefixEnd(whole) });
  if (after !== '' && compareUtf8(after, prefix) >= 0) cursor.seek(firstAfter(table, options));
  const entries: KeyEntry<Uint8Array>[] = [];
  for (;;) {
    const peeked = cursor.peek();
    const row = peeked instanceof Promise ? await peeked : peeked;
    if (row === undefined) return { entries, isTruncated: false };
    if (entries.length === limit) return { entries, isTruncated: true };
    const key = decodeStringAt(row.key, keyOffset);
    const common = commonPrefixOf(key, options);
    if (common === undefined) {
      entries.push({ kind: 'key', key, row: row.value });
      cursor.skip();
    } else {
      entries.push({ kind: 'prefix', prefix: common });
      cursor.seek(prefixEnd(table.under(common)));
    }
  }
}

/** Where a page after `after` begins: past everything that rolls up into the same prefix, or just past that key. */
export function firstAfter(table: KeyTable, { after, ...grouping }: Grouping & { readonly after: string }) {
  const common = after.startsWith(grouping.prefix) ? commonPrefixOf(after, grouping) : undefined;
  if (common !== undefined) return prefixEnd(table.under(common));
  // The end of a string element is a zero byte, so what follows the very key is just behind its rows.
  const rows = Buffer.concat([table.under(after), Uint8Array.of(0)]);
  return prefixEnd(rows);
}
