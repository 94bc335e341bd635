import { existsSync } from 'node:fs';
import { appendFile, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { StoreError } from '@zot-artifact-store/spec';
import pino from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MemoryMetadataStore } from '../../../metadata/memory/memory-metadata-store.ts';
import { readCheckpoint } from './checkpoint.ts';
import { readAllKnown } from './heads.ts';
import { signingKey } from './signing-key.ts';
import { StreamFileAppender } from './stream-file-appender.ts';
import { StreamWriter, type StreamWriterOptions } from './stream-writer.ts';
import { verifyTrail } from './verify.ts';

const key = signingKey(new Uint8Array(32).fill(7));
let folder = '';
let metadata: MemoryMetadataStore;
let nowMs = 0;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'zas-audit-'));
  metadata = new MemoryMetadataStore();
  await metadata.open();
  nowMs = Date.UTC(2026, 0, 1);
});
afterEach(() => rm(folder, { recursive: true, force: true }));

function open(options: Partial<StreamWriterOptions> = {}): Promise<StreamWriter> {
  return StreamWriter.open({
    folder,
    stream: 'main',
    metadata,
    key,
    clock: { now: () => nowMs },
    log: pino({ level: 'silent' }),
    rotateBytes: 1024 * 1024,
    keepFiles: 100,
    checkpointRecords: 10,
    checkpointMs: 60_000,
    syncEach: false,
    ...options,
  });
}

async function write(count: number, options: Partial<StreamWriterOptions> = {}): Promise<void> {
  const writer = await open(options);
  for (let nth = 1; nth <= count; nth++) await writer.append({ type: 'request', nth });
  await writer.close();
}

async function verify(options: { readonly withStore?: boolean; readonly keys?: [] } = {}) {
  const rows = options.withStore === false ? new Map() : await readAllKnown(metadata);
  const known = new Map([...rows].map(([stream, row]) => [stream, [row]]));
  const keys = options.keys ?? [key.verifier];
  return verifyTrail({ folder, keys, known, signal: new AbortController().signal });
}

async function file(nth = 0): Promise<string> {
  const names = (await readdir(join(folder, 'main'))).filter((name) => name.endsWith('.jsonl')).sort();
  return join(folder, 'main', names.at(nth) ?? '');
}

async function lines(nth = 0): Promise<string[]> {
  return (await readFile(await file(nth), 'utf8')).split('\n').slice(0, -1);
}

async function rewrite(change: (lines: string[]) => readonly string[], nth = 0): Promise<void> {
  await writeFile(await file(nth), `${change(await lines(nth)).join('\n')}\n`);
}

describe('a stream of the trail', () => {
  it('that nobody touched has no flaw, and ends in a checkpoint', async () => {
    await write(25);
    const report = await verify();
    expect(report.flaws).toEqual([]);
    // A file record, the start, 25 records, and a checkpoint after each ten and at the end.
    expect(report.streams).toMatchObject([
      { stream: 'main', records: 30, firstSeq: 1, lastSeq: 30, checkpoints: 3, unsigned: 0 },
    ]);
  });

  it('goes on where it ended, in the same file', async () => {
    await write(3);
    await write(3);
    expect(await verify()).toMatchObject({ flaws: [], streams: [{ records: 11 }] });
    expect(await readdir(join(folder, 'main'))).toHaveLength(2);
  });

  it('writes what comes at the same time in few writes, in order', async () => {
    const writer = await open();
    await Promise.all(Array.from({ length: 1200 }, (_, nth) => writer.append({ type: 'request', nth })));
    await writer.close();
    const numbers = (await lines())
      .map((line) => (JSON.parse(line) as { readonly nth?: number }).nth)
      .filter((nth) => nth !== undefined);
    expect(numbers).toEqual(Array.from({ length: 1200 }, (_, nth) => nth));
    expect((await verify()).flaws).toEqual([]);
  });

  it('cuts off what a crash left of a line, and says so', async () => {
    await write(3);
    await appendFile(await file(), '{"half":');
    await write(1);
    expect((await verify()).flaws).toEqual([]);
    expect((await lines()).some((line) => line.includes('"tornBytes":8'))).toBe(true);
  });

  it('goes on after a crash between making a file and its first line', async () => {
    await write(3);
    await writeFile(join(folder, 'main', '000000000007.jsonl'), '{"ty');
    await write(2);
    expect(await verify()).toMatchObject({ flaws: [], streams: [{ lastSeq: 11 }] });
  });

  it('is split into files and forgets the oldest, which the store remembers', async () => {
    await write(300, { rotateBytes: 8 * 1024, keepFiles: 2 });
    const names = (await readdir(join(folder, 'main'))).filter((name) => name.endsWith('.jsonl'));
    expect(names).toHaveLength(3);
    expect((await verify()).flaws).toEqual([]);
    expect((await verify({ withStore: false })).flaws).toMatchObject([{ kind: 'missing', line: 1 }]);
  });

  it('refuses records while it cannot be written, and then tells how many are missing', async () => {
    const disk = new FailingDisk();
    const writer = await open({ openFile: disk.open });
    disk.fails = () => true;
    for (const nth of [1, 2]) {
      await expect(writer.append({ type: 'request', nth })).rejects.toMatchObject({ kind: 'unavailable' });
    }
    expect(writer.failure?.message).toContain('EIO');
    disk.fails = () => false;
    await writer.append({ type: 'request', nth: 3 });
    expect(writer.failure).toBeUndefined();
    await writer.close();
    expect(await verify()).toMatchObject({ flaws: [], streams: [{ lost: 2 }] });
  });

  it('has room for more records when the disk is full', async () => {
    const disk = new FailingDisk('ENOSPC');
    const ballast = join(folder, 'main', 'ballast');
    const writer = await open({ openFile: disk.open });
    expect((await stat(ballast)).size).toBe(1024 * 1024);
    disk.fails = () => existsSync(ballast);
    await writer.append({ type: 'request', nth: 1 });
    expect(existsSync(ballast)).toBe(false);
    await writer.close();
    expect(await verify()).toMatchObject({ flaws: [], streams: [{ lost: 0 }] });
  });

  it('goes on when the metadata store takes no more, and is remembered when it does again', async () => {
    const writer = await open({ syncEach: true });
    const commit = metadata.commit.bind(metadata);
    metadata.commit = () => Promise.reject(new StoreError('storage-full', 'no room'));
    await writer.append({ type: 'request', nth: 1 });
    expect(writer.failure).toBeUndefined();
    metadata.commit = commit;
    await writer.append({ type: 'request', nth: 2 });
    const known = (await readAllKnown(metadata)).get('main');
    expect(readCheckpoint(known?.head ?? '')?.head.seq).toBe(4);
    await writer.close();
  });
});

