import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  FLOOD_COLUMNS,
  floodPrefix,
  floodRow,
  SCATTERED_KEYS,
  scatterPrefix,
} from '@zot-artifact-store/testkit/metadata-child.ts';
import { type MetadataProcess, startMetadataProcess } from '@zot-artifact-store/testkit/metadata-process.ts';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Entry } from '../metadata-store.ts';
import { LmdbMetadataStore, type LmdbMetadataStoreOptions } from './lmdb-metadata-store.ts';

const GIB = 2 ** 30;

describe('lmdb store', () => {
  let folder: string;
  let path: string;
  const stores: LmdbMetadataStore[] = [];
  const processes: MetadataProcess[] = [];

  const openStore = async (options: Partial<LmdbMetadataStoreOptions> = {}): Promise<LmdbMetadataStore> => {
    const store = new LmdbMetadataStore({
      path,
      reserveBytes: 0,
      log: { error: () => {}, warn: () => {} },
      onFatal: (error) => {
        throw error;
      },
      ...options,
    });
    await store.open();
    stores.push(store);
    return store;
  };
  const startProcess = async (maxFileBytes?: number): Promise<MetadataProcess> => {
    const started = await startMetadataProcess({
      path,
      ...(maxFileBytes === undefined ? {} : { maxFileBytes }),
    });
    processes.push(started);
    return started;
  };

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'zas-lmdb-'));
    path = join(folder, 'metadata');
  });
  afterEach(async () => {
    await Promise.all(processes.splice(0).map((each) => each.kill()));
    await Promise.all(stores.splice(0).map((each) => each.close()));
    await rm(folder, { recursive: true });
  });

  // Version 3 of the binding ends here after seconds: see docs/decisions/023.
  it('takes many commits all over the tree from two processes at once', async () => {
    const store = await openStore();
    const commits = 1_500;
    const writers = await Promise.all([startProcess(), startProcess()]);
    const answers = await Promise.all(writers.map((each) => each.ask({ ask: 'scatter', commits })));
    expect(answers).toEqual(['ok', 'ok']);
    let found = 0;
    let after: Uint8Array | undefined;
    for (;;) {
      const options = { limit: 10_000, ...(after === undefined ? {} : { after }) };
      const keys = await store.scanKeys({ prefix: scatterPrefix }, options);
      found += keys.length;
      after = keys.at(-1);
      if (after === undefined) break;
    }
    expect(found).toBe(2 * commits * SCATTERED_KEYS);
  }, 120_000);

  it('shows a commit to every process as soon as one has acknowledged it', async () => {
    const store = await openStore();
    const other = await startProcess();
    const key = Buffer.from('shared');
    const hex = key.toString('hex');
    // Reads all the time, so that there is always a snapshot that could be stale.
    const reading = new AbortController();
    const reader = (async () => {
      while (!reading.signal.aborted) {
        await store.get(key);
        await new Promise(setImmediate);
      }
    })();
    for (let round = 0; round < 300; round++) {
      await other.ask({ ask: 'put', key: hex, value: Buffer.from(`theirs ${round}`).toString('hex') });
      expect(Buffer.from((await store.get(key)) ?? []).toString()).toBe(`theirs ${round}`);
      const [entry] = await store.scan({ prefix: key }, { limit: 1 });
      expect(Buffer.from(entry?.value ?? []).toString()).toBe(`theirs ${round}`);
      const ours = Buffer.from(`ours ${round}`);
      await store.commit({ puts: [{ key, value: ours }] });
      expect(await other.ask({ ask: 'get', key: hex })).toBe(ours.toString('hex'));
    }
    reading.abort();
    await reader;
  });

  it('loses no increment of several processes', async () => {
    const store = await openStore();
    const others = await Promise.all([startProcess(), startProcess()]);
    const key = Buffer.from('counter').toString('hex');
    await Promise.all(
      others.flatMap((other) =>
        Array.from({ length: 8 }, () => other.ask({ ask: 'increment', key, times: 10 })),
      ),
    );
    expect(Buffer.from((await store.get(Buffer.from('counter'))) ?? []).toString()).toBe('160');
  });

  it('keeps every acknowledged commit whole when its process is killed while writing', async () => {
    const survivor = await openStore();
    const acknowledged = new Set<string>();
    for (let round = 0; round < 5; round++) {
      const writer = await startProcess();
      const { promise: enough, resolve } = Promise.withResolvers<void>();
      let count = 0;
      writer.onAcknowledged((row) => {
        acknowledged.add(row.join());
        if (++count >= 200 + round * 37) resolve();
      });
      writer.ask({ ask: 'flood', writers: 16, round }).catch(() => {});
      await enough;
      await writer.kill();
      // The lock it may have died with does not stop the others.
      await survivor.commit({ puts: [{ key: Buffer.from('after'), value: Buffer.from(`${round}`) }] });
    }
    await survivor.close();
    const store = await openStore();
    const rows = new Map<string, number>();
    let after: Uint8Array | undefined;
    for (;;) {
      const page: readonly Entry[] = await store.scan(
        { prefix: floodPrefix },
        { limit: 1_000, ...(after === undefined ? {} : { after }) },
      );
      if (page.length === 0) break;
      for (const { key } of page) {
        const row = Buffer.from(key.subarray(0, key.length - 9)).toString('hex');
        rows.set(row, (rows.get(row) ?? 0) + 1);
      }
      after = page.at(-1)?.key;
    }
    expect([...rows.values()].every((columns) => columns === FLOOD_COLUMNS)).toBe(true);
    for (const row of acknowledged) {
      const [round = 0, writer = 0, index = 0] = row.split(',').map(Number);
      const values = await store.getMany(floodRow(round, writer, index));
      expect(values.every((value) => value?.length === 100)).toBe(true);
    }
  });

  it('refuses puts below the reserve, still deletes and reads, and takes puts again when space returns', async () => {
    const disk = { freeBytes: 10 * GIB };
    const clock = { nowMs: 0, now: () => clock.nowMs };
    const store = await openStore({ reserveBytes: GIB, spaceProbe: async () => disk.freeBytes, clock });
    const put = (name: string) => ({ puts: [{ key: Buffer.from(name), value: Buffer.from('v') }] });
    await store.commit(put('a'));
    await store.commit(put('b'));
    disk.freeBytes = GIB - 1;
    clock.nowMs += 1_000;
    await expect(store.commit(put('c'))).rejects.toMatchObject({ kind: 'storage-full' });
    await expect(store.commit({ ...put('c'), deletes: [Buffer.from('a')] })).rejects.toMatchObject({
      kind: 'storage-full',
    });
    expect(await store.commit({ deletes: [Buffer.from('a')] })).toEqual({ ok: true });
    expect(await store.commit({ ...put('trash'), mayUseReserve: true })).toEqual({ ok: true });
    expect(await store.get(Buffer.from('a'))).toBeUndefined();
    expect((await store.get(Buffer.from('b')))?.length).toBe(1);
    disk.freeBytes = 10 * GIB;
    expect(await store.commit(put('c'))).toEqual({ ok: true });
  });

  it('survives that its file cannot grow although the filesystem said there was room', async () => {
    const child = await startProcess(6 * 2 ** 20);
    const value = Buffer.alloc(3_000, 1).toString('hex');
    const stored: string[] = [];
    let refused: unknown;
    for (let i = 0; refused === undefined; i++) {
      const key = Buffer.from(`row ${i}`).toString('hex');
      await child.ask({ ask: 'put', key, value }).then(
        () => stored.push(key),
        (error) => {
          refused = error.message;
        },
      );
      expect(i).toBeLessThan(5_000);
    }
    expect(refused).toBe('storage-full');
    for (const key of stored) expect(await child.ask({ ask: 'get', key })).toBe(value);
    // What gives space back is still written, each time in the place of what it wrote before.
    const trash = Buffer.from('trash').toString('hex');
    for (let i = 0; i < 1_000; i++) {
      expect(await child.ask({ ask: 'urgent', key: trash, value })).toBe('ok');
    }
    // There is an end to it, and that is no worse than the first.
    for (let i = 0; refused !== undefined; i++) {
      const key = Buffer.from(`urgent ${i}`).toString('hex');
      await child.ask({ ask: 'urgent', key, value }).then(
        () => stored.push(key),
        (error) => {
          expect(error.message).toBe('storage-full');
          refused = undefined;
        },
      );
      expect(i).toBeLessThan(5_000);
    }
    for (const key of stored) expect(await child.ask({ ask: 'delete', key })).toBe('ok');
    // The pages of the deleted rows are free again two transactions later.
    const again = Buffer.from('again').toString('hex');
    const store = await openStore();
    expect(await store.scan({ prefix: Buffer.from('row') }, { limit: 1 })).toEqual([]);
    await store.commit({ puts: [{ key: Buffer.from('elsewhere'), value: Buffer.alloc(10) }] });
    expect(await child.ask({ ask: 'get', key: again })).toBeUndefined();
  });

  it('does not keep an idle process alive, and ends with it', async () => {
    const child = await startProcess();
    await child.ask({ ask: 'put', key: '01', value: '02' });
    child.child.disconnect();
    const code = await new Promise((resolve) => child.child.once('exit', resolve));
    expect(code).toBe(0);
  });

  it('refuses work after it was closed, and opens again', async () => {
    const store = await openStore();
    await store.close();
    await expect(store.get(Buffer.from('a'))).rejects.toMatchObject({ kind: 'unavailable' });
    await expect(store.commit({})).rejects.toMatchObject({ kind: 'unavailable' });
    await store.open();
    expect(await store.commit({})).toEqual({ ok: true });
  });
});
