import { randomBytes } from 'node:crypto';
import { encodeKey } from '../../server/src/metadata/keys.ts';
import { LmdbMetadataStore } from '../../server/src/metadata/lmdb/lmdb-metadata-store.ts';
import type { Commit, Key } from '../../server/src/metadata/metadata-store.ts';
import { transact } from '../../server/src/metadata/transaction.ts';

/** What the parent may ask; every message is answered by one `{ id, ... }`. Keys and values travel as hex. */
export type ChildRequest = { readonly id: number } & (
  | { readonly ask: 'put' | 'urgent'; readonly key: string; readonly value: string }
  | { readonly ask: 'get' | 'delete'; readonly key: string }
  | { readonly ask: 'increment'; readonly key: string; readonly times: number }
  /** Never ends: `writers` at once commit rows of three keys each and report every acknowledged one. */
  | { readonly ask: 'flood'; readonly writers: number; readonly round: number }
  /** `commits` of SCATTERED_KEYS random keys each, from eight writers at once. */
  | { readonly ask: 'scatter'; readonly commits: number }
  | { readonly ask: 'close' }
);

export type ChildReply =
  | { readonly ready: true }
  | { readonly id: number; readonly value?: string; readonly error?: string }
  | { readonly acknowledged: readonly [round: number, writer: number, row: number] };

const FLOOD_TABLE = 0x7d;
export const FLOOD_COLUMNS = 3;

/** The keys of one flood row; a commit writes all or none. */
export function floodRow(round: number, writer: number, row: number): Key[] {
  return Array.from({ length: FLOOD_COLUMNS }, (_, column) =>
    encodeKey(FLOOD_TABLE, round, writer, row, column),
  );
}

const SCATTER_TABLE = 0x7c;
export const SCATTERED_KEYS = 100;
export const scatterPrefix: Key = encodeKey(SCATTER_TABLE);

export const floodPrefix: Key = encodeKey(FLOOD_TABLE);

const hex = (text: string): Buffer => Buffer.from(text, 'hex');
const reply = (message: ChildReply): void => {
  process.send?.(message);
};

async function serve(path: string): Promise<void> {
  const store = new LmdbMetadataStore({
    path,
    reserveBytes: 0,
    log: { error: () => {}, warn: () => {} },
    onFatal: () => process.exit(70),
  });
  await store.open();

  const change = async (commit: Commit): Promise<string> =>
    (await store.commit(commit)).ok ? 'ok' : 'conflict';

  const flood = async (round: number, writer: number): Promise<never> => {
    for (let row = 0; ; row++) {
      const puts = floodRow(round, writer, row).map((key) => ({ key, value: Buffer.alloc(100, row) }));
      await store.commit({ puts });
      reply({ acknowledged: [round, writer, row] });
    }
  };

  /** Random keys touch pages all over the tree, so that every commit frees many and takes many. */
  const scatter = async (commits: number): Promise<void> => {
    let left = commits;
    const write = async (): Promise<void> => {
      while (left-- > 0) {
        const puts = Array.from({ length: SCATTERED_KEYS }, (_, i) => ({
          key: Buffer.concat([scatterPrefix, randomBytes(24)]),
          value: randomBytes(i % 10 === 0 ? 900 : 40),
        }));
        await store.commit({ puts });
      }
    };
    await Promise.all(Array.from({ length: 8 }, write));
  };

  const answer = async (request: ChildRequest): Promise<string | undefined> => {
    switch (request.ask) {
      case 'put':
        return change({ puts: [{ key: hex(request.key), value: hex(request.value) }] });
      case 'urgent':
        return change({
          puts: [{ key: hex(request.key), value: hex(request.value) }],
          mayUseReserve: true,
        });
      case 'delete':
        return change({ deletes: [hex(request.key)] });
      case 'get': {
        const value = await store.get(hex(request.key));
        return value && Buffer.from(value).toString('hex');
      }
      case 'increment': {
        const key = hex(request.key);
        for (let i = 0; i < request.times; i++) {
          await transact(store, async (transaction) => {
            const value = await store.get(key);
            transaction.expectUnchanged(key, value);
            transaction.put(key, Buffer.from(`${Number(value ? Buffer.from(value).toString() : 0) + 1}`));
          });
        }
        return 'ok';
      }
      case 'flood':
        await Promise.all(
          Array.from({ length: request.writers }, (_, writer) => flood(request.round, writer)),
        );
        return undefined;
      case 'scatter':
        await scatter(request.commits);
        return 'ok';
      case 'close':
        await store.close();
        return 'ok';
    }
  };

  process.on('message', (request: ChildRequest) => {
    answer(request).then(
      (value) => {
        reply({ id: request.id, ...(value === undefined ? {} : { value }) });
        if (request.ask === 'close') process.disconnect();
      },
      (error) => reply({ id: request.id, error: error.kind ?? String(error) }),
    );
  });
  reply({ ready: true });
}

const [, script, path] = process.argv;
if (script?.endsWith('metadata-child.ts') === true && path !== undefined) await serve(path);