/** Files whose appends fail as long as the test says so. */
class FailingDisk {
  fails = (): boolean => false;
  readonly #code: string;

  constructor(code = 'EIO') {
    this.#code = code;
  }

  readonly open: NonNullable<StreamWriterOptions['openFile']> = async (...place) => {
    const file = await StreamFileAppender.open(...place);
    return {
      get sizeBytes() {
        return file.sizeBytes;
      },
      append: async (text) => {
        if (this.fails()) throw Object.assign(new Error('no disk'), { code: this.#code });
        await file.append(text);
      },
      sync: () => file.sync(),
      close: () => file.close(),
    };
  };
}

describe('the verification finds', () => {
  beforeEach(() => write(25));

  it.each<[what: string, change: (lines: string[]) => readonly string[], kind: string, line: number]>([
    ['an altered record', (all) => all.with(5, (all[5] ?? '').replace('"nth":4', '"nth":9')), 'altered', 6],
    ['a removed record', (all) => all.toSpliced(5, 1), 'missing', 6],
    ['records in another order', (all) => all.with(5, all[6] ?? '').with(6, all[5] ?? ''), 'missing', 6],
    ['a record that is there twice', (all) => all.toSpliced(5, 0, all[4] ?? ''), 'reordered', 6],
    ['a line that is no record', (all) => all.with(5, 'nothing'), 'unreadable', 6],
    ['a removed first record', (all) => all.slice(1), 'missing', 1],
    [
      'another hash',
      (all) => all.with(5, (all[5] ?? '').replace(/"hash":"...../, '"hash":"AAAAA')),
      'altered',
      6,
    ],
  ])('%s, and where', async (_what, change, kind, line) => {
    await rewrite(change);
    const { flaws } = await verify();
    expect(flaws[0]).toMatchObject({ kind, line, stream: 'main', file: 'main/000000000001.jsonl' });
  });

  it('an end that was cut off, also at a line, by what the store remembers', async () => {
    await rewrite((all) => all.slice(0, -4));
    expect((await verify()).flaws).toMatchObject([{ kind: 'truncated' }]);
    expect((await verify({ withStore: false })).flaws).toEqual([]);
  });

  it('a cut-off end also when the server went on behind it', async () => {
    await rewrite((all) => all.slice(0, -4));
    await write(50);
    const { flaws } = await verify();
    expect(flaws[0]).toMatchObject({ kind: 'truncated', message: expect.stringContaining('"from":27') });
  });

  it('a stream that is gone', async () => {
    await rm(join(folder, 'main'), { recursive: true });
    expect((await verify()).flaws).toMatchObject([{ kind: 'truncated', stream: 'main' }]);
  });

  it('a chain that somebody without the key made anew', async () => {
    const other = await mkdtemp(join(tmpdir(), 'zas-audit-'));
    const forged = new MemoryMetadataStore();
    await forged.open();
    const writer = await open({
      folder: other,
      metadata: forged,
      key: signingKey(new Uint8Array(32).fill(8)),
    });
    for (let nth = 1; nth <= 24; nth++) await writer.append({ type: 'request', nth: nth + 1 });
    await writer.close();
    await writeFile(await file(), await readFile(join(other, 'main', '000000000001.jsonl')));
    await rm(other, { recursive: true });
    const { flaws } = await verify({ withStore: false });
    expect(flaws.map(({ kind }) => kind)).toEqual(['signature', 'signature', 'signature']);
  });

  it('nothing in the line that is being written', async () => {
    await appendFile(await file(), '{"half":');
    expect((await verify()).flaws).toEqual([]);
  });
});
