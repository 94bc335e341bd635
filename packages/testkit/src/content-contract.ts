import { createHash, randomBytes } from 'node:crypto';
import { type Digest, type DigestAlgorithm, isStoreError, makeDigest } from '@zot-artifact-store/spec';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { BlobDriver } from '../../server/src/content/blob-driver.ts';
import { encodeBlob, findBlob } from '../../server/src/content/blob-records.ts';
import type { ContentStore, PreparedBlob } from '../../server/src/content/content-store.ts';
import { createContentStore } from '../../server/src/content/create-content-store.ts';
import { fsck } from '../../server/src/content/fsck.ts';
import { checksumOf } from '../../server/src/content/hashing/checksum-of.ts';
import { HashPool } from '../../server/src/content/hashing/hash-pool.ts';
import { contentKeys } from '../../server/src/content/keyspace.ts';
import { newStagedId, objectName } from '../../server/src/content/object-name.ts';
import type { MetadataStore } from '../../server/src/metadata/metadata-store.ts';

export interface OpenedContent {
  readonly metadata: MetadataStore;
  readonly driver: BlobDriver;
  cleanup(): Promise<void>;
}

export const GRACE_MS = 1_000;
export const silent = { warn: () => {}, error: () => {} };

/** One volume to test with: a store, a clock that the test moves, and short ways to say common things. */
export class ContentBench {
  readonly metadata: MetadataStore;
  readonly driver: BlobDriver;
  readonly hashing = new HashPool({ threads: 1 });
  readonly volume = '/v';
  readonly log = silent;
  readonly graceMs: number;
  readonly store: ContentStore;
  nowMs = 1_700_000_000_000;

  constructor({
    metadata,
    driver,
    graceMs = GRACE_MS,
  }: {
    readonly metadata: MetadataStore;
    readonly driver: BlobDriver;
    readonly graceMs?: number;
  }) {
    this.metadata = metadata;
    this.graceMs = graceMs;
    this.driver = driver;
    const { hashing, volume, log } = this;
    const clock = { now: () => this.nowMs };
    this.store = createContentStore({ metadata, driver, volume, hashing, clock, graceMs, log });
  }

  /** Stores the bytes and gives them an owner in the same transaction. */
  async put(bytes: Uint8Array, owner = 'keeper', algorithm: DigestAlgorithm = 'sha256'): Promise<Digest> {
    const prepared = await this.store.ingest(bytes, { algorithm });
    return this.own(prepared, owner);
  }

  async own(prepared: PreparedBlob, owner = 'keeper'): Promise<Digest> {
    await this.store.transact([prepared], (transaction) => {
      this.store.addEdge(transaction, prepared.digest, ['test', owner]);
    });
    return prepared.digest;
  }

  async disown(digest: Digest, owner = 'keeper'): Promise<void> {
    await this.store.transact([], (transaction) =>
      this.store.removeEdge(transaction, digest, ['test', owner]),
    );
  }

  async read(digest: Digest, range?: { readonly start: number; readonly end: number }): Promise<Buffer> {
    const chunks: Buffer[] = [];
    for await (const chunk of await this.store.read(digest, range && { range }))
      chunks.push(Buffer.from(chunk));
    return Buffer.concat(chunks);
  }

  /** Makes the driver hold other bytes for the digest, as a failing disk would. */
  async damage(digest: Digest, bytes: Uint8Array): Promise<void> {
    const found = await findBlob(this, digest);
    if (found === undefined) throw new Error(`no blob ${digest}`);
    const id = newStagedId();
    const name = objectName(digest);
    await this.driver.stage(id, chunks(bytes));
    await this.driver.publish(id, name);
    const record = { ...found.record, location: { kind: 'file', name } as const };
    await this.metadata.commit({
      puts: [{ key: contentKeys.blob(this.volume, digest), value: encodeBlob(record) }],
    });
    if (found.record.location.kind === 'file') await this.driver.remove(found.record.location.name);
  }

  async objects(): Promise<number> {
    let count = 0;
    for await (const _ of this.driver.list()) count += 1;
    return count;
  }

  async staged(): Promise<number> {
    let count = 0;
    for await (const _ of this.driver.listStaged()) count += 1;
    return count;
  }
}

export async function* chunks(...parts: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* parts;
}

export function digestOf(bytes: Uint8Array, algorithm: DigestAlgorithm = 'sha256'): Digest {
  return makeDigest(algorithm, createHash(algorithm).update(bytes).digest('hex'));
}

