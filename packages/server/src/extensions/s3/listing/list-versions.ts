import { decodeKey, prefixEnd } from '../../../metadata/keys.ts';
import type { MetadataStore } from '../../../metadata/metadata-store.ts';
import { s3Keys } from '../store/keyspace.ts';
import { objectCodec, type VersionRecord, versionCodec } from '../store/records.ts';
import { commonPrefixOf, type Grouping } from './common-prefix.ts';
import { firstAfter, type KeyTable } from './list-keys.ts';
import { RowCursor } from './row-cursor.ts';
import { compareUtf8 } from './utf8-order.ts';

export interface ListVersionsOptions extends Grouping {
  readonly bucketId: string;
  /** Entries after this key or common prefix; with `order`, after that version of it. */
  readonly after: { readonly key: string; readonly order?: string };
  readonly limit: number;
}

export type VersionEntry =
  | {
      readonly kind: 'version';
      readonly key: string;
      readonly record: VersionRecord;
      readonly isLatest: boolean;
    }
  | { readonly kind: 'prefix'; readonly prefix: string };

/**
 * One page of versions: keys in UTF-8 byte order, of each key the newest first. Current objects and the rest stand in
 * two tables, which are merged; the current object of a key is newer than whatever stands in the other table.
 */
export async function listVersions(
  metadata: MetadataStore,
  options: ListVersionsOptions,
): Promise<{ readonly entries: readonly VersionEntry[]; readonly isTruncated: boolean }> {
  const { bucketId, limit } = options;
  if (limit === 0) return { entries: [], isTruncated: false };
  const currents: KeyTable = { under: (prefix) => s3Keys.currentsUnder(bucketId, prefix) };
  const older: KeyTable = { under: (prefix) => s3Keys.versionsUnder(bucketId, prefix) };
  const cursors = {
    current: openCursor(metadata, currents, options),
    older: openCursor(metadata, older, options),
  };
  await start(cursors, { currents, older }, options);
  const entries: VersionEntry[] = [];
  let previousKey = options.after.order === undefined ? undefined : options.after.key;
  for (;;) {
    const next = await earlier(cursors);
    if (next === undefined) return { entries, isTruncated: false };
    if (entries.length === limit) return { entries, isTruncated: true };
    const { key, record, cursor } = next;
    const common = commonPrefixOf(key, options);
    if (common !== undefined) {
      entries.push({ kind: 'prefix', prefix: common });
      cursors.current.seek(prefixEnd(currents.under(common)));
      cursors.older.seek(prefixEnd(older.under(common)));
      continue;
    }
    entries.push({ kind: 'version', key, record, isLatest: key !== previousKey });
    previousKey = key;
    cursor.skip();
  }
}

interface Cursors {
  readonly current: RowCursor;
  readonly older: RowCursor;
}

function openCursor(metadata: MetadataStore, table: KeyTable, { prefix }: Grouping): RowCursor {
  const whole = table.under(prefix);
  return new RowCursor(metadata, { from: whole, to: prefixEnd(whole) });
}

async function start(
  cursors: Cursors,
  tables: { readonly currents: KeyTable; readonly older: KeyTable },
  { after, bucketId, prefix, delimiter }: ListVersionsOptions,
): Promise<void> {
  if (after.key === '' || compareUtf8(after.key, prefix) < 0) return;
  const grouping = { prefix, delimiter, after: after.key };
  const isGrouped = after.key.startsWith(prefix) && commonPrefixOf(after.key, grouping) !== undefined;
  cursors.current.seek(firstAfter(tables.currents, grouping));
  if (after.order === undefined || isGrouped) {
    cursors.older.seek(firstAfter(tables.older, grouping));
    return;
  }
  // The version after `order` of the same key: just behind its row.
  const row = s3Keys.version(bucketId, after.key, after.order);
  cursors.older.seek(Buffer.concat([row, Uint8Array.of(0)]));
}

async function earlier({ current, older }: Cursors) {
  const [currentRow, olderRow] = [await current.peek(), await older.peek()];
  const currentKey = currentRow && keyOf(currentRow.key);
  const olderKey = olderRow && keyOf(olderRow.key);
  if (currentRow !== undefined && currentKey !== undefined) {
    if (olderKey === undefined || compareUtf8(currentKey, olderKey) <= 0) {
      return { key: currentKey, record: objectCodec.decode(currentRow.value), cursor: current };
    }
  }
  if (olderRow === undefined || olderKey === undefined) return undefined;
  return { key: olderKey, record: versionCodec.decode(olderRow.value), cursor: older };
}

function keyOf(rowKey: Uint8Array): string {
  return String(decodeKey(rowKey)[3]);
}
