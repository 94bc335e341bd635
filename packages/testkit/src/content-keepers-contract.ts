import { randomBytes } from 'node:crypto';
import type { Digest } from '@zot-artifact-store/spec';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { encodeBlob, findBlob } from '../../server/src/content/blob-records.ts';
import type { EdgeOwner } from '../../server/src/content/content-store.ts';
import { type FsckOwners, fsck } from '../../server/src/content/fsck.ts';
import { collectGarbage, type GarbageReport } from '../../server/src/content/gc.ts';
import { contentKeys } from '../../server/src/content/keyspace.ts';
import { newStagedId, objectName } from '../../server/src/content/object-name.ts';
import { type OrphanReport, sweepOrphans } from '../../server/src/content/orphan-sweep.ts';
import { type Damage, type ScrubReport, scrub } from '../../server/src/content/scrub.ts';
import { encodeKey } from '../../server/src/metadata/keys.ts';
import { ContentBench, chunks, digestOf, GRACE_MS, kindOf, type OpenedContent } from './content-contract.ts';

const SMALL = Buffer.from('a small blob');
const LARGE = randomBytes(400_000);

/** What collector, sweep, scrub and fsck must do over any metadata store and blob driver. */
export function contentKeepersContract(name: string, open: () => Promise<OpenedContent>): void {
  describe(`content keepers contract: ${name}`, () => {
    let opened: OpenedContent;
    let bench: ContentBench;
    const collect = (options: { dryRun?: boolean } = {}): Promise<GarbageReport> =>
      collectGarbage({ ...bench, now: bench.nowMs, batch: 3, ...options });
    beforeEach(async () => {
      opened = await open();
      bench = new ContentBench(opened);
    });
    afterEach(async () => {
      await bench.hashing.close();
      await opened.cleanup();
    });

    describe('garbage collection', () => {
      const rows = async (): Promise<number> => {
        const from = encodeKey(0);
        return (await bench.metadata.scan({ from }, { limit: 100 })).length;
      };

      it('takes nothing before the grace is over, and everything of a blob after it', async () => {
        const digests = [await bench.put(SMALL), await bench.put(LARGE)];
        for (const digest of digests) await bench.disown(digest);
        bench.nowMs += GRACE_MS - 1;
        expect(await collect()).toMatchObject({ examined: 0, collectedBlobs: 0 });
        bench.nowMs += 1;
        const seen: Digest[] = [];
        const report = await collectGarbage({
          ...bench,
          now: bench.nowMs,
          onCollect: (blob) => void seen.push(blob.digest),
        });
        const collectedBytes = SMALL.length + LARGE.length;
        expect(report).toMatchObject({ collectedBlobs: 2, collectedBytes, trashRemoved: 1, complete: true });
        expect(seen.sort()).toEqual(digests.sort());
        expect([await bench.objects(), await rows()]).toEqual([0, 0]);
        expect(await kindOf(bench.store.read(digestOf(LARGE)))).toBe('blob-unknown');
      });

      it('keeps what has an owner, and forgets that it looked', async () => {
        const digest = await bench.put(LARGE, 'a');
        await bench.put(LARGE, 'b');
        await bench.disown(digest, 'a');
        bench.nowMs += GRACE_MS;
        expect(await collect()).toMatchObject({ examined: 1, kept: 1, collectedBlobs: 0 });
        expect(await collect()).toMatchObject({ examined: 0 });
        expect(await bench.read(digest)).toEqual(LARGE);
        await bench.disown(digest, 'b');
        bench.nowMs += GRACE_MS;
        expect(await collect()).toMatchObject({ collectedBlobs: 1 });
      });

      it('counts the grace from the last removal', async () => {
        const digest = await bench.put(LARGE);
        await bench.disown(digest);
        bench.nowMs += GRACE_MS - 10;
        await bench.put(LARGE);
        await bench.disown(digest);
        bench.nowMs += GRACE_MS - 10;
        expect(await collect()).toMatchObject({ examined: 1, collectedBlobs: 0 });
        bench.nowMs += 10;
        expect(await collect()).toMatchObject({ collectedBlobs: 1 });
        expect(await rows()).toBe(0);
      });

      it('takes a blob that never got an owner', async () => {
        await bench.store.transact([await bench.store.ingest(LARGE)], () => {});
        expect(await bench.read(digestOf(LARGE))).toEqual(LARGE);
        bench.nowMs += GRACE_MS;
        expect(await collect()).toMatchObject({ collectedBlobs: 1 });
        expect([await bench.objects(), await rows()]).toEqual([0, 0]);
      });

      it('takes the parts after their composite, when they have no other owner', async () => {
        const parts: { digest: Digest; sizeBytes: number }[] = [];
        for (let i = 0; i < 120; i++) {
          const bytes = i < 2 ? randomBytes(5_000) : randomBytes(20);
          parts.push({ digest: await bench.put(bytes, 'upload'), sizeBytes: bytes.length });
        }
        const whole = await bench.own(bench.store.compose(digestOf(LARGE), parts));
        for (const part of parts.slice(1)) await bench.disown(part.digest, 'upload');
        bench.nowMs += GRACE_MS;
        expect(await collect()).toMatchObject({ kept: 119, collectedBlobs: 0 });
        await bench.disown(whole);
        bench.nowMs += GRACE_MS;
        expect(await collect()).toMatchObject({ collectedBlobs: 1, collectedBytes: 0 });
        bench.nowMs += GRACE_MS;
        expect(await collect()).toMatchObject({
          examined: 120,
          kept: 1,
          collectedBlobs: 119,
          trashRemoved: 1,
        });
        expect(await bench.objects()).toBe(1);
        // What is left: the kept part's record and its edge.
        expect(await rows()).toBe(2);
      });

      it('says in a dry run what a run does, and does nothing', async () => {
        await bench.put(SMALL);
        for (const bytes of [SMALL, LARGE, randomBytes(9_000)]) await bench.put(bytes, 'short-lived');
        const parts = [{ digest: digestOf(LARGE), sizeBytes: LARGE.length }];
        await bench.own(bench.store.compose(digestOf(LARGE, 'sha512'), parts), 'short-lived');
        for (const digest of [digestOf(SMALL), digestOf(LARGE, 'sha512'), digestOf(LARGE)]) {
          await bench.disown(digest, 'short-lived');
        }
        bench.nowMs += GRACE_MS;
        const before = await rows();
        const dry = await collect({ dryRun: true });
        expect(await rows()).toBe(before);
        expect(dry).toEqual(await collect());
        expect(await rows()).toBeLessThan(before);
      });

      it('removes the bytes a crash left in the trash', async () => {
        const name = objectName(digestOf(LARGE));
        const id = newStagedId();
        await bench.driver.stage(id, chunks(LARGE));
        await bench.driver.publish(id, name);
        await bench.put(LARGE);
        const digest = digestOf(LARGE);
        const inUse = (await findBlob(bench, digest))?.record.location;
        const used = inUse?.kind === 'file' ? inUse.name : name;
        const puts = [name, used, objectName(digest)].map((trashed) => ({
          key: contentKeys.trash(bench.volume, trashed),
          value: TIME_ZERO,
        }));
        await bench.metadata.commit({ puts });
        // The second one is in use, which no trash row may change; the third is gone already.
        expect(await collect()).toMatchObject({ trashRemoved: 2, failures: 1 });
        expect(await bench.objects()).toBe(1);
        expect(await bench.read(digest)).toEqual(LARGE);
      });

      it('goes on after a record that it cannot read', async () => {
        const digests = [await bench.put(SMALL), await bench.put(LARGE)];
        for (const digest of digests) await bench.disown(digest);
        await bench.metadata.commit({
          puts: [{ key: contentKeys.blob(bench.volume, digestOf(SMALL)), value: Buffer.from('nonsense') }],
        });
        bench.nowMs += GRACE_MS;
        expect(await collect()).toMatchObject({ failures: 1, collectedBlobs: 1, complete: true });
      });

      it('stops between blobs when its signal aborts', async () => {
        await bench.disown(await bench.put(LARGE));
        bench.nowMs += GRACE_MS;
        const report = await collectGarbage({ ...bench, now: bench.nowMs, signal: AbortSignal.abort() });
        expect(report).toMatchObject({ collectedBlobs: 0, complete: false });
      });
    });

    describe('orphan sweep', () => {
      const claimed = new Set<string>();
      const sweep = (options: { dryRun?: boolean } = {}): Promise<OrphanReport> =>
        sweepOrphans({
          ...bench,
          now: bench.nowMs,
          batch: 2,
          isStagedClaimed: (id) => claimed.has(id),
          ...options,
        });

      it('removes an object without a record after two sightings, and never one with a record', async () => {
        const digest = await bench.put(LARGE);
        for (const [bytes, of] of [
          [SMALL, digestOf(SMALL)],
          [LARGE, digest],
        ] as const) {
          const id = newStagedId();
          await bench.driver.stage(id, chunks(bytes));
          await bench.driver.publish(id, objectName(of));
        }
        expect(await sweep()).toMatchObject({ objectsListed: 3, suspected: 2, condemned: 0 });
        bench.nowMs += GRACE_MS - 1;
        expect(await sweep()).toMatchObject({ suspected: 0, condemned: 0 });
        bench.nowMs += 1;
        expect(await sweep({ dryRun: true })).toMatchObject({ condemned: 2 });
        const condemnedBytes = SMALL.length + LARGE.length;
        expect(await sweep()).toMatchObject({ condemned: 2, condemnedBytes });
        expect(await collect()).toMatchObject({ trashRemoved: 0 });
        bench.nowMs += GRACE_MS;
        expect(await collect()).toMatchObject({ trashRemoved: 2 });
        expect(await bench.objects()).toBe(1);
        expect(await bench.read(digest)).toEqual(LARGE);
        expect(await fsck(bench)).toMatchObject({ errors: [], notes: [] });
      });

      it('forgets a suspicion once the object has a record', async () => {
        const prepared = await bench.store.ingest(LARGE);
        await bench.store.transact([prepared], (transaction) => {
          bench.store.addEdge(transaction, prepared.digest, ['test', 'keeper']);
          return Promise.resolve();
        });
        const location = (await findBlob(bench, prepared.digest))?.record.location;
        const key = contentKeys.suspect(bench.volume, location?.kind === 'file' ? location.name : '');
        await bench.metadata.commit({ puts: [{ key, value: TIME_ZERO }] });
        expect(await sweep()).toMatchObject({ suspected: 0, condemned: 0 });
        expect(await bench.metadata.get(key)).toBeUndefined();
      });

      it('removes staged bytes that are old and that nobody claims', async () => {
        const mine = newStagedId();
        claimed.add(mine);
        for (const id of [mine, newStagedId()]) await bench.driver.stage(id, chunks(LARGE));
        const [staged] = await listed(bench.driver.listStaged());
        const now = (staged?.modifiedAtMs ?? 0) + GRACE_MS;
        const at = (nowMs: number) =>
          sweepOrphans({ ...bench, now: nowMs, isStagedClaimed: (id) => claimed.has(id) });
        expect(await at(now - 60_000)).toMatchObject({ stagedRemoved: 0 });
        expect(await at(now + 60_000)).toMatchObject({ stagedRemoved: 1, stagedRemovedBytes: LARGE.length });
        expect((await listed(bench.driver.listStaged())).map(({ id }) => id)).toEqual([mine]);
      });

      it('does not let a commit point to an object it condemned', async () => {
        const prepared = await bench.store.ingest(LARGE);
        let tries = 0;
        const committing = bench.store.transact([prepared], async (transaction) => {
          bench.store.addEdge(transaction, prepared.digest, ['test', 'keeper']);
          // The first attempt loses; before the second, the others have gone on for two graces.
          if (++tries === 1) transaction.expectPresent(contentKeys.scrubCursor('/other'));
          if (tries !== 2) return;
          await sweep();
          bench.nowMs += GRACE_MS;
          await sweep();
        });
        expect(await kindOf(committing)).toBe('conflict');
        expect(await bench.store.stat(prepared.digest)).toBeUndefined();
      });
    });

    describe('scrub', () => {
      const run = (options: Partial<Parameters<typeof scrub>[0]> = {}): Promise<ScrubReport> =>
        scrub({ ...bench, bytesPerSecond: 1e12, batch: 2, ...options });
      const altered = Buffer.from(LARGE);
      altered[200_000] = (altered[200_000] ?? 0) ^ 1;

      it('finds nothing in a whole store', async () => {
        for (const bytes of [SMALL, LARGE, Buffer.alloc(0)]) await bench.put(bytes, 'a', 'sha512');
        expect(await run()).toEqual({
          checkedBlobs: 6,
          checkedBytes: 2 * (SMALL.length + LARGE.length),
          damaged: [],
          damagedBlobs: 0,
          healed: 0,
          unreadable: 0,
          complete: true,
        });
      });

      it.each([
        ['altered', altered],
        ['cut', LARGE.subarray(0, 1_000)],
      ])(
        'marks a blob whose object is %s, so that it fails instead of lying, until it is uploaded again',
        async (_, bytes) => {
          const digest = await bench.put(LARGE, 'image');
          const long = await bench.put(LARGE, 'signature', 'sha512');
          await bench.put(SMALL);
          await bench.damage(digest, bytes);
          const told: Damage[] = [];
          const report = await run({ onDamage: (damage) => void told.push(damage) });
          expect(report).toMatchObject({ damagedBlobs: 1, healed: 0, unreadable: 0, complete: true });
          const owners: EdgeOwner[] = [
            ['test', 'signature'],
            ['test', 'image'],
          ];
          expect(report.damaged).toEqual([{ digest, reason: 'altered', known: false, owners }]);
          expect(told).toEqual(report.damaged);
          expect(await bench.objects()).toBe(0);
          for (const hit of [digest, long]) {
            expect(await kindOf(bench.store.read(hit))).toBe('blob-corrupt');
            expect(await bench.store.stat(hit)).toBeUndefined();
          }
          expect(await fsck(bench)).toMatchObject({
            errors: [],
            notes: [{ kind: 'marked-corrupt', digest }],
          });
          expect((await run()).damaged).toMatchObject([{ digest, reason: 'missing', known: true }]);

          await bench.put(LARGE, 'again');
          for (const hit of [digest, long]) expect(await bench.read(hit)).toEqual(LARGE);
          expect(await run()).toMatchObject({ damagedBlobs: 0 });
          expect(await fsck(bench)).toMatchObject({ errors: [], notes: [] });
        },
      );

      it('marks a lost blob, and clears the mark when the bytes come back', async () => {
        const digest = await bench.put(LARGE);
        const record = (await findBlob(bench, digest))?.record;
        const name = record?.location.kind === 'file' ? record.location.name : objectName(digest);
        await bench.driver.remove(name);
        expect(await kindOf(bench.store.read(digest))).toBe('blob-corrupt');
        expect((await run()).damaged).toMatchObject([{ digest, reason: 'missing' }]);
        const id = newStagedId();
        await bench.driver.stage(id, chunks(LARGE));
        await bench.driver.publish(id, name);
        expect(await run()).toMatchObject({ damagedBlobs: 0, healed: 1 });
        expect(await bench.read(digest)).toEqual(LARGE);
      });

      it('marks a composite that is not what its digest says, and leaves its parts alone', async () => {
        const parts = [SMALL, LARGE].map((bytes) => ({ digest: digestOf(bytes), sizeBytes: bytes.length }));
        for (const bytes of [SMALL, LARGE]) await bench.put(bytes);
        const digest = await bench.own(bench.store.compose(digestOf(Buffer.from('else')), parts));
        for (const known of [false, true]) {
          expect((await run()).damaged).toMatchObject([{ digest, reason: 'altered', known }]);
        }
        expect(await kindOf(bench.store.read(digest))).toBe('blob-corrupt');
        expect(await bench.read(digestOf(LARGE))).toEqual(LARGE);
        await bench.put(Buffer.from('else'));
        expect(await bench.read(digest)).toEqual(Buffer.from('else'));
        expect(await fsck(bench)).toMatchObject({ errors: [], notes: [] });
        bench.nowMs += GRACE_MS;
        expect(await collect()).toMatchObject({ kept: 2, collectedBlobs: 0 });
      });

      it('goes on where it was stopped', async () => {
        for (let i = 0; i < 7; i++) await bench.put(randomBytes(100));
        const controller = new AbortController();
        let paused = 0;
        const timing = {
          now: () => 0,
          pause: async () => {
            if (++paused === 4) controller.abort();
          },
        };
        const first = await run({ bytesPerSecond: 1, signal: controller.signal, timing });
        expect(first).toMatchObject({ checkedBlobs: 4, complete: false });
        expect(await run()).toMatchObject({ checkedBlobs: 3, complete: true });
        expect(await run()).toMatchObject({ checkedBlobs: 7, complete: true });
      });

      it('reads no faster than it may', async () => {
        await bench.put(LARGE);
        let clock = 0;
        const timing = {
          now: () => clock,
          pause: async (ms: number) => {
            clock += ms;
          },
        };
        await run({ bytesPerSecond: 100_000, timing });
        expect(clock).toBeCloseTo(4_000, 0);
      });
    });

    describe('fsck', () => {
      const ownersOf = (edges: readonly (readonly [Digest, EdgeOwner])[]): FsckOwners => ({
        async *expected() {
          for (const [digest, owner] of edges) yield { digest, owner };
        },
        holds: async (digest, owner) =>
          edges.some(([other, by]) => other === digest && JSON.stringify(by) === JSON.stringify(owner)),
      });

      it('counts and finds nothing wrong in a store in use', async () => {
        const small = await bench.put(SMALL);
        const large = await bench.put(LARGE, 'keeper', 'sha512');
        await bench.disown(small);
        const owners = ownersOf([[large, ['test', 'keeper']]]);
        expect(await fsck({ ...bench, owners, batch: 2 })).toEqual({
          errors: [],
          errorCount: 0,
          notes: [],
          noteCount: 0,
          blobs: 3,
          blobBytes: SMALL.length + 2 * LARGE.length,
          unownedBlobs: 1,
          provisionalBlobs: 0,
          edges: 2,
          objects: 1,
        });
      });

      it('compares edges with owners both ways', async () => {
        const digest = await bench.put(SMALL, 'stranger');
        const report = await fsck({ ...bench, owners: ownersOf([[digest, ['test', 'forgotten']]]) });
        expect(report.errors).toMatchObject([{ kind: 'edge-missing', digest }]);
        expect(report.notes).toMatchObject([{ kind: 'edge-unclaimed', digest }]);
      });

      it('finds each kind of dangling reference', async () => {
        const digests: Digest[] = [];
        for (let i = 0; i < 4; i++) digests.push(await bench.put(randomBytes(5_000)));
        const [lost, cut, unreadable, recordless] = digests as [Digest, Digest, Digest, Digest];
        const location = (await findBlob(bench, lost))?.record.location;
        if (location?.kind === 'file') await bench.driver.remove(location.name);
        await bench.damage(cut, SMALL);
        const parts = [
          { digest: recordless, sizeBytes: 5_000 },
          { digest: lost, sizeBytes: 5_000 },
        ];
        const composite = await bench.own(bench.store.compose(digestOf(LARGE), parts));
        await bench.metadata.commit({
          puts: [{ key: contentKeys.blob(bench.volume, unreadable), value: Buffer.from([0xc1]) }],
          deletes: [
            contentKeys.blob(bench.volume, recordless),
            contentKeys.edge(bench.volume, lost, ['composite', { digest: composite }]),
          ],
        });
        const report = await fsck(bench);
        const found = report.errors.map(({ kind, digest }) => `${kind} ${digest}`).sort();
        const expected = [
          `object-missing ${lost}`,
          `object-size ${cut}`,
          `record-unreadable ${unreadable}`,
          `part-missing ${composite}`,
          `part-edge-missing ${composite}`,
          `edge-dangling ${recordless}`,
          `edge-dangling ${recordless}`,
        ];
        expect(found).toEqual(expected.sort());
        expect(report.notes).toMatchObject([{ kind: 'object-orphan', digest: recordless }]);
      });

      it('notes a blob that nobody owns and nothing will collect', async () => {
        const digest = digestOf(SMALL);
        const record = {
          size: SMALL.length,
          createdAtMs: 1,
          location: { kind: 'inline', bytes: SMALL },
        } as const;
        const key = contentKeys.blob(bench.volume, digest);
        await bench.metadata.commit({ puts: [{ key, value: encodeBlob(record) }] });
        expect(await fsck(bench)).toMatchObject({
          errors: [],
          notes: [{ kind: 'unowned-unlisted', digest }],
        });
      });
    });
  });
}

/** A time row of the epoch, as MessagePack `[1, 0]`. */
const TIME_ZERO = Buffer.from([0x92, 1, 0]);

async function listed<T>(source: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of source) items.push(item);
  return items;
}
