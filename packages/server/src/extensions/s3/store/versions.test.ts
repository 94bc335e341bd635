import { S3Bench } from '@zot-artifact-store/testkit/s3-bench.ts';
import { Interleaver, seededRandom } from '@zot-artifact-store/testkit/stepped-store.ts';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { S3Deps } from '../deps.ts';
import { S3Error } from '../errors.ts';
import { s3Keys } from './keyspace.ts';
import { objectCodec, type VersioningState, type VersionRecord, versionCodec } from './records.ts';
import { type KeyPlace, type NewVersion, versionIdOf } from './versions.ts';

let bench: S3Bench;
beforeEach(() => {
  bench = new S3Bench();
});
afterEach(async () => {
  expect(await bench.problems()).toEqual([]);
  await bench.close();
});

const KEY = 'a/key';

async function place(key = KEY, deps: S3Deps = bench.deps): Promise<KeyPlace> {
  return { bucket: await deps.buckets.require((await bench.bucket()).name), key };
}

function described(content: string, more: Partial<NewVersion> = {}): Omit<NewVersion, 'body'> {
  return {
    sizeBytes: content.length,
    etag: content,
    owner: 'alice',
    extra: { headers: {}, metadata: {}, tags: [], acl: [] },
    ...more,
  };
}

async function put(
  content: string,
  options: { deps?: S3Deps; key?: string; more?: Partial<NewVersion> } = {},
) {
  const { deps = bench.deps, key = KEY, more = {} } = options;
  const prepared = await deps.content.ingest(Buffer.from(content));
  return deps.content.transact([prepared], async (transaction) =>
    deps.versions.put(transaction, await place(key, deps), {
      ...described(content, more),
      body: prepared.digest,
    }),
  );
}

function remove(deps: S3Deps = bench.deps, key = KEY) {
  return deps.content.transact([], async (transaction) =>
    deps.versions.remove(transaction, await place(key, deps), 'alice'),
  );
}

function removeVersion(versionId: string, deps: S3Deps = bench.deps, key = KEY) {
  return deps.content.transact([], async (transaction) =>
    deps.versions.removeVersion(transaction, await place(key, deps), versionId),
  );
}

async function setVersioning(versioning: VersioningState, deps: S3Deps = bench.deps): Promise<void> {
  const { name } = await bench.bucket();
  await deps.buckets.update(name, ({ record }) => ({ ...record, versioning }));
}

/** Every version of the key, newest first, after a check of the invariants that versions.ts states. */
async function versionsOf(key = KEY): Promise<readonly VersionRecord[]> {
  const { metadata } = bench;
  const { id, versioning } = (await bench.bucket()).record;
  const [currentRow, markerRow, nullRow] = await metadata.getMany([
    s3Keys.current(id, key),
    s3Keys.currentMarker(id, key),
    s3Keys.nullVersion(id, key),
  ]);
  const rows = await metadata.scan({ prefix: s3Keys.versionsOf(id, key) }, { limit: 1_000 });
  const older = rows.map(({ value }) => versionCodec.decode(value));
  const current = currentRow && objectCodec.decode(currentRow);
  if (versioning === 'unversioned') {
    expect([markerRow, nullRow, ...rows]).toEqual([undefined, undefined]);
  } else if (current !== undefined || older.length > 0) {
    expect([currentRow !== undefined, markerRow !== undefined].filter(Boolean)).toHaveLength(1);
  } else {
    expect([markerRow, nullRow]).toEqual([undefined, undefined]);
  }
  if (markerRow !== undefined) {
    expect(Buffer.from(rows[0]?.value ?? []).equals(markerRow)).toBe(true);
    expect(older[0]?.kind).toBe('marker');
  }
  const all = current === undefined ? older : [current, ...older];
  const orders = all.map(({ order }) => order);
  expect(orders).toEqual([...new Set(orders)].sort());
  expect(all.filter(({ isNull }) => isNull).length).toBeLessThanOrEqual(1);
  const olderNull = older.find(({ isNull }) => isNull);
  expect(nullRow && Buffer.from(nullRow).toString()).toBe(olderNull?.order);
  return all;
}

/** What a version is, without its order. */
function shapeOf(record: VersionRecord): string {
  return `${record.isNull ? 'null' : 'id'} ${record.kind === 'object' ? record.etag : 'marker'}`;
}

