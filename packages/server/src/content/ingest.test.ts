import { createHash, randomBytes } from 'node:crypto';
import { isStoreError, StoreError } from '@zot-artifact-store/spec';
import { gather } from '@zot-artifact-store/testkit/gather.ts';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MemoryBlobDriver } from '../drivers/memory/memory-blob-driver.ts';
import { ByteBudget } from '../work/byte-budget.ts';
import type { BlobDriver, StagedId } from './blob-driver.ts';
import { HashPool } from './hashing/hash-pool.ts';
import { collectSmall, keepPartial, stageHashed } from './ingest.ts';
import { newStagedId } from './object-name.ts';

const KIB = 1024;

async function* chunked(bytes: Uint8Array, chunkBytes = 64 * KIB): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += chunkBytes) yield bytes.subarray(at, at + chunkBytes);
}

/** Like a socket: each chunk comes in a later turn of the event loop. */
async function* trickling(bytes: Uint8Array, chunkBytes: number): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunked(bytes, chunkBytes)) {
    for (let turn = 0; turn < 4; turn++) await new Promise(setImmediate);
    yield chunk;
  }
}

async function collect(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  return Buffer.concat((await gather(source)).map((chunk) => Buffer.from(chunk)));
}

async function settledTurns(): Promise<void> {
  for (let turn = 0; turn < 50; turn++) await new Promise(setImmediate);
}

describe('stageHashed', () => {
  let driver: MemoryBlobDriver;
  let budget: ByteBudget;
  let hashing: HashPool;
  let id: StagedId;

  beforeEach(() => {
    driver = new MemoryBlobDriver();
    budget = new ByteBudget(48 * KIB * KIB);
    hashing = new HashPool({ budget });
    id = newStagedId();
  });
  afterEach(() => hashing.close());

  async function expectNothingLeft(of: BlobDriver = driver): Promise<void> {
    expect(await gather(of.listStaged())).toEqual([]);
    while (budget.usedBytes > 0) await new Promise(setImmediate);
  }

  it.each([0, 1, 65_536, 300_000, 5_000_001])('stages and hashes %d bytes', async (sizeBytes) => {
    const bytes = randomBytes(sizeBytes);
    const staged = await stageHashed(driver, chunked(bytes), { id, algorithms: ['sha256', 'md5'], hashing });
    expect(staged).toEqual({
      sizeBytes,
      hashes: new Map([
        ['sha256', createHash('sha256').update(bytes).digest('hex')],
        ['md5', createHash('md5').update(bytes).digest('hex')],
      ]),
    });
    expect((await collect(driver.readStaged(id))).equals(bytes)).toBe(true);
    while (budget.usedBytes > 0) await new Promise(setImmediate);
  });

  it('takes a source that yields one huge chunk, and empty ones', async () => {
    const bytes = randomBytes(3_500_000);
    async function* odd(): AsyncGenerator<Uint8Array> {
      yield new Uint8Array();
      yield bytes;
      yield new Uint8Array();
    }
    const { sizeBytes } = await stageHashed(driver, odd(), { id, algorithms: ['sha512'], hashing });
    expect(sizeBytes).toBe(bytes.length);
    expect((await collect(driver.readStaged(id))).equals(bytes)).toBe(true);
  });

  it('gives the driver large buffers when data is there, and what came when it trickles', async () => {
    const sizes: number[] = [];
    const watching = Object.assign(Object.create(driver) as BlobDriver, {
      stage: async (_id: StagedId, source: AsyncIterable<Uint8Array>) => {
        let sum = 0;
        for await (const chunk of source) {
          sizes.push(chunk.length);
          sum += chunk.length;
        }
        return sum;
      },
    });
    await stageHashed(watching, chunked(randomBytes(4 * KIB * KIB)), { id, algorithms: ['sha256'], hashing });
    expect(Math.max(...sizes)).toBe(KIB * KIB);
    sizes.length = 0;
    await stageHashed(watching, trickling(randomBytes(40 * KIB), 10 * KIB), {
      id,
      algorithms: ['sha256'],
      hashing,
    });
    expect(Math.max(...sizes)).toBeLessThan(KIB * KIB);
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(40 * KIB);
  });

  it('holds no buffer while a source is silent', async () => {
    const stop = new AbortController();
    const silent = async function* (): AsyncGenerator<Uint8Array> {
      yield randomBytes(1000);
      await new Promise(() => undefined);
    };
    const staging = Array.from({ length: 100 }, () =>
      stageHashed(driver, silent(), {
        id: newStagedId(),
        algorithms: ['sha256'],
        hashing,
        signal: stop.signal,
      }),
    );
    const failed = expect(Promise.all(staging)).rejects.toThrow('enough');
    await settledTurns();
    // Each keeps what the driver holds between two pulls, at most one small buffer.
    expect(budget.usedBytes).toBe(0);
    stop.abort(new Error('enough'));
    await failed;
    await Promise.allSettled(staging);
    await expectNothingLeft();
  });

  it('finishes forty streams at once within a budget of four small buffers', async () => {
    budget = new ByteBudget(256 * KIB);
    const narrow = new HashPool({ budget });
    const bodies = Array.from({ length: 40 }, () => randomBytes(700_000));
    const staged = await Promise.all(
      bodies.map((bytes) =>
        stageHashed(driver, chunked(bytes), { id: newStagedId(), algorithms: ['sha256'], hashing: narrow }),
      ),
    );
    expect(staged.map(({ hashes }) => hashes.get('sha256'))).toEqual(
      bodies.map((bytes) => createHash('sha256').update(bytes).digest('hex')),
    );
    await narrow.close();
  });

  it('refuses a body above the limit and leaves nothing', async () => {
    const staging = stageHashed(driver, chunked(randomBytes(300_001)), {
      id,
      algorithms: ['sha256'],
      hashing,
      maxBytes: 300_000,
    });
    await expect(staging).rejects.toMatchObject({ kind: 'body-too-large' });
    await expectNothingLeft();
    const exact = await stageHashed(driver, chunked(randomBytes(300_000)), {
      id,
      algorithms: ['sha256'],
      hashing,
      maxBytes: 300_000,
    });
    expect(exact.sizeBytes).toBe(300_000);
  });

  it('rejects with the error of the source and leaves nothing', async () => {
    async function* broken(): AsyncGenerator<Uint8Array> {
      yield* chunked(randomBytes(3_000_000));
      throw new StoreError('request-incomplete', 'the connection broke');
    }
    const staging = stageHashed(driver, broken(), { id, algorithms: ['sha256'], hashing });
    await expect(staging).rejects.toMatchObject({ kind: 'request-incomplete' });
    await expectNothingLeft();
  });

  it('rejects at once when the driver fails while the source hangs, and tells the source to finish', async () => {
    const full = new MemoryBlobDriver({ capacityBytes: 1000 });
    async function* hanging(): AsyncGenerator<Uint8Array> {
      yield randomBytes(2000);
      await new Promise(() => undefined);
    }
    const staging = stageHashed(full, hanging(), { id, algorithms: ['sha256'], hashing });
    await expect(staging).rejects.toMatchObject({ kind: 'storage-full' });
    await expectNothingLeft(full);
  });

  it('closes the source when the driver fails', async () => {
    let isClosed = false;
    async function* endless(): AsyncGenerator<Uint8Array> {
      try {
        for (;;) yield randomBytes(64 * KIB);
      } finally {
        isClosed = true;
      }
    }
    const full = new MemoryBlobDriver({ capacityBytes: 5_000_000 });
    const staging = stageHashed(full, endless(), { id, algorithms: ['sha256'], hashing });
    await expect(staging).rejects.toMatchObject({ kind: 'storage-full' });
    await settledTurns();
    expect(isClosed).toBe(true);
    await expectNothingLeft(full);
  });

  it('rejects with internal when a hash thread dies, and leaves nothing', async () => {
    process.once('worker', (worker) => worker.once('online', () => void worker.terminate()));
    async function* endless(): AsyncGenerator<Uint8Array> {
      const chunk = randomBytes(64 * KIB);
      for (;;) {
        await new Promise(setImmediate);
        yield chunk;
      }
    }
    const staging = stageHashed(driver, endless(), { id, algorithms: ['sha256'], hashing });
    const error = await staging.catch((caught: unknown) => caught);
    expect(isStoreError(error, 'internal')).toBe(true);
    await expectNothingLeft();
  });
});