export async function kindOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
    return 'no error';
  } catch (error) {
    return isStoreError(error) ? error.kind : `foreign: ${error}`;
  }
}

const SMALL = Buffer.from('a small blob');
const LARGE = randomBytes(700_000);

/** What a content store must keep over any metadata store and blob driver. `open` gives empty, opened ones. */
export function contentStoreContract(name: string, open: () => Promise<OpenedContent>): void {
  describe(`content store contract: ${name}`, () => {
    let opened: OpenedContent;
    let bench: ContentBench;
    beforeEach(async () => {
      opened = await open();
      bench = new ContentBench(opened);
    });
    afterEach(async () => {
      const report = await fsck(bench);
      await bench.hashing.close();
      await opened.cleanup();
      expect(report.errors).toEqual([]);
    });

    describe('ingest', () => {
      it.each([
        ['empty', Buffer.alloc(0), 0],
        ['small', SMALL, 0],
        ['at the inline bound', randomBytes(3_400), 0],
        ['just above it', randomBytes(3_401), 1],
        ['large', LARGE, 1],
      ])('stores a blob that is %s byte-exact, from a stream or a buffer', async (_, bytes, objects) => {
        for (const source of [() => bytes, () => chunks(bytes.subarray(0, 5), bytes.subarray(5))]) {
          const digest = await bench.own(await bench.store.ingest(source()));
          expect(digest).toBe(digestOf(bytes));
          expect(await bench.read(digest)).toEqual(bytes);
          expect(await bench.store.stat(digest)).toMatchObject({ digest, sizeBytes: bytes.length });
        }
        expect(await bench.objects()).toBe(objects);
        expect(await bench.staged()).toBe(0);
      });

      it('refuses a wrong digest, a wrong length and too many bytes, and leaves nothing behind', async () => {
        for (const bytes of [SMALL, LARGE]) {
          for (const source of [() => bytes, () => chunks(bytes)]) {
            const { length } = bytes;
            expect(await kindOf(bench.store.ingest(source(), { expected: digestOf(Buffer.from('x')) }))).toBe(
              'digest-mismatch',
            );
            for (const expectedBytes of [length - 1, length + 1]) {
              expect(await kindOf(bench.store.ingest(source(), { expectedBytes }))).toBe('size-invalid');
            }
            expect(await kindOf(bench.store.ingest(source(), { maxBytes: length - 1 }))).toBe(
              'body-too-large',
            );
          }
        }
        expect(await bench.staged()).toBe(0);
      });

      it.each([
        ['small', SMALL],
        ['large', LARGE],
      ])('takes other hashes of a %s blob on the way', async (_, bytes) => {
        const alsoHash = ['crc64nvme', 'md5', 'sha256', 'sha512', 'crc32'] as const;
        const hashes = Object.fromEntries(alsoHash.map((each) => [each, checksumOf(each, bytes)]));
        const expected = digestOf(bytes);
        for (const source of [() => bytes, () => chunks(bytes.subarray(0, 5), bytes.subarray(5))]) {
          for (const options of [{ alsoHash }, { alsoHash, expected, expectedBytes: bytes.length }]) {
            const prepared = await bench.store.ingest(source(), options);
            expect([prepared.digest, prepared.hashes]).toEqual([expected, hashes]);
            await prepared.discard();
          }
        }
        const segments = [await bench.store.stageSegment(chunks(bytes))];
        expect((await bench.store.assemble(segments, { alsoHash })).hashes).toEqual(hashes);
        await bench.store.discardSegments(segments);
        const plain = await bench.store.ingest(bytes);
        expect(plain.hashes).toEqual({});
        await plain.discard();
        const wrong = bench.store.ingest(bytes, { alsoHash, expected: digestOf(Buffer.from('x')) });
        expect(await kindOf(wrong)).toBe('digest-mismatch');
        expect(await bench.staged()).toBe(0);
      });

      it('does not keep the memory of the caller', async () => {
        const mine = Buffer.from(SMALL);
        const prepared = await bench.store.ingest(mine);
        mine.fill(0);
        expect(await bench.read(await bench.own(prepared))).toEqual(SMALL);
      });

      it('ends when its signal aborts, leaving nothing behind', async () => {
        const controller = new AbortController();
        const hanging = async function* () {
          yield LARGE;
          controller.abort(new Error('gone'));
          await new Promise(() => {});
        };
        const ingest = bench.store.ingest(hanging(), { signal: controller.signal });
        await expect(ingest).rejects.toThrow('gone');
        expect(await bench.staged()).toBe(0);
      });

      it('forgets a prepared blob that is discarded', async () => {
        const prepared = await bench.store.ingest(LARGE);
        await prepared.discard();
        expect(await bench.staged()).toBe(0);
        expect(await bench.store.stat(prepared.digest)).toBeUndefined();
      });
    });

    describe('sha512', () => {
      it.each([
        ['small', SMALL],
        ['large', LARGE],
      ])('names the same %s bytes without a second copy', async (_, bytes) => {
        const long = await bench.put(bytes, 'a', 'sha512');
        const short = await bench.put(bytes, 'b');
        expect([long, short]).toEqual([digestOf(bytes, 'sha512'), digestOf(bytes)]);
        expect(await bench.read(long)).toEqual(bytes);
        expect(await bench.read(short)).toEqual(bytes);
        expect(await bench.store.readWhole(long, 1e6)).toEqual(bytes);
        expect(await bench.read(long, { start: 2, end: 7 })).toEqual(bytes.subarray(2, 8));
        expect(await bench.objects()).toBe(bytes.length > 3_400 ? 1 : 0);
        expect(await bench.store.isOwned(short, ['composite', { digest: long }])).toBe(true);
      });

      it('is what a promised sha512 digest is compared with', async () => {
        const expected = digestOf(LARGE, 'sha512');
        expect((await bench.store.ingest(LARGE, { expected })).digest).toBe(expected);
        const wrong = digestOf(SMALL, 'sha512');
        expect(await kindOf(bench.store.ingest(LARGE, { expected: wrong }))).toBe('digest-mismatch');
      });
    });

    describe('read', () => {
      it('gives exactly the bytes of a range, wherever the blob lives', async () => {
        for (const bytes of [SMALL, LARGE]) {
          const digest = await bench.put(bytes);
          const last = bytes.length - 1;
          for (const [start, end] of [
            [0, 0],
            [3, 5],
            [0, last],
            [last, last],
          ] as const) {
            expect(await bench.read(digest, { start, end })).toEqual(bytes.subarray(start, end + 1));
          }
          for (const [start, end] of [
            [0, last + 1],
            [5, 4],
            [-1, 3],
            [0.5, 3],
          ] as const) {
            expect(await kindOf(bench.read(digest, { start, end }))).toBe('range-unsatisfiable');
          }
        }
      });

      it('knows nothing of a blob that was never committed', async () => {
        const prepared = await bench.store.ingest(LARGE);
        expect(await bench.store.stat(prepared.digest)).toBeUndefined();
        expect(await kindOf(bench.read(prepared.digest))).toBe('blob-unknown');
        expect(await kindOf(bench.store.readWhole(prepared.digest, 1e6))).toBe('blob-unknown');
        await prepared.discard();
      });

      it('reads small blobs whole, up to the limit, and never shares memory', async () => {
        const digest = await bench.put(SMALL);
        for (let i = 0; i < 3; i++) {
          const whole = await bench.store.readWhole(digest, SMALL.length);
          expect(whole).toEqual(SMALL);
          whole.fill(0);
        }
        expect(await kindOf(bench.store.readWhole(digest, SMALL.length - 1))).toBe('body-too-large');
        for await (const chunk of await bench.store.read(digest)) chunk.fill(0);
        expect(await bench.read(digest)).toEqual(SMALL);
      });

      it('says that a blob whose object is lost or cut is corrupt before it sends a byte', async () => {
        const digest = await bench.put(LARGE);
        await bench.damage(digest, LARGE.subarray(0, 5_000));
        expect(await kindOf(bench.store.read(digest))).toBe('blob-corrupt');
        await bench.damage(digest, LARGE);
        expect(await bench.read(digest)).toEqual(LARGE);
      });
    });

    describe('upload segments', () => {
      const stage = async (...parts: Uint8Array[]) => {
        const staged = [];
        for (const part of parts) staged.push(await bench.store.stageSegment(chunks(part)));
        return staged;
      };

      it('join in order, whatever their number and size', async () => {
        const cuts = [
          [],
          [LARGE],
          [LARGE, SMALL],
          [Buffer.alloc(0), LARGE, Buffer.alloc(0)],
          [SMALL, SMALL, LARGE],
        ];
        for (const parts of [...cuts, [SMALL], [SMALL, SMALL]]) {
          const bytes = Buffer.concat(parts);
          const segments = await stage(...parts);
          const expectedBytes = bytes.length;
          const prepared = await bench.store.assemble(segments, { expected: digestOf(bytes), expectedBytes });
          expect(await bench.read(await bench.own(prepared))).toEqual(bytes);
          expect(await bench.staged()).toBe(0);
        }
      });

      it('become a sha512 blob, whichever algorithm they were hashed with', async () => {
        for (const algorithm of ['sha256', 'sha512'] as const) {
          const bytes = randomBytes(20_000);
          const segment = await bench.store.stageSegment(chunks(bytes), { algorithm });
          expect(segment.digest).toBe(digestOf(bytes, algorithm));
          const prepared = await bench.store.assemble([segment], { algorithm: 'sha512' });
          expect(await bench.own(prepared)).toBe(digestOf(bytes, 'sha512'));
          expect(await bench.read(prepared.digest)).toEqual(bytes);
        }
      });

      it('stay where they are when the digest is wrong or the transaction fails', async () => {
        const segments = await stage(LARGE);
        expect(await kindOf(bench.store.assemble(segments, { expected: digestOf(SMALL) }))).toBe(
          'digest-mismatch',
        );
        expect(await kindOf(bench.store.assemble(segments, { expectedBytes: 3 }))).toBe('size-invalid');
        const prepared = await bench.store.assemble(segments);
        const refusal = bench.store.transact([prepared], () => {
          throw new Error('refused');
        });
        await expect(refusal).rejects.toThrow('refused');
        expect(await bench.staged()).toBe(1);
        expect(await bench.read(await bench.own(await bench.store.assemble(segments)))).toEqual(LARGE);
        expect(await bench.staged()).toBe(0);
      });

      it('make one blob when two requests finish the same upload, whoever wins', async () => {
        const segments = await stage(LARGE);
        const prepared = [await bench.store.assemble(segments), await bench.store.assemble(segments)];
        const results = await Promise.all(prepared.map((blob) => kindOf(bench.own(blob))));
        expect(results).toContain('no error');
        expect(['no error', 'conflict']).toContain(
          results.find((result) => result !== 'no error') ?? 'no error',
        );
        expect(await bench.read(digestOf(LARGE))).toEqual(LARGE);
        expect([await bench.objects(), await bench.staged()]).toEqual([1, 0]);
      });

      it('keep what arrived before the source failed, but not nothing', async () => {
        const failing = async function* (...parts: Uint8Array[]) {
          yield* parts;
          throw new Error('connection lost');
        };
        const segment = await bench.store.stageSegment(failing(SMALL, LARGE));
        expect(segment.interrupted).toMatchObject({ message: 'connection lost' });
        expect(segment.sizeBytes).toBe(SMALL.length + LARGE.length);
        await expect(bench.store.stageSegment(failing())).rejects.toThrow('connection lost');
        expect(await kindOf(bench.store.stageSegment(chunks(LARGE), { maxBytes: 10 }))).toBe(
          'body-too-large',
        );
        expect(await bench.staged()).toBe(1);
        await bench.store.discardSegments([segment]);
        expect(await bench.staged()).toBe(0);
      });
    });

    describe('composite blobs', () => {
      it('read like their concatenation, ranges over part borders and pages included', async () => {
        const parts: { digest: Digest; sizeBytes: number }[] = [];
        const bytes: Buffer[] = [];
        // More parts than one page of the list takes; some repeat.
        for (let i = 0; i < 200; i++) {
          const part = i % 7 === 0 ? SMALL : randomBytes(50 + (i % 13));
          bytes.push(part);
          parts.push({ digest: await bench.put(part, 'upload'), sizeBytes: part.length });
        }
        const whole = Buffer.concat(bytes);
        const digest = await bench.own(bench.store.compose(digestOf(whole), parts));
        expect(await bench.store.stat(digest)).toMatchObject({ sizeBytes: whole.length });
        expect(await bench.read(digest)).toEqual(whole);
        expect(await bench.store.readWhole(digest, whole.length)).toEqual(whole);
        for (let start = 0; start < whole.length; start += 631) {
          const end = Math.min(start + 977, whole.length - 1);
          expect(await bench.read(digest, { start, end })).toEqual(whole.subarray(start, end + 1));
        }
        expect(await bench.objects()).toBe(0);
      });

      it('hold their parts, and need them when they are committed', async () => {
        const part = await bench.put(LARGE);
        const parts = [{ digest: part, sizeBytes: LARGE.length }];
        const digest = await bench.own(bench.store.compose(digestOf(LARGE, 'sha512'), parts));
        expect(await bench.store.isOwned(part, ['composite', { digest }])).toBe(true);
        const lost = { digest: digestOf(Buffer.from('lost')), sizeBytes: 4 };
        const impossible = bench.store.compose(digestOf(Buffer.from('y')), [lost]);
        expect(await kindOf(bench.own(impossible))).toBe('blob-unknown');
        expect(await kindOf((async () => bench.store.compose(part, parts))())).toBe('internal');
      });

      it('may be empty', async () => {
        const digest = await bench.own(bench.store.compose(digestOf(Buffer.alloc(0)), []));
        expect(await bench.read(digest)).toEqual(Buffer.alloc(0));
      });
    });

    describe('transact', () => {
      it('shows the blob and the records of the attempt together, or neither', async () => {
        const prepared = await bench.store.ingest(LARGE);
        const key = contentKeys.scrubCursor('/other');
        await bench.store.transact([prepared], async (transaction) => {
          bench.store.addEdge(transaction, prepared.digest, ['test', 'a']);
          transaction.put(key, Buffer.from('mine'));
          expect(await bench.store.stat(prepared.digest)).toBeUndefined();
        });
        expect(await bench.metadata.get(key)).toEqual(Buffer.from('mine'));
        expect(await bench.read(prepared.digest)).toEqual(LARGE);
      });

      it('removes everything when the attempt throws, first or later', async () => {
        for (const failAt of [1, 2]) {
          const prepared = await bench.store.ingest(LARGE);
          const key = contentKeys.scrubCursor('/other');
          let tries = 0;
          const failing = bench.store.transact([prepared], async (transaction) => {
            if (++tries === failAt) throw new Error('refused');
            transaction.expectPresent(key);
            bench.store.addEdge(transaction, prepared.digest, ['test', 'a']);
          });
          await expect(failing).rejects.toThrow('refused');
          expect([await bench.objects(), await bench.staged()]).toEqual([0, 0]);
        }
      });

      it('removes everything when it loses for ever', async () => {
        const prepared = await bench.store.ingest(LARGE);
        const losing = bench.store.transact([prepared], (transaction) => {
          transaction.expectPresent(contentKeys.scrubCursor('/other'));
        });
        expect(await kindOf(losing)).toBe('conflict');
        expect([await bench.objects(), await bench.staged()]).toEqual([0, 0]);
      });

      it('keeps one copy of a blob that many upload at once', async () => {
        const owners = Array.from({ length: 12 }, (_, i) => `owner ${i}`);
        await Promise.all(owners.map((owner) => bench.put(LARGE, owner)));
        expect([await bench.objects(), await bench.staged()]).toEqual([1, 0]);
        for (const owner of owners)
          expect(await bench.store.isOwned(digestOf(LARGE), ['test', owner])).toBe(true);
      });

      it('takes the same blob twice in one transaction', async () => {
        const prepared = [await bench.store.ingest(LARGE), await bench.store.ingest(LARGE)];
        await bench.store.transact(prepared, (transaction) => {
          bench.store.addEdge(transaction, digestOf(LARGE), ['test', 'a']);
        });
        expect([await bench.objects(), await bench.staged()]).toEqual([1, 0]);
      });
    });

    describe('edges', () => {
      it('are found by the beginning of their owner', async () => {
        const digest = await bench.put(SMALL, 'repo');
        expect(await bench.store.isOwned(digest, ['test'])).toBe(true);
        expect(await bench.store.isOwned(digest, ['test', 'repo'])).toBe(true);
        expect(await bench.store.isOwned(digest, ['test', 'rep'])).toBe(false);
        expect(await bench.store.isOwned(digest, ['manifest'])).toBe(false);
        const checks = [{ prefix: bench.store.edgePrefix(digest, ['test']), is: 'empty' }] as const;
        expect(await bench.metadata.commit({ checks })).toMatchObject({ ok: false });
        await bench.disown(digest, 'repo');
        expect(await bench.metadata.commit({ checks })).toEqual({ ok: true });
      });

      it('need a blob', async () => {
        const adding = bench.store.transact([], (transaction) => {
          bench.store.addEdge(transaction, digestOf(Buffer.from('nothing')), ['test', 'a']);
        });
        expect(await kindOf(adding)).toBe('conflict');
      });
    });
  });
}
