import { randomBytes } from 'node:crypto';
import { type Digest, StoreError } from '@zot-artifact-store/spec';
import {
  ContentBench,
  chunks,
  digestOf,
  GRACE_MS,
  kindOf,
} from '@zot-artifact-store/testkit/content-contract.ts';
import { type Stepper, steppedDriver, steppedMetadata } from '@zot-artifact-store/testkit/stepped-store.ts';
import { describe, expect, it } from 'vitest';
import { MemoryBlobDriver } from '../drivers/memory/memory-blob-driver.ts';
import { encodeKey } from '../metadata/keys.ts';
import { MemoryMetadataStore } from '../metadata/memory/memory-metadata-store.ts';
import { decodeEdge } from './edges.ts';
import { fsck } from './fsck.ts';
import { collectGarbage } from './gc.ts';
import { contentKeys } from './keyspace.ts';
import { sweepOrphans } from './orphan-sweep.ts';
import { scrub } from './scrub.ts';

const INLINE = Buffer.from('inline');
const FILE = randomBytes(4_000);
const OTHER = randomBytes(5_000);
const BY_DIGEST = new Map<Digest, Buffer>(
  [INLINE, FILE, OTHER, Buffer.concat([FILE, OTHER])].flatMap((bytes) => [
    [digestOf(bytes), bytes],
    [digestOf(bytes, 'sha512'), bytes],
  ]),
);

/** What the caller was told: each edge is acknowledged, acknowledged as removed, or in flight. */
class Promises {
  readonly kept = new Map<string, Digest>();
  #unsure = new Set<string>();

  async adding(digest: Digest, owner: string, work: () => Promise<unknown>): Promise<void> {
    const edge = `${owner} ${digest}`;
    await work();
    this.kept.set(edge, digest);
  }

  async removing(digest: Digest, owner: string, work: () => Promise<unknown>): Promise<void> {
    const edge = `${owner} ${digest}`;
    this.kept.delete(edge);
    this.#unsure.add(edge);
    await work();
    this.#unsure.delete(edge);
  }
}

/** One of everything. Each step is tried even when an earlier one failed, as clients do. */
async function useStore(bench: ContentBench, promises: Promises, damage: () => Promise<void>): Promise<void> {
  const { store } = bench;
  const collect = () => collectGarbage({ ...bench, now: bench.nowMs });
  const steps: (() => Promise<unknown>)[] = [
    () => promises.adding(digestOf(INLINE), 'a', () => bench.put(INLINE, 'a')),
    () => promises.adding(digestOf(FILE), 'a', () => bench.put(FILE, 'a')),
    () => promises.adding(digestOf(FILE), 'b', () => bench.put(FILE, 'b')),
    () => promises.adding(digestOf(OTHER, 'sha512'), 'a', () => bench.put(OTHER, 'a', 'sha512')),
    async () => {
      const segments = [await store.stageSegment(chunks(FILE)), await store.stageSegment(chunks(OTHER))];
      const whole = digestOf(Buffer.concat([FILE, OTHER]));
      const finish = async () => bench.own(await store.assemble(segments, { expected: whole }), 'upload');
      await promises.adding(whole, 'upload', finish);
    },
    async () => {
      const parts = [FILE, OTHER].map((bytes) => ({ digest: digestOf(bytes), sizeBytes: bytes.length }));
      const whole = digestOf(Buffer.concat([FILE, OTHER]), 'sha512');
      await promises.adding(whole, 'multipart', () => bench.own(store.compose(whole, parts), 'multipart'));
    },
    () => promises.removing(digestOf(FILE), 'b', () => bench.disown(digestOf(FILE), 'b')),
    () => promises.removing(digestOf(INLINE), 'a', () => bench.disown(digestOf(INLINE), 'a')),
    damage,
    () => scrub({ ...bench, bytesPerSecond: 1e12, batch: 2 }),
    () => promises.adding(digestOf(OTHER), 'repair', () => bench.put(OTHER, 'repair')),
    async () => {
      bench.nowMs += GRACE_MS;
      await collect();
    },
    () => sweepOrphans({ ...bench, now: bench.nowMs, isStagedClaimed: () => true }),
    async () => {
      for (const edge of [...promises.kept]) {
        const [owner = ''] = edge[0].split(' ');
        await promises.removing(edge[1], owner, () => bench.disown(edge[1], owner));
      }
      bench.nowMs += GRACE_MS;
      await collect();
    },
    () => promises.adding(digestOf(FILE), 'late', () => bench.put(FILE, 'late')),
    async () => {
      bench.nowMs += GRACE_MS;
      await collect();
    },
  ];
  for (const step of steps) {
    try {
      await step();
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
    }
  }
}