type Step =
  | { readonly do: 'put'; readonly content: string }
  | { readonly do: 'remove' }
  | { readonly do: 'removeVersion'; readonly index: number }
  | { readonly do: 'removeNull' }
  | { readonly do: 'versioning'; readonly state: 'enabled' | 'suspended' }
  | { readonly do: 'clock'; readonly byMs: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('put' as const), content: fc.constantFrom('a', 'b') }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('remove' as const) }) },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('removeVersion' as const), index: fc.nat({ max: 4 }) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('removeNull' as const) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('versioning' as const),
      state: fc.constantFrom('enabled' as const, 'suspended' as const),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('clock' as const), byMs: fc.integer({ min: -50, max: 50 }) }),
  },
);

/** One key as the reference describes it: versions newest first. */
class Model {
  state: VersioningState = 'unversioned';
  versions: { shape: string; isNull: boolean; isMarker: boolean }[] = [];

  put(content: string): void {
    this.#push({ shape: content, isMarker: false });
  }

  remove(): void {
    if (this.state === 'unversioned') this.versions = [];
    else this.#push({ shape: 'marker', isMarker: true });
  }

  removeAt(index: number): void {
    if (index >= 0) this.versions.splice(index, 1);
  }

  #push(version: { shape: string; isMarker: boolean }): void {
    const isNull = this.state !== 'enabled';
    if (isNull) this.versions = this.versions.filter((each) => !each.isNull);
    this.versions.unshift({ ...version, shape: `${isNull ? 'null' : 'id'} ${version.shape}`, isNull });
  }
}

async function apply(model: Model, action: Step): Promise<void> {
  switch (action.do) {
    case 'put':
      await put(action.content);
      return model.put(action.content);
    case 'remove': {
      const { marker } = await remove();
      expect(marker !== undefined).toBe(model.state !== 'unversioned');
      return model.remove();
    }
    case 'removeVersion': {
      const version = (await versionsOf())[action.index];
      const removed = await removeVersion(version === undefined ? 'f'.repeat(32) : versionIdOf(version));
      expect(removed).toEqual(version);
      return model.removeAt(version === undefined ? -1 : action.index);
    }
    case 'removeNull': {
      const index = model.versions.findIndex(({ isNull }) => isNull);
      const removed = await removeVersion('null');
      expect(removed !== undefined).toBe(index >= 0);
      return model.removeAt(index);
    }
    case 'versioning':
      await setVersioning(action.state);
      model.state = action.state;
      return;
    case 'clock':
      bench.nowMs += action.byMs;
  }
}

