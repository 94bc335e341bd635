import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MemoryMetadataStore } from '../../../metadata/memory/memory-metadata-store.ts';
import type { MetadataStore, ScanOptions } from '../../../metadata/metadata-store.ts';
import { s3Keys } from '../store/keyspace.ts';
import { commonPrefixOf } from './common-prefix.ts';
import { type KeyPage, listKeys } from './list-keys.ts';
import { compareUtf8 } from './utf8-order.ts';

const BUCKET = 'b1';
const table = { under: (prefix: string) => s3Keys.currentsUnder(BUCKET, prefix) };
const key = fc
  .array(fc.constantFrom('a', 'b', '/', '//', '+', '\u{1f600}', '\ufffd', ' ', '\u0001'), {
    minLength: 1,
    maxLength: 6,
  })
  .map((parts) => parts.join(''));

async function storeOf(keys: Iterable<string>): Promise<MemoryMetadataStore> {
  const store = new MemoryMetadataStore();
  await store.open();
  const puts = [...keys].map((each) => ({ key: s3Keys.current(BUCKET, each), value: Buffer.from(each) }));
  // Neighbours that no page may show.
  puts.push({ key: s3Keys.current('b0', 'a'), value: Buffer.from('before') });
  puts.push({ key: s3Keys.current('b2', 'a'), value: Buffer.from('behind') });
  await store.commit({ puts });
  return store;
}

function names(page: KeyPage<Uint8Array>): string[] {
  return page.entries.map((entry) => (entry.kind === 'key' ? entry.key : `${entry.prefix} (prefix)`));
}

/** The listing as its definition has it, over everything at once. */
function expected(keys: ReadonlySet<string>, prefix: string, delimiter: string): string[] {
  const found = new Map<string, string>();
  for (const each of keys) {
    if (!each.startsWith(prefix)) continue;
    const common = commonPrefixOf(each, { prefix, delimiter });
    found.set(common ?? each, common === undefined ? each : `${common} (prefix)`);
  }
  return [...found].sort(([a], [b]) => compareUtf8(a, b)).map(([, name]) => name);
}

describe('listKeys', () => {
  it('gives the same entries in pages of any size as in one, each once, in UTF-8 order', async () => {
    const cases = fc.record({
      keys: fc.uniqueArray(key, { maxLength: 40 }),
      prefix: fc.oneof(fc.constant(''), key),
      delimiter: fc.constantFrom('', '/', '//', 'a', '+'),
      limit: fc.integer({ min: 1, max: 7 }),
    });
    await fc.assert(
      fc.asyncProperty(cases, async ({ keys, prefix, delimiter, limit }) => {
        const store = await storeOf(keys);
        const listed: string[] = [];
        let after = '';
        for (;;) {
          const page = await listKeys(store, table, { prefix, delimiter, after, limit });
          expect(page.entries.length).toBeLessThanOrEqual(limit);
          listed.push(...names(page));
          const last = page.entries.at(-1);
          if (!page.isTruncated || last === undefined) break;
          after = last.kind === 'key' ? last.key : last.prefix;
        }
        expect(listed).toEqual(expected(new Set(keys), prefix, delimiter));
      }),
      { numRuns: 300 },
    );
  });

  it('begins strictly after a marker that need not exist', async () => {
    const store = await storeOf(['a', 'b', 'c', 'd/1', 'd/2', 'e']);
    const list = async (after: string, delimiter = '') =>
      names(await listKeys(store, table, { prefix: '', delimiter, after, limit: 10 }));
    expect(await list('b')).toEqual(['c', 'd/1', 'd/2', 'e']);
    expect(await list('bb')).toEqual(['c', 'd/1', 'd/2', 'e']);
    expect(await list('d/1')).toEqual(['d/2', 'e']);
    expect(await list('d/', '/')).toEqual(['e']);
    expect(await list('c', '/')).toEqual(['d/ (prefix)', 'e']);
    expect(await list('zzz')).toEqual([]);
  });

  it('lists nothing, and says that nothing follows, for a limit of zero', async () => {
    const store = await storeOf(['a']);
    const page = await listKeys(store, table, { prefix: '', delimiter: '', after: '', limit: 0 });
    expect(page).toEqual({ entries: [], isTruncated: false });
  });

  it('reads no more rows for a page of common prefixes however many keys stand below them', async () => {
    const read = async (perPrefix: number): Promise<number> => {
      const keys = Array.from({ length: 20 }, (_, i) =>
        Array.from({ length: perPrefix }, (_, j) => `p${String(i).padStart(2, '0')}/${j}`),
      ).flat();
      const { store, rows } = counted(await storeOf(keys));
      const page = await listKeys(store, table, { prefix: '', delimiter: '/', after: '', limit: 10 });
      expect(page.entries).toHaveLength(10);
      return rows();
    };
    expect(await read(2000)).toBeLessThanOrEqual((await read(20)) + 10);
  });
});

function counted(inner: MemoryMetadataStore): { readonly store: MetadataStore; rows(): number } {
  let count = 0;
  const store: MetadataStore = Object.create(inner, {
    scan: {
      value: async (range: Parameters<MetadataStore['scan']>[0], options: ScanOptions) => {
        const rows = await inner.scan(range, options);
        count += rows.length;
        return rows;
      },
    },
  });
  return { store, rows: () => count };
}
