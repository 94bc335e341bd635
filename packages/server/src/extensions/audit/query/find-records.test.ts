import { mkdtemp, readdir, rm, unlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pino from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MemoryMetadataStore } from '../../../metadata/memory/memory-metadata-store.ts';
import { signingKey } from '../trail/signing-key.ts';
import { StreamWriter } from '../trail/stream-writer.ts';
import { type AuditQuery, findRecords } from './find-records.ts';
import type { AuditFilter } from './record-filter.ts';

const STREAMS = ['worker-1', 'worker-2', 'worker-3'];
const PER_STREAM = 200;
const START_MS = Date.UTC(2026, 0, 1);
const EVERYTHING: AuditFilter = { fromMs: 0, toMs: Number.MAX_SAFE_INTEGER, all: false };
const TOTAL = PER_STREAM * STREAMS.length;

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'zas-audit-'));
  const metadata = new MemoryMetadataStore();
  await metadata.open();
  let nowMs = START_MS;
  const writers: StreamWriter[] = [];
  for (const stream of STREAMS) {
    writers.push(
      await StreamWriter.open({
        folder,
        stream,
        metadata,
        key: signingKey(new Uint8Array(32)),
        clock: { now: () => nowMs },
        log: pino({ level: 'silent' }),
        rotateBytes: 8 * 1024,
        keepFiles: 100,
        checkpointRecords: 50,
        checkpointMs: 60_000,
        syncEach: false,
      }),
    );
  }
  for (let nth = 0; nth < TOTAL; nth++) {
    nowMs = START_MS + nth * 60_000;
    await writers[nth % STREAMS.length]?.append({
      type: 'request',
      time: new Date(nowMs).toISOString(),
      event: nth % 10 === 0 ? 'delete' : 'change',
      result: nth % 7 === 0 ? 'refused' : 'done',
      who: nth % 7 === 0 ? { anonymous: true, triedAs: 'alice' } : { name: nth % 2 === 0 ? 'alice' : 'bob' },
      request: { id: `r-${nth}`, operation: 'oci.PutManifest' },
      decisions: [{ action: 'oci:Push', resource: `repository:team-${nth % 3}/app`, effect: 'allow' }],
    });
  }
  for (const writer of writers) await writer.close();
});
afterAll(() => rm(folder, { recursive: true, force: true }));

function find(query: Partial<AuditQuery> = {}) {
  const whole: AuditQuery = { filter: EVERYTHING, first: 'newest', limit: 1000, after: undefined, ...query };
  return findRecords(folder, whole, new AbortController().signal);
}

function idsOf(items: readonly Readonly<Record<string, unknown>>[]): string[] {
  return items.map(({ request }) => (request as { readonly id: string }).id);
}

const ids = Array.from({ length: TOTAL }, (_, nth) => `r-${nth}`);

describe('records of the trail', () => {
  it('come from all streams and files by their time, the newest first', async () => {
    expect((await readdir(join(folder, 'worker-1'))).length).toBeGreaterThan(3);
    const { items, next } = await find();
    expect(idsOf(items)).toEqual(ids.toReversed());
    expect(next).toBeUndefined();
  });

  it.each(['newest', 'oldest'] as const)('come page by page, the %s first, each once', async (first) => {
    const found: string[] = [];
    let after: string | undefined;
    do {
      const page = await find({ first, limit: 37, after });
      found.push(...idsOf(page.items));
      after = page.next;
    } while (after !== undefined);
    expect(found).toEqual(first === 'newest' ? ids.toReversed() : ids);
  });

  it.each<[what: string, filter: Partial<AuditFilter>, isWanted: (nth: number) => boolean]>([
    ['a user', { user: 'bob' }, (nth) => nth % 7 !== 0 && nth % 2 === 1],
    ['in whose name it was tried too', { user: 'alice' }, (nth) => nth % 7 === 0 || nth % 2 === 0],
    ['an action', { action: 'oci:*' }, () => true],
    ['an operation', { action: 'oci.PutManifest' }, () => true],
    ['the beginning of a resource', { resource: 'repository:team-2/' }, (nth) => nth % 3 === 2],
    ['a result', { result: 'refused' }, (nth) => nth % 7 === 0],
    ['an event', { event: 'delete' }, (nth) => nth % 10 === 0],
    ['a request', { request: 'r-77' }, (nth) => nth === 77],
    [
      'a range of time',
      { fromMs: START_MS + 100 * 60_000, toMs: START_MS + 200 * 60_000 },
      (nth) => nth >= 100 && nth < 200,
    ],
    ['nothing, when nobody did it', { user: 'carol' }, () => false],
    ['nothing of another action', { action: 'oci:Pul' }, () => false],
  ])('can be had by %s', async (_what, filter, isWanted) => {
    for (const first of ['newest', 'oldest'] as const) {
      const { items } = await find({ filter: { ...EVERYTHING, ...filter }, first });
      const wanted = ids.filter((_id, nth) => isWanted(nth));
      expect(idsOf(items)).toEqual(first === 'newest' ? wanted.toReversed() : wanted);
    }
  });

  it('can be had with what the server says of itself', async () => {
    const { items } = await find({ filter: { ...EVERYTHING, all: true } });
    expect(new Set(items.map(({ type }) => type))).toEqual(
      new Set(['file', 'start', 'request', 'checkpoint']),
    );
  });

  it.each(['x', '', Buffer.from('["newest",{"a":[1,-1]}]').toString('base64url'), 'W10'])(
    'are refused for a cursor that is none: %j',
    async (after) => {
      await expect(find({ after })).rejects.toMatchObject({ kind: 'argument-invalid' });
    },
  );

  it('go on after a file was removed because of its age', async () => {
    const page = await find({ first: 'oldest', limit: 5 });
    for (const stream of STREAMS) {
      const [oldest = ''] = (await readdir(join(folder, stream))).sort();
      await unlink(join(folder, stream, oldest));
    }
    const { items } = await find({ first: 'oldest', after: page.next ?? '' });
    expect(idsOf(items).at(-1)).toBe(`r-${TOTAL - 1}`);
  });
});