type Failure = 'crash before' | 'crash after' | 'error before' | 'error after';

/** Runs everything with call number `failAt` failing, then starts anew on what is left. Returns the number of calls. */
async function runWithFailure(failure: Failure, failAt: number): Promise<number> {
  const metadata = new MemoryMetadataStore();
  const driver = new MemoryBlobDriver();
  const plain = new ContentBench({ metadata, driver });
  let calls = 0;
  let isDead = false;
  const step: Stepper = async (call, work) => {
    calls += 1;
    const failsNow = calls === failAt;
    if (isDead || (failsNow && failure.endsWith('before'))) {
      isDead ||= failure.startsWith('crash');
      throw new StoreError('unavailable', `${call} failed on purpose`);
    }
    const result = await work();
    if (!failsNow) return result;
    isDead = failure.startsWith('crash');
    throw new StoreError('unavailable', `${call} failed on purpose, after its effect`);
  };
  const bench = new ContentBench({
    metadata: steppedMetadata(metadata, step),
    driver: steppedDriver(driver, step),
  });
  const promises = new Promises();
  const damage = async () => {
    if (!isDead && (await plain.store.stat(digestOf(OTHER))) !== undefined) {
      await plain.damage(digestOf(OTHER), Buffer.alloc(OTHER.length));
    }
  };
  await useStore(bench, promises, damage);

  // A new process. Nothing dangles, and all that was acknowledged is there, or is known to be damaged.
  plain.nowMs = bench.nowMs;
  expect((await fsck(plain)).errors).toEqual([]);
  const { damaged } = await scrub({ ...plain, bytesPerSecond: 1e12, fromStart: true });
  for (const { digest } of damaged) expect(digest).toBe(digestOf(OTHER));
  if ((await kindOf(plain.store.read(digestOf(OTHER)))) === 'blob-corrupt') await plain.put(OTHER, 'healer');
  for (const digest of promises.kept.values())
    expect(await plain.read(digest)).toEqual(BY_DIGEST.get(digest));

  // When all is let go, all is collected: nothing leaked.
  const prefix = contentKeys.edges(plain.volume);
  for (const { key } of await metadata.scan({ prefix }, { limit: 100 })) {
    const { digest, owner } = decodeEdge(key);
    if (owner[0] === 'test') {
      await plain.store.transact([], (transaction) => plain.store.removeEdge(transaction, digest, owner));
    }
  }
  for (let round = 0; round < 4; round++) {
    plain.nowMs += GRACE_MS;
    await sweepOrphans({ ...plain, now: plain.nowMs + 1e12, isStagedClaimed: () => false });
    await collectGarbage({ ...plain, now: plain.nowMs + 2e12 });
    plain.nowMs += 3e12;
  }
  expect([await plain.objects(), await plain.staged()]).toEqual([0, 0]);
  await metadata.commit({ deletes: [contentKeys.scrubCursor(plain.volume)] });
  expect(await metadata.scan({ from: encodeKey(0) }, { limit: 10 })).toEqual([]);
  return calls;
}

describe('a failure at any call to the driver or the metadata store', () => {
  it.each(['crash before', 'crash after', 'error before', 'error after'] as const)(
    'loses nothing acknowledged, dangles nothing and leaks nothing (%s it)',
    async (failure) => {
      const calls = await runWithFailure(failure, 0);
      expect(calls).toBeGreaterThan(100);
      for (let failAt = 1; failAt <= calls; failAt++) {
        try {
          await runWithFailure(failure, failAt);
        } catch (cause) {
          throw new Error(`${failure} call ${failAt} of ${calls}`, { cause });
        }
      }
    },
    60_000,
  );
});
