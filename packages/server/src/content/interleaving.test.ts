import { randomBytes } from 'node:crypto';
import { type Digest, isStoreError } from '@zot-artifact-store/spec';
import { ContentBench, chunks, digestOf, GRACE_MS } from '@zot-artifact-store/testkit/content-contract.ts';
import {
  Interleaver,
  seededRandom,
  steppedDriver,
  steppedMetadata,
} from '@zot-artifact-store/testkit/stepped-store.ts';
import { describe, expect, it } from 'vitest';
import { MemoryBlobDriver } from '../drivers/memory/memory-blob-driver.ts';
import { encodeKey } from '../metadata/keys.ts';
import { MemoryMetadataStore } from '../metadata/memory/memory-metadata-store.ts';
import { fsck } from './fsck.ts';
import { collectGarbage } from './gc.ts';
import { sweepOrphans } from './orphan-sweep.ts';
import { scrub } from './scrub.ts';

/** Few names, so that everybody meets everybody: an inline blob, a file, and a second name of that file. */
const INLINE = Buffer.from('inline');
const FILE = randomBytes(4_000);
const NAMES = [
  { bytes: INLINE, digest: digestOf(INLINE), algorithm: 'sha256' },
  { bytes: FILE, digest: digestOf(FILE), algorithm: 'sha256' },
  { bytes: FILE, digest: digestOf(FILE, 'sha512'), algorithm: 'sha512' },
] as const;
const OPERATIONS = 30;

/** One writer with owners of its own, so that it knows at any time what must be there. */
async function write(
  bench: ContentBench,
  writer: string,
  random: { below(bound: number): number },
): Promise<void> {
  const owned = new Set<Digest>();
  const owner = ['test', writer] as const;
  const { store } = bench;
  for (let i = 0; i < OPERATIONS; i++) {
    const { bytes, digest, algorithm } = NAMES[random.below(NAMES.length)] ?? NAMES[0];
    switch (random.below(8)) {
      case 0:
        await bench.put(bytes, writer, algorithm);
        owned.add(digest);
        break;
      case 1: {
        const segments = [];
        for (const part of random.below(2) === 0 ? [bytes] : [bytes.subarray(0, 3), bytes.subarray(3)]) {
          segments.push(await store.stageSegment(chunks(part)));
        }
        await bench.own(await store.assemble(segments, { algorithm }), writer);
        owned.add(digest);
        break;
      }
      case 2: {
        // Takes a blob that somebody else brought, as a mount does.
        const linked = await store.transact([], async (transaction) => {
          if ((await store.stat(digest)) === undefined) return false;
          store.addEdge(transaction, digest, owner);
          return true;
        });
        if (linked) owned.add(digest);
        break;
      }
      case 3:
        for (const mine of owned) {
          expect(await bench.read(mine)).toEqual(NAMES.find((name) => name.digest === mine)?.bytes);
        }
        break;
      default:
        if (owned.delete(digest)) await bench.disown(digest, writer);
    }
    bench.nowMs += random.below(2 + 2 * bench.graceMs);
  }
  for (const mine of owned) {
    expect(await bench.read(mine)).toEqual(NAMES.find((name) => name.digest === mine)?.bytes);
    await bench.disown(mine, writer);
  }
}

/** Two of them run, as when a lease is lost while its holder still works. */
async function collectWhile(bench: ContentBench, isBusy: () => boolean): Promise<number> {
  let collected = 0;
  while (isBusy())
    collected += (await collectGarbage({ ...bench, now: bench.nowMs, batch: 2 })).collectedBlobs;
  return collected;
}

async function keepWhile(bench: ContentBench, isBusy: () => boolean): Promise<void> {
  for (let i = 0; isBusy(); i++) {
    const now = bench.nowMs;
    if (i % 3 === 0) await sweepOrphans({ ...bench, now, graceMs: 1e9, isStagedClaimed: () => true });
    if (i % 3 === 1) expect((await scrub({ ...bench, bytesPerSecond: 1e12 })).damaged).toEqual([]);
    if (i % 3 === 2) expect((await fsck(bench)).errors).toEqual([]);
  }
}

async function run(seed: number): Promise<number> {
  const random = seededRandom(seed);
  const metadata = new MemoryMetadataStore();
  const driver = new MemoryBlobDriver();
  const interleaver = new Interleaver(random);
  const { step } = interleaver;
  // Without a grace, rows of the same millisecond meet.
  const graceMs = seed % 2 === 0 ? GRACE_MS : 0;
  const bench = new ContentBench({
    graceMs,
    metadata: steppedMetadata(metadata, step),
    driver: steppedDriver(driver, step),
  });
  const writers = ['a', 'b', 'c'].map((name) => write(bench, name, random));
  let isBusy = true;
  const finished = Promise.allSettled(writers).then(() => {
    isBusy = false;
  });
  const keepers = [collectWhile(bench, () => isBusy), collectWhile(bench, () => isBusy)];
  await interleaver.run([...writers, ...keepers, keepWhile(bench, () => isBusy), finished]);

  const plain = new ContentBench({ metadata, driver });
  plain.nowMs = bench.nowMs;
  expect(await fsck(plain)).toMatchObject({ errors: [], notes: [] });
  for (let round = 0; round < 2; round++) {
    plain.nowMs += GRACE_MS;
    await collectGarbage({ ...plain, now: plain.nowMs });
  }
  await sweepOrphans({ ...plain, now: plain.nowMs, isStagedClaimed: () => true });
  expect([await plain.objects(), await plain.staged()]).toEqual([0, 0]);
  expect(await metadata.scan({ from: encodeKey(0) }, { limit: 10 })).toEqual([]);
  return (await Promise.all(keepers)).reduce((sum, count) => sum + count, 0);
}

describe('concurrent uploads, mounts, deletes and keepers', () => {
  it('lose no owned blob, dangle nothing and leak nothing in any interleaving', async () => {
    let collected = 0;
    for (let seed = 1; seed <= 300; seed++) {
      try {
        collected += await run(seed);
      } catch (cause) {
        throw new Error(`seed ${seed}${isStoreError(cause) ? `: ${cause.kind}` : ''}`, { cause });
      }
    }
    // Otherwise the collector never met a writer.
    expect(collected).toBeGreaterThan(500);
  }, 60_000);
});
