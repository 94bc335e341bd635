import { createHash, randomBytes } from 'node:crypto';
import { makeDigest, StoreError } from '@zot-artifact-store/spec';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { BlobDriver, ObjectName, StagedId } from '../../server/src/content/blob-driver.ts';
import { newStagedId, objectName } from '../../server/src/content/object-name.ts';
import { gather } from './gather.ts';

export interface OpenedBlobDriver {
  readonly driver: BlobDriver;
  /** Closes the driver and opens what it wrote again; absent when nothing outlives it. */
  reopen?(): Promise<BlobDriver>;
  cleanup(): Promise<void>;
}

export interface BlobDriverContractOptions {
  /** An empty, opened driver; with `capacityBytes` one that is full after about so many bytes. */
  open(options?: { readonly capacityBytes?: number }): Promise<OpenedBlobDriver>;
}

const MIB = 1024 * 1024;

/** What every blob driver must keep (content/blob-driver.ts). */
export function blobDriverContract(name: string, { open }: BlobDriverContractOptions): void {
  describe(`blob driver contract: ${name}`, () => {
    let opened: OpenedBlobDriver;
    let driver: BlobDriver;

    beforeEach(async () => {
      opened = await open();
      driver = opened.driver;
    });
    afterEach(() => opened.cleanup());

    async function stored(bytes: Uint8Array): Promise<ObjectName> {
      const id = newStagedId();
      const name = nameFor(bytes);
      await driver.stage(id, chunked(bytes));
      await driver.publish(id, name);
      return name;
    }

    async function expectNothingStaged(of: BlobDriver = driver): Promise<void> {
      expect(await gather(of.listStaged())).toEqual([]);
    }

    describe('stage', () => {
      it.each([0, 1, 65_536, 5 * MIB + 1])('keeps %d bytes under the staged id', async (sizeBytes) => {
        const bytes = randomBytes(sizeBytes);
        const id = newStagedId();
        expect(await driver.stage(id, chunked(bytes, 100_000))).toBe(sizeBytes);
        expect((await collect(driver.readStaged(id))).equals(bytes)).toBe(true);
        expect(await gather(driver.listStaged())).toEqual([
          { id, sizeBytes, modifiedAtMs: expect.any(Number) },
        ]);
        expect(await gather(driver.list())).toEqual([]);
      });

      it('copies what it needs before it pulls again, because sources reuse their buffers', async () => {
        const buffer = Buffer.alloc(3);
        async function* reusing(): AsyncGenerator<Uint8Array> {
          for (const word of ['one', 'two', 'six']) {
            buffer.write(word);
            yield buffer;
          }
        }
        const id = newStagedId();
        await driver.stage(id, reusing());
        expect((await collect(driver.readStaged(id))).toString()).toBe('onetwosix');
      });

      it('takes bytes on shared memory', async () => {
        const shared = Buffer.from(new SharedArrayBuffer(1000)).fill('s');
        const id = newStagedId();
        await driver.stage(id, chunked(shared, 300));
        expect((await collect(driver.readStaged(id))).equals(shared)).toBe(true);
      });

      it('pulls no further than it writes', async () => {
        let pulled = 0;
        let running = 0;
        let most = 0;
        const source: AsyncIterable<Uint8Array> = {
          [Symbol.asyncIterator]: () => ({
            async next() {
              most = Math.max(most, ++running);
              await new Promise(setImmediate);
              running--;
              pulled++;
              return pulled > 20 ? { done: true, value: undefined } : { done: false, value: randomBytes(10) };
            },
          }),
        };
        await driver.stage(newStagedId(), source);
        expect({ pulled, most }).toEqual({ pulled: 21, most: 1 });
      });

      it('refuses an id that is staged already, and keeps what it holds', async () => {
        const id = newStagedId();
        await driver.stage(id, chunked(Buffer.from('first')));
        await expect(driver.stage(id, chunked(Buffer.from('second')))).rejects.toMatchObject({
          kind: 'conflict',
        });
        expect((await collect(driver.readStaged(id))).toString()).toBe('first');
      });

      it('rejects with the error of the source and leaves nothing', async () => {
        const reason = new StoreError('request-incomplete', 'the connection broke');
        async function* broken(): AsyncGenerator<Uint8Array> {
          yield randomBytes(100_000);
          throw reason;
        }
        await expect(driver.stage(newStagedId(), broken())).rejects.toBe(reason);
        await expectNothingStaged();
      });

      it('rejects with the reason of an abort in the middle, though the source hangs, and leaves nothing', async () => {
        const abort = new AbortController();
        const reason = new Error('the client went away');
        async function* hanging(): AsyncGenerator<Uint8Array> {
          yield randomBytes(100_000);
          setImmediate(() => abort.abort(reason));
          await new Promise(() => undefined);
        }
        const staging = driver.stage(newStagedId(), hanging(), { signal: abort.signal });
        await expect(staging).rejects.toBe(reason);
        await expectNothingStaged();
      });

      it('writes nothing when it is aborted before it begins', async () => {
        const reason = new Error('too late');
        const staging = driver.stage(newStagedId(), chunked(randomBytes(10)), {
          signal: AbortSignal.abort(reason),
        });
        await expect(staging).rejects.toBe(reason);
        await expectNothingStaged();
      });

      it('tells the source to finish when it gives up', async () => {
        const full = await open({ capacityBytes: MIB });
        let isClosed = false;
        async function* endless(): AsyncGenerator<Uint8Array> {
          try {
            for (;;) yield randomBytes(MIB / 4);
          } finally {
            isClosed = true;
          }
        }
        await expect(full.driver.stage(newStagedId(), endless())).rejects.toMatchObject({
          kind: 'storage-full',
        });
        expect(isClosed).toBe(true);
        await full.cleanup();
      });

      it('answers storage-full on a full disk, leaves nothing, and works again', async () => {
        const full = await open({ capacityBytes: MIB });
        const tooMuch = full.driver.stage(newStagedId(), chunked(randomBytes(2 * MIB)));
        await expect(tooMuch).rejects.toMatchObject({ kind: 'storage-full' });
        await expectNothingStaged(full.driver);
        const id = newStagedId();
        await full.driver.stage(id, chunked(Buffer.from('fits')));
        await full.driver.publish(id, nameFor(Buffer.from('fits')));
        await full.cleanup();
      });
    });

    describe('publish', () => {
      it('moves the bytes to the final name', async () => {
        const bytes = randomBytes(200_000);
        const id = newStagedId();
        await driver.stage(id, chunked(bytes));
        const name = nameFor(bytes);
        expect(await driver.stat(name)).toBeUndefined();
        await driver.publish(id, name);
        expect((await collect(driver.read(name))).equals(bytes)).toBe(true);
        expect(await driver.stat(name)).toEqual({
          sizeBytes: bytes.length,
          modifiedAtMs: expect.any(Number),
        });
        await expectNothingStaged();
      });

      it('keeps what is staged when it is asked to, and removing one leaves the other', async () => {
        const bytes = randomBytes(200_000);
        const id = newStagedId();
        await driver.stage(id, chunked(bytes));
        const names = [nameFor(bytes), nameFor(bytes)];
        for (const name of names) await driver.publish(id, name, { keepStaged: true });
        expect((await collect(driver.readStaged(id))).equals(bytes)).toBe(true);
        const [first, second] = names;
        if (first === undefined || second === undefined) throw new Error('two names');
        await driver.remove(first);
        await driver.removeStaged(id);
        expect((await collect(driver.read(second))).equals(bytes)).toBe(true);
        expect((await gather(driver.list())).map((listed) => listed.name)).toEqual([second]);
        await expectNothingStaged();
      });

      it.each([false, true])(
        'refuses a name that is taken or an id that is not there, keeping %s',
        async (keepStaged) => {
          const name = await stored(Buffer.from('first'));
          const id = newStagedId();
          const missing = driver.publish(id, nameFor(Buffer.from('x')), { keepStaged });
          await expect(missing).rejects.toMatchObject({ kind: 'blob-unknown' });
          await driver.stage(id, chunked(Buffer.from('second')));
          const taken = driver.publish(id, name, { keepStaged });
          await expect(taken).rejects.toMatchObject({ kind: 'conflict' });
          expect((await collect(driver.read(name))).toString()).toBe('first');
          expect((await collect(driver.readStaged(id))).toString()).toBe('second');
        },
      );

      it('keeps sha512 names apart from sha256 names', async () => {
        const bytes = Buffer.from('long');
        const hex = createHash('sha512').update(bytes).digest('hex');
        const id = newStagedId();
        await driver.stage(id, chunked(bytes));
        const name = objectName(makeDigest('sha512', hex));
        await driver.publish(id, name);
        expect((await collect(driver.read(name))).toString()).toBe('long');
        expect((await gather(driver.list())).map((listed) => listed.name)).toEqual([name]);
      });

      it('lets one of two win who publish to one name at the same time', async () => {
        const name = nameFor(Buffer.from('x'));
        const ids = [newStagedId(), newStagedId()];
        for (const id of ids) await driver.stage(id, chunked(Buffer.from('x')));
        const results = await Promise.allSettled(ids.map((id) => driver.publish(id, name)));
        expect(results.map((result) => result.status).sort()).toEqual(['fulfilled', 'rejected']);
      });

      it('keeps two generations of one digest apart', async () => {
        const bytes = Buffer.from('same');
        const [older, newer] = [await stored(bytes), await stored(bytes)];
        expect(older).not.toBe(newer);
        await driver.remove(older);
        expect(await driver.stat(older)).toBeUndefined();
        expect((await collect(driver.read(newer))).toString()).toBe('same');
      });

      it('stages and publishes a hundred objects at once', async () => {
        const bodies = Array.from({ length: 100 }, (_, i) => randomBytes(1000 * (i % 7) + i));
        const names = await Promise.all(bodies.map((bytes) => stored(bytes)));
        const read = await Promise.all(names.map((stored) => collect(driver.read(stored))));
        expect(read.every((bytes, i) => bytes.equals(bodies[i] ?? Buffer.alloc(0)))).toBe(true);
        const listed = await gather(driver.list());
        expect(new Set(listed.map((entry) => entry.name))).toEqual(new Set(names));
        await expectNothingStaged();
      });
    });

    describe('read', () => {
      it('streams an empty object as nothing', async () => {
        const name = await stored(Buffer.alloc(0));
        expect(await collect(driver.read(name))).toEqual(Buffer.alloc(0));
        expect(await driver.stat(name)).toMatchObject({ sizeBytes: 0 });
      });

      it.each([
        [0, 0],
        [0, 2_999_999],
        [65_535, 65_536],
        [1_000_000, 2_500_000],
        [2_999_999, 2_999_999],
      ])('streams the range %d to %d', async (start, end) => {
        const bytes = randomBytes(3_000_000);
        const name = await stored(bytes);
        const part = await collect(driver.read(name, { range: { start, end } }));
        expect(part.equals(bytes.subarray(start, end + 1))).toBe(true);
      });

      it.each([
        [0, 10],
        [10, 10],
        [5, 4],
        [-1, 3],
        [0.5, 3],
      ])('refuses the range %d to %d of ten bytes', async (start, end) => {
        const name = await stored(randomBytes(10));
        const reading = collect(driver.read(name, { range: { start, end } }));
        await expect(reading).rejects.toMatchObject({ kind: 'range-unsatisfiable' });
      });

      it('reads ranges of staged bytes', async () => {
        const id = newStagedId();
        await driver.stage(id, chunked(Buffer.from('0123456789')));
        const part = await collect(driver.readStaged(id, { range: { start: 3, end: 5 } }));
        expect(part.toString()).toBe('345');
      });

      it('rejects with blob-unknown on the first pull when there is nothing', async () => {
        const missing = driver.read(nameFor(Buffer.from('missing')));
        await expect(collect(missing)).rejects.toMatchObject({ kind: 'blob-unknown' });
        await expect(collect(driver.readStaged(newStagedId()))).rejects.toMatchObject({
          kind: 'blob-unknown',
        });
      });

      it('gives chunks that stay as they are when the reader pulls the next', async () => {
        const bytes = randomBytes(3_000_000);
        const chunks = await gather(driver.read(await stored(bytes)));
        expect(Buffer.concat(chunks).equals(bytes)).toBe(true);
      });

      it('finishes a read whose object is removed meanwhile, or rejects it with blob-unknown', async () => {
        const bytes = randomBytes(3_000_000);
        const name = await stored(bytes);
        const chunks: Uint8Array[] = [];
        try {
          for await (const chunk of driver.read(name)) {
            chunks.push(chunk);
            await driver.remove(name);
          }
          expect(Buffer.concat(chunks).equals(bytes)).toBe(true);
        } catch (error) {
          expect(error).toMatchObject({ kind: 'blob-unknown' });
        }
        expect(await driver.stat(name)).toBeUndefined();
      });

      it('stops with the reason of an abort', async () => {
        const name = await stored(randomBytes(3_000_000));
        const abort = new AbortController();
        const reason = new Error('the client went away');
        const reading = (async () => {
          for await (const _ of driver.read(name, { signal: abort.signal })) abort.abort(reason);
        })();
        await expect(reading).rejects.toBe(reason);
        const late = collect(driver.read(name, { signal: AbortSignal.abort(reason) }));
        await expect(late).rejects.toBe(reason);
      });

      it('serves fifty readers of one object at once, some of whom leave early', async () => {
        const bytes = randomBytes(2_000_000);
        const name = await stored(bytes);
        const reads = Array.from({ length: 50 }, async (_, i) => {
          if (i % 2 === 0) return (await collect(driver.read(name))).equals(bytes);
          for await (const chunk of driver.read(name)) return chunk.length > 0;
          return false;
        });
        expect(await Promise.all(reads)).not.toContain(false);
      });
    });

    describe('remove', () => {
      it('succeeds on what is not there', async () => {
        await driver.remove(nameFor(Buffer.from('x')));
        await driver.removeStaged(newStagedId());
      });

      it('forgets staged bytes, whose id can then not be published', async () => {
        const id = newStagedId();
        await driver.stage(id, chunked(Buffer.from('x')));
        await driver.removeStaged(id);
        await expectNothingStaged();
        await expect(driver.publish(id, nameFor(Buffer.from('x')))).rejects.toMatchObject({
          kind: 'blob-unknown',
        });
      });
    });

    describe('quarantine', () => {
      it('takes an object out of reach, so that a newer generation can take its place', async () => {
        const bytes = Buffer.from('rotten');
        const name = await stored(bytes);
        await driver.quarantine(name);
        await expect(collect(driver.read(name))).rejects.toMatchObject({ kind: 'blob-unknown' });
        expect(await driver.stat(name)).toBeUndefined();
        expect(await gather(driver.list())).toEqual([]);
        const newer = await stored(bytes);
        expect((await collect(driver.read(newer))).equals(bytes)).toBe(true);
      });

      it('succeeds on what is not there', async () => {
        await driver.quarantine(nameFor(Buffer.from('x')));
      });
    });

    it('refuses names that no parser made, whatever the call', async () => {
      const hex = 'a'.repeat(64);
      const names = ['', '..', '../../etc/passwd', `sha256/bb/${hex}.0123456789abcdef`, `md5/aa/${hex}.0`];
      const ids = ['', '.', '..', '../x', 'a/b', 'a\0b', 'x'.repeat(65), 'ä'];
      const refused = { kind: 'argument-invalid' };
      const good = newStagedId();
      await driver.stage(good, chunked(Buffer.from('x')));
      for (const text of names) {
        const name = text as ObjectName;
        await expect(driver.publish(good, name)).rejects.toMatchObject(refused);
        await expect(collect(driver.read(name))).rejects.toMatchObject(refused);
        await expect(driver.stat(name)).rejects.toMatchObject(refused);
        await expect(driver.remove(name)).rejects.toMatchObject(refused);
        await expect(driver.quarantine(name)).rejects.toMatchObject(refused);
      }
      for (const text of ids) {
        const id = text as StagedId;
        await expect(driver.stage(id, chunked(Buffer.from('x')))).rejects.toMatchObject(refused);
        await expect(driver.publish(id, nameFor(Buffer.from('x')))).rejects.toMatchObject(refused);
        await expect(collect(driver.readStaged(id))).rejects.toMatchObject(refused);
        await expect(driver.removeStaged(id)).rejects.toMatchObject(refused);
      }
    });

    it('reports its space, or that it does not know', async () => {
      const space = await driver.space();
      expect(space === undefined || space.availableBytes <= space.totalBytes).toBe(true);
    });

    it('finds staged and published bytes again after it was closed and opened', async () => {
      if (opened.reopen === undefined) return;
      const name = await stored(Buffer.from('published'));
      const id = newStagedId();
      await driver.stage(id, chunked(Buffer.from('staged')));
      const again = await opened.reopen();
      expect((await collect(again.read(name))).toString()).toBe('published');
      expect((await collect(again.readStaged(id))).toString()).toBe('staged');
    });
  });
}

async function* chunked(bytes: Uint8Array, chunkBytes = 65_536): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += chunkBytes) yield bytes.subarray(at, at + chunkBytes);
}

async function collect(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  return Buffer.concat(await gather(source));
}

function nameFor(bytes: Uint8Array): ObjectName {
  return objectName(makeDigest('sha256', createHash('sha256').update(bytes).digest('hex')));
}