describe('versions of a key', () => {
  it('are what the model says after every step, whatever the steps and the clock', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 25 }), async (steps) => {
        bench = new S3Bench();
        await bench.createBucket();
        const model = new Model();
        for (const action of steps) {
          await apply(model, action);
          const found = await versionsOf();
          expect(found.map(shapeOf)).toEqual(model.versions.map(({ shape }) => shape));
          const current = await bench.deps.versions.current(await place());
          expect(current?.record).toEqual(found[0]);
          for (const version of found) {
            const again = await bench.deps.versions.find(await place(), versionIdOf(version));
            expect(again?.record).toEqual(version);
            if (!version.isNull) continue;
            expect(await bench.deps.versions.find(await place(), version.order)).toBeUndefined();
          }
        }
        expect(await bench.problems()).toEqual([]);
        await bench.close();
      }),
      { numRuns: 80 },
    );
  });

  it('lose nothing and gain nothing when writers, deleters and changes of state interleave', async () => {
    for (let seed = 1; seed <= 60; seed++) {
      bench = new S3Bench();
      await bench.createBucket('bucket', { versioning: 'enabled' });
      const random = seededRandom(seed);
      const interleaver = new Interleaver(random);
      const keys = ['k', 'l'];
      const toggles = seed % 2 === 0;
      const made = new Map(keys.map((key) => [key, new Set<string>()]));
      const gone = new Set<string>();
      const work = async (): Promise<void> => {
        const deps = bench.worker(interleaver.step);
        for (let i = 0; i < 6; i++) {
          const key = keys[random.below(2)] ?? 'k';
          const known = [...(made.get(key) ?? [])];
          switch (random.below(toggles ? 4 : 3)) {
            case 0: {
              const { order } = await put(`content ${random.below(3)}`, { deps, key });
              made.get(key)?.add(order);
              break;
            }
            case 1: {
              const { marker } = await remove(deps, key);
              if (marker !== undefined) made.get(key)?.add(marker.order);
              break;
            }
            case 2: {
              const victim = known[random.below(known.length || 1)];
              const removed = victim && (await removeVersion(victim, deps, key));
              if (!removed) break;
              expect(gone.has(removed.order)).toBe(false);
              gone.add(removed.order);
              break;
            }
            default:
              await setVersioning(random.below(2) === 0 ? 'enabled' : 'suspended', deps);
          }
        }
      };
      await interleaver.run([work(), work(), work()]);
      for (const key of keys) {
        const present = (await versionsOf(key)).map(({ order }) => order);
        if (toggles) continue;
        const expected = [...(made.get(key) ?? [])].filter((order) => !gone.has(order));
        expect(new Set(present)).toEqual(new Set(expected));
      }
      expect(await bench.problems()).toEqual([]);
      await bench.close();
    }
  });

  it('are found while they move between being current and being older', async () => {
    for (let seed = 1; seed <= 60; seed++) {
      bench = new S3Bench();
      await bench.createBucket();
      const first = await put('first');
      await setVersioning('enabled');
      const kept = await put('kept');
      const interleaver = new Interleaver(seededRandom(seed));
      let isMoving = true;
      const move = async (): Promise<void> => {
        const deps = bench.worker(interleaver.step);
        for (let i = 0; i < 3; i++) {
          const { order } = await put('above', { deps });
          await removeVersion(order, deps);
        }
        await removeVersion(kept.order, deps);
        isMoving = false;
      };
      const look = async (): Promise<void> => {
        const deps = bench.worker(interleaver.step);
        while (isMoving) {
          const found = await deps.versions.find(await place(KEY, deps), 'null');
          expect(found?.record.order).toBe(first.order);
        }
      };
      await interleaver.run([move(), look()]);
      await bench.close();
    }
  });

  it('are made by exactly one of racing writers that want the key to be new', async () => {
    await bench.createBucket('bucket', { versioning: 'enabled' });
    const interleaver = new Interleaver(seededRandom(7));
    const race = async (name: string): Promise<boolean> => {
      const deps = bench.worker(interleaver.step);
      const prepared = await deps.content.ingest(Buffer.from(name));
      try {
        await deps.content.transact([prepared], async (transaction) =>
          deps.versions.put(
            transaction,
            await place(KEY, deps),
            { ...described(name), body: prepared.digest },
            (current) => {
              if (current !== undefined) throw new S3Error('PreconditionFailed', 'there is one');
            },
          ),
        );
        return true;
      } catch {
        return false;
      }
    };
    const races = ['one', 'two', 'three', 'four'].map(race);
    await interleaver.run(races);
    expect((await Promise.all(races)).filter(Boolean)).toHaveLength(1);
    expect(await versionsOf()).toHaveLength(1);
    bench.nowMs += 10_000;
    await bench.collect();
  });
});

describe('what describes a version', () => {
  const long = { headers: {}, metadata: { a: 'x'.repeat(2_000), b: 'y'.repeat(3_000) }, tags: [], acl: [] };

  it('comes back whole when it needs rows of its own, and goes with the version', async () => {
    const { record } = await bench.createBucket('bucket', { versioning: 'enabled' });
    const version = await put('content', { more: { extra: long } });
    expect(version.extraRows).toBe(2);
    expect(await bench.deps.versions.extra(await place(), version)).toEqual(long);
    await removeVersion(version.order);
    const extras = s3Keys.extras(record.id, KEY, version.order);
    expect(await bench.metadata.scan({ prefix: extras }, { limit: 10 })).toEqual([]);
  });

  it('is read as of one moment while it is replaced', async () => {
    await bench.createBucket('bucket');
    const short = { ...long, metadata: { a: 'short' } };
    const longer = {
      ...long,
      metadata: { a: 'x'.repeat(3_000), b: 'y'.repeat(3_000), c: 'z'.repeat(3_000) },
    };
    for (let seed = 1; seed <= 30; seed++) {
      await put('content', { more: { extra: long } });
      const interleaver = new Interleaver(seededRandom(seed));
      const change = async (): Promise<void> => {
        const deps = bench.worker(interleaver.step);
        for (const extra of [short, longer, long]) {
          await deps.content.transact([], async (transaction) => {
            const at = await place(KEY, deps);
            const found = await deps.versions.current(at);
            if (found?.record.kind !== 'object') throw new Error('no object');
            await deps.versions.update(transaction, at, { ...found, record: found.record }, { extra });
          });
        }
        await put('content', { deps, more: { extra: short } });
      };
      const look = async (): Promise<void> => {
        const deps = bench.worker(interleaver.step);
        for (let i = 0; i < 8; i++) {
          const described = await deps.versions.describe(await place(KEY, deps), undefined);
          expect([long, short, longer]).toContainEqual(described?.extra);
        }
      };
      await interleaver.run([change(), look()]);
    }
  });
});