describe('collectSmall', () => {
  it('returns a body up to the limit whole', async () => {
    const bytes = randomBytes(2000);
    expect(await collectSmall(chunked(bytes, 300), 2000)).toEqual({ whole: bytes });
    expect(await collectSmall(chunked(Buffer.alloc(0)), 0)).toEqual({ whole: Buffer.alloc(0) });
  });

  it('replays a longer body from its beginning', async () => {
    const bytes = randomBytes(2001);
    const collected = await collectSmall(chunked(bytes, 300), 2000);
    if (!('rest' in collected)) throw new Error('the body is above the limit');
    expect((await collect(collected.rest)).equals(bytes)).toBe(true);
  });

  it('keeps the bytes of a source that reuses its buffer', async () => {
    const buffer = Buffer.alloc(1);
    async function* reusing(): AsyncGenerator<Uint8Array> {
      for (const letter of 'abc') {
        buffer.write(letter);
        yield buffer;
      }
    }
    expect(await collectSmall(reusing(), 10)).toEqual({ whole: Buffer.from('abc') });
  });

  it('closes the source when the reader of the rest leaves early', async () => {
    let isClosed = false;
    async function* source(): AsyncGenerator<Uint8Array> {
      try {
        yield* chunked(randomBytes(1000), 10);
      } finally {
        isClosed = true;
      }
    }
    const collected = await collectSmall(source(), 100);
    if (!('rest' in collected)) throw new Error('the body is above the limit');
    for await (const _ of collected.rest) break;
    expect(isClosed).toBe(true);
  });
});

describe('keepPartial', () => {
  it('ends where the source fails and remembers why', async () => {
    const reason = new Error('the connection broke');
    async function* broken(): AsyncGenerator<Uint8Array> {
      yield Buffer.from('ab');
      throw reason;
    }
    const partial = keepPartial(broken());
    expect((await collect(partial.source)).toString()).toBe('ab');
    expect(partial.interrupted()).toBe(reason);
  });

  it('reports nothing when the source ends well', async () => {
    const partial = keepPartial(chunked(Buffer.from('abc'), 1));
    expect((await collect(partial.source)).toString()).toBe('abc');
    expect(partial.interrupted()).toBeUndefined();
  });
});
