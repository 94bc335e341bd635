import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { encodeKey, encodeStringPrefix } from '../../server/src/metadata/keys.ts';
import {
  type Entry,
  MAX_KEY_BYTES,
  MAX_VALUE_BYTES,
  type MetadataStore,
  type Range,
  type ScanOptions,
} from '../../server/src/metadata/metadata-store.ts';
import { transact } from '../../server/src/metadata/transaction.ts';

export interface OpenedMetadataStore {
  readonly store: MetadataStore;
  /** Closes the store and opens what it wrote again; absent when nothing outlives the process. */
  reopen?(): Promise<MetadataStore>;
  cleanup(): Promise<void>;
}

const TABLE = 0x7e;
const key = (...parts: (string | number)[]): Buffer => encodeKey(TABLE, ...parts) as Buffer;
const text = (value: string): Buffer => Buffer.from(value);
const read = async (store: MetadataStore, at: Uint8Array): Promise<string | undefined> => {
  const value = await store.get(at);
  return value === undefined ? undefined : Buffer.from(value).toString();
};

/** What every metadata driver must keep (metadata-store.ts). `open` gives an empty, opened store. */
export function metadataStoreContract(name: string, open: () => Promise<OpenedMetadataStore>): void {
  describe(`metadata store contract: ${name}`, () => {
    let opened: OpenedMetadataStore;
    let store: MetadataStore;
    beforeEach(async () => {
      opened = await open();
      store = opened.store;
    });
    afterEach(() => opened.cleanup());

    describe('commit', () => {
      it('writes all of a commit and reads its own writes', async () => {
        const puts = [0, 1, 2].map((i) => ({ key: key('a', i), value: text(`v${i}`) }));
        expect(await store.commit({ puts })).toEqual({ ok: true });
        const keys = [key('a', 2), key('missing'), key('a', 0)];
        expect((await store.getMany(keys)).map((value) => value && Buffer.from(value).toString())).toEqual([
          'v2',
          undefined,
          'v0',
        ]);
        await store.commit({ deletes: [key('a', 1), key('never there')] });
        expect(await read(store, key('a', 1))).toBeUndefined();
      });

      it('keeps an empty value apart from absence', async () => {
        await store.commit({ puts: [{ key: key('e'), value: Buffer.alloc(0) }] });
        expect((await store.get(key('e')))?.length).toBe(0);
        expect(await store.commit({ checks: [{ key: key('e'), is: 'absent' }] })).toEqual({
          ok: false,
          failed: 0,
        });
        expect(
          await store.commit({ checks: [{ key: key('e'), is: 'equal', value: Buffer.alloc(0) }] }),
        ).toEqual({ ok: true });
      });

      it('leaves the put when one key is deleted and put, and the last of two puts', async () => {
        await store.commit({ puts: [{ key: key('k'), value: text('old') }] });
        await store.commit({
          deletes: [key('k')],
          puts: [
            { key: key('k'), value: text('first') },
            { key: key('k'), value: text('second') },
          ],
        });
        expect(await read(store, key('k'))).toBe('second');
      });

      it('accepts a commit of nothing', async () => {
        expect(await store.commit({})).toEqual({ ok: true });
      });

      it('writes nothing when one of the checks fails, and names the first that did', async () => {
        await store.commit({ puts: [{ key: key('there'), value: text('x') }] });
        const result = await store.commit({
          checks: [
            { key: key('there'), is: 'present' },
            { key: key('there'), is: 'equal', value: text('y') },
            { key: key('there'), is: 'absent' },
          ],
          deletes: [key('there')],
          puts: [{ key: key('new'), value: text('n') }],
        });
        expect(result).toEqual({ ok: false, failed: 1 });
        expect(await read(store, key('there'))).toBe('x');
        expect(await read(store, key('new'))).toBeUndefined();
      });

      it('evaluates every kind of check', async () => {
        await store.commit({ puts: [{ key: key('p', 'q'), value: text('x') }] });
        const there = key('p', 'q');
        const holds = [
          { key: there, is: 'present' },
          { key: key('p'), is: 'absent' },
          { key: there, is: 'equal', value: text('x') },
          { prefix: key('p', 'r'), is: 'empty' },
        ] as const;
        const fails = [
          { key: key('p'), is: 'present' },
          { key: there, is: 'absent' },
          { key: there, is: 'equal', value: text('xx') },
          { key: key('p'), is: 'equal', value: text('') },
          { prefix: key('p'), is: 'empty' },
          { prefix: there, is: 'empty' },
          { prefix: Buffer.alloc(0), is: 'empty' },
        ] as const;
        expect(await store.commit({ checks: holds })).toEqual({ ok: true });
        for (const check of fails)
          expect(await store.commit({ checks: [check] })).toEqual({ ok: false, failed: 0 });
      });

      it('finds the whole store empty by the empty prefix', async () => {
        expect(await store.commit({ checks: [{ prefix: Buffer.alloc(0), is: 'empty' }] })).toEqual({
          ok: true,
        });
      });

      it('lets exactly one of many commits that expect absence win', async () => {
        const results = await Promise.all(
          Array.from({ length: 50 }, (_, i) =>
            store.commit({
              checks: [{ key: key('one'), is: 'absent' }],
              puts: [
                { key: key('one'), value: text(`${i}`) },
                { key: key('mark', i), value: text('') },
              ],
            }),
          ),
        );
        expect(results.filter(({ ok }) => ok)).toHaveLength(1);
        const winner = results.findIndex(({ ok }) => ok);
        expect(await read(store, key('one'))).toBe(`${winner}`);
        expect(await store.scan({ prefix: key('mark') }, { limit: 100 })).toHaveLength(1);
      });

      it('lets one of "delete while empty" and "add below" win when both check a common key', async () => {
        for (let round = 0; round < 30; round++) {
          const parent = key('parent', round);
          await store.commit({ puts: [{ key: parent, value: text('live') }] });
          const remove = () =>
            store.commit({
              checks: [
                { key: parent, is: 'present' },
                { prefix: key('child', round), is: 'empty' },
              ],
              deletes: [parent],
            });
          const add = () =>
            store.commit({
              checks: [{ key: parent, is: 'present' }],
              puts: [{ key: key('child', round, 1), value: text('') }],
            });
          const both = await Promise.all(round % 2 === 0 ? [remove(), add()] : [add(), remove()]);
          expect(both.filter(({ ok }) => ok)).toHaveLength(1);
          const orphan =
            (await store.get(parent)) === undefined &&
            (await store.get(key('child', round, 1))) !== undefined;
          expect(orphan).toBe(false);
        }
      });

      it('loses no increment of 64 writers', async () => {
        const counter = key('counter');
        await Promise.all(
          Array.from({ length: 64 }, async () => {
            for (let i = 0; i < 4; i++) {
              await transact(store, async (transaction) => {
                const value = await store.get(counter);
                transaction.expectUnchanged(counter, value);
                transaction.put(
                  counter,
                  text(`${Number(value === undefined ? 0 : Buffer.from(value).toString()) + 1}`),
                );
              });
            }
          }),
        );
        expect(await read(store, counter)).toBe('256');
      });
    });

    describe('limits', () => {
      it('stores the longest key and value, byte-exact', async () => {
        const longest = Buffer.alloc(MAX_KEY_BYTES, 0xff);
        const value = Buffer.from(Array.from({ length: MAX_VALUE_BYTES }, (_, i) => i & 0xff));
        await store.commit({ puts: [{ key: longest, value }] });
        expect(Buffer.compare((await store.get(longest)) ?? Buffer.alloc(0), value)).toBe(0);
        expect(await store.scan({ prefix: longest }, { limit: 2 })).toHaveLength(1);
        expect(await store.scan({ prefix: Buffer.alloc(0) }, { limit: 2, after: longest })).toHaveLength(0);
      });

      it('refuses longer keys and values and empty keys, and writes nothing of that commit', async () => {
        const tooLong = Buffer.alloc(MAX_KEY_BYTES + 1, 1);
        const good = { key: key('good'), value: text('') };
        const refused = { kind: 'internal' };
        await expect(store.commit({ puts: [good, { key: tooLong, value: text('') }] })).rejects.toMatchObject(
          refused,
        );
        await expect(
          store.commit({ puts: [good, { key: key('v'), value: Buffer.alloc(MAX_VALUE_BYTES + 1) }] }),
        ).rejects.toMatchObject(refused);
        await expect(store.commit({ puts: [good], deletes: [Buffer.alloc(0)] })).rejects.toMatchObject(
          refused,
        );
        await expect(store.get(tooLong)).rejects.toMatchObject(refused);
        await expect(store.getMany([Buffer.alloc(0)])).rejects.toMatchObject(refused);
        await expect(store.scan({ prefix: tooLong }, { limit: 1 })).rejects.toMatchObject(refused);
        await expect(
          store.scan({ prefix: key('a') }, { limit: Number.POSITIVE_INFINITY }),
        ).rejects.toMatchObject(refused);
        expect(await read(store, key('good'))).toBeUndefined();
      });
    });

    describe('bytes', () => {
      it('keeps what was given when the caller reuses its buffers', async () => {
        const reusedKey = key('mine');
        const value = text('before');
        const commit = store.commit({ puts: [{ key: reusedKey, value }] });
        value.write('AFTER!');
        reusedKey.fill(0x11);
        await commit;
        expect(await read(store, key('mine'))).toBe('before');
      });

      it('gives bytes that later reads and writes do not change', async () => {
        await store.commit({
          puts: [
            { key: key('x', 1), value: text('one') },
            { key: key('x', 2), value: text('two') },
          ],
        });
        const got = await store.get(key('x', 1));
        const [many] = await store.getMany([key('x', 1)]);
        const [first] = await store.scan({ prefix: key('x') }, { limit: 2 });
        await store.commit({ puts: [{ key: key('x', 1), value: text('new') }] });
        await store.get(key('x', 2));
        await store.scan({ prefix: key('x') }, { limit: 2 });
        for (const bytes of [got, many, first?.value])
          expect(Buffer.from(bytes ?? []).toString()).toBe('one');
        expect(Buffer.compare(first?.key ?? Buffer.alloc(0), key('x', 1))).toBe(0);
        got?.fill(0);
        many?.fill(0);
        first?.value.fill(0);
        expect(await read(store, key('x', 1))).toBe('new');
      });
    });

    describe('scan', () => {
      it('walks string prefixes page by page in both directions', async () => {
        const names = ['app/a', 'app/b', 'app/c', 'app/d', 'apple', 'b'];
        await store.commit({ puts: names.map((each) => ({ key: key('n', each), value: text(each) })) });
        const prefix = encodeStringPrefix(key('n'), 'app/');
        for (const reverse of [false, true]) {
          const seen: string[] = [];
          let after: Uint8Array | undefined;
          for (;;) {
            const page: readonly Entry[] = await store.scan(
              { prefix },
              { limit: 2, reverse, ...(after === undefined ? {} : { after }) },
            );
            if (page.length === 0) break;
            for (const { value } of page) seen.push(Buffer.from(value).toString());
            after = page.at(-1)?.key;
          }
          const expected = names.slice(0, 4);
          expect(seen).toEqual(reverse ? expected.toReversed() : expected);
        }
      });

      it('agrees with a sorted list for every range, direction, resume point and limit', async () => {
        // A tiny alphabet makes neighbours, prefixes of one another and the all-0xff edge likely.
        const bytes = (minLength: number) =>
          fc
            .array(fc.constantFrom(0x00, 0x01, 0x7f, 0xfe, 0xff), { minLength, maxLength: 4 })
            .map((list) => Buffer.from(list));
        const keys = fc.uniqueArray(bytes(1), { maxLength: 40, selector: (each) => each.toString('hex') });
        const query = fc.record({
          range: fc.oneof(
            bytes(0).map((prefix): Range => ({ prefix })),
            bytes(0).map((from): Range => ({ from })),
            fc.tuple(bytes(0), bytes(0)).map(([from, to]): Range => ({ from, to })),
          ),
          options: fc.record(
            { limit: fc.integer({ min: 0, max: 45 }), reverse: fc.boolean(), after: bytes(0) },
            { requiredKeys: ['limit'] },
          ),
        });
        await fc.assert(
          fc.asyncProperty(
            keys,
            fc.array(query, { minLength: 1, maxLength: 12 }),
            async (stored, queries) => {
              const old = await store.scan({ prefix: Buffer.alloc(0) }, { limit: 100 });
              await store.commit({
                deletes: old.map((entry) => entry.key),
                puts: stored.map((each) => ({ key: each, value: each })),
              });
              for (const { range, options } of queries) {
                const found = await store.scan(range, options);
                const hex = found.map((entry) => Buffer.from(entry.key).toString('hex'));
                expect(hex).toEqual(expectedScan(stored, range, options));
                for (const entry of found) expect(Buffer.compare(entry.key, entry.value)).toBe(0);
                const keysAlone = await store.scanKeys(range, options);
                expect(keysAlone.map((each) => Buffer.from(each).toString('hex'))).toEqual(hex);
              }
            },
          ),
          { numRuns: 60 },
        );
      });
    });

    it('keeps everything over a restart', async () => {
      await store.commit({ puts: [{ key: key('kept'), value: text('yes') }] });
      if (opened.reopen === undefined) return;
      const again = await opened.reopen();
      expect(await read(again, key('kept'))).toBe('yes');
      expect(await again.commit({ checks: [{ key: key('kept'), is: 'absent' }] })).toEqual({
        ok: false,
        failed: 0,
      });
    });

    it('finishes the commits under way when it is closed', async () => {
      const commits = Array.from({ length: 20 }, (_, i) =>
        store.commit({ puts: [{ key: key('c', i), value: text('') }] }),
      );
      const reopened = opened.reopen?.() ?? store.close();
      expect((await Promise.all(commits)).every(({ ok }) => ok)).toBe(true);
      const again = await reopened;
      if (again !== undefined)
        expect(await again.scan({ prefix: key('c') }, { limit: 100 })).toHaveLength(20);
    });
  });
}

function expectedScan(stored: readonly Buffer[], range: Range, options: ScanOptions): string[] {
  const { after, reverse = false, limit } = options;
  const inRange = stored
    .toSorted(Buffer.compare)
    .filter((each) =>
      'prefix' in range
        ? Buffer.compare(each.subarray(0, range.prefix.length), range.prefix) === 0
        : Buffer.compare(each, range.from) >= 0 &&
          (range.to === undefined || Buffer.compare(each, range.to) < 0),
    );
  return (reverse ? inRange.reverse() : inRange)
    .filter((each) => {
      if (after === undefined) return true;
      const order = Buffer.compare(each, after);
      return reverse ? order < 0 : order > 0;
    })
    .slice(0, limit)
    .map((each) => each.toString('hex'));
}
