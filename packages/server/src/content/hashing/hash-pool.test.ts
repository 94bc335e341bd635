import { randomBytes } from 'node:crypto';
import type { Worker } from 'node:worker_threads';
import { afterEach, describe, expect, it } from 'vitest';
import { checksumOf } from './checksum-of.ts';
import type { HashAlgorithm } from './hash-algorithm.ts';
import { HashPool, type HashPoolOptions } from './hash-pool.ts';
import type { Hasher } from './hasher.ts';

const KIB = 1024;
const pools: HashPool[] = [];

function newPool(options: HashPoolOptions = {}): HashPool {
  const pool = new HashPool(options);
  pools.push(pool);
  return pool;
}

afterEach(async () => {
  await Promise.all(pools.splice(0).map((pool) => pool.close()));
});

function reference(algorithm: HashAlgorithm, bytes: Uint8Array): string {
  return checksumOf(algorithm, bytes);
}

async function feed(hasher: Hasher, bytes: Uint8Array, chunkBytes: number): Promise<string> {
  for (let at = 0; at < bytes.length; at += chunkBytes) {
    await hasher.update(bytes.subarray(at, at + chunkBytes));
  }
  return hasher.digest();
}

function shared(bytes: Uint8Array): Buffer {
  const copy = Buffer.from(new SharedArrayBuffer(bytes.length));
  copy.set(bytes);
  return copy;
}

describe('HashPool', () => {
  it.each(['sha256', 'sha512', 'sha1', 'md5', 'crc32', 'crc32c', 'crc64nvme'] as const)(
    'computes %s of short and long streams',
    async (algorithm) => {
      const pool = newPool();
      for (const sizeBytes of [0, 1, 256 * KIB, 256 * KIB + 1, 3_000_001]) {
        const bytes = randomBytes(sizeBytes);
        const expected = reference(algorithm, bytes);
        expect(await feed(pool.hasher(algorithm), bytes, 70_001)).toBe(expected);
        const known = pool.hasher(algorithm, { expectedBytes: sizeBytes });
        expect(await feed(known, shared(bytes), 70_001)).toBe(expected);
      }
    },
  );

  it('hashes 256 KiB of a body, or 1 MiB of one of known size, without starting a thread', async () => {
    const pool = newPool();
    const bytes = randomBytes(1024 * KIB);
    await feed(pool.hasher('sha256'), bytes.subarray(0, 256 * KIB), 64 * KIB);
    await feed(pool.hasher('sha256', { expectedBytes: bytes.length }), bytes, 64 * KIB);
    expect(pool.startedThreads).toBe(0);
    await feed(pool.hasher('sha256'), bytes.subarray(0, 256 * KIB + 1), 64 * KIB);
    expect(pool.startedThreads).toBe(1);
  });

  it('takes a digest while updates are still open', async () => {
    const bytes = randomBytes(2 * KIB * KIB);
    const hasher = newPool().hasher('sha256', { expectedBytes: bytes.length });
    const update = hasher.update(shared(bytes));
    const digest = hasher.digest();
    await update;
    expect(await digest).toBe(reference('sha256', bytes));
  });

  it('hashes one stream with two algorithms in two threads', async () => {
    const pool = newPool();
    const bytes = randomBytes(1500 * KIB);
    const hashers = pool.hashers(['md5', 'sha256'], { expectedBytes: bytes.length });
    expect(pool.startedThreads).toBe(2);
    const [md5, sha256] = await Promise.all(hashers.map((hasher) => feed(hasher, bytes, 100 * KIB)));
    expect([md5, sha256]).toEqual([reference('md5', bytes), reference('sha256', bytes)]);
  });

  it('gives the hashes of one stream in the order they were asked for, wherever they are computed', async () => {
    const pool = newPool();
    const bytes = randomBytes(700 * KIB);
    const algorithms = ['crc32', 'sha256', 'md5', 'crc64nvme', 'sha512', 'crc32c', 'sha1'] as const;
    for (const options of [{ expectedBytes: bytes.length }, {}]) {
      const hashers = pool.hashers(algorithms, options);
      expect(await Promise.all(hashers.map((hasher) => feed(hasher, bytes, 64 * KIB)))).toEqual(
        algorithms.map((algorithm) => reference(algorithm, bytes)),
      );
    }
    expect(pool.startedThreads).toBe(2);
  });

  it('keeps fifty streams apart that share two threads', async () => {
    const pool = newPool();
    const bodies = Array.from({ length: 50 }, (_, i) => randomBytes(300 * KIB + i));
    const hexes = await Promise.all(bodies.map((bytes) => feed(pool.hasher('sha256'), bytes, 10_007)));
    expect(hexes).toEqual(bodies.map((bytes) => reference('sha256', bytes)));
    expect(pool.startedThreads).toBe(2);
  });

  it('rejects the streams of a thread that died with internal, and starts another for later ones', async () => {
    const pool = newPool({ threads: 1 });
    const started = Promise.withResolvers<Worker>();
    process.once('worker', started.resolve);
    const bytes = randomBytes(4 * KIB * KIB);
    const hasher = pool.hasher('sha256', { expectedBytes: bytes.length });
    const open = hasher.update(shared(bytes));
    const failed = expect(open).rejects.toMatchObject({ kind: 'internal' });
    await (await started.promise).terminate();
    await failed;
    await expect(hasher.digest()).rejects.toMatchObject({ kind: 'internal' });
    expect(() => hasher.dispose()).not.toThrow();
    const later = pool.hasher('sha256', { expectedBytes: bytes.length });
    expect(await feed(later, bytes, 1_000_000)).toBe(reference('sha256', bytes));
  });

  it('resolves open updates of a stream that was disposed, so that their buffers come back', async () => {
    const hasher = newPool().hasher('sha256', { expectedBytes: 1e9 });
    const open = hasher.update(shared(randomBytes(1_000_000)));
    hasher.dispose();
    hasher.dispose();
    await open;
    await expect(hasher.digest()).rejects.toMatchObject({ kind: 'internal' });
  });

  it('refuses threads and rejects open streams with unavailable after close', async () => {
    const pool = newPool();
    const hasher = pool.hasher('sha256', { expectedBytes: 1e9 });
    const failed = expect(hasher.update(shared(randomBytes(4_000_000)))).rejects.toMatchObject({
      kind: 'unavailable',
    });
    await pool.close();
    await failed;
    expect(() => pool.hasher('sha256', { expectedBytes: 1e9 })).toThrow('stopping');
  });
});
