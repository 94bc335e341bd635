import { randomBytes } from 'node:crypto';
import type { Digest } from '@zot-artifact-store/spec';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findBlob } from '../../server/src/content/blob-records.ts';
import { type CompositePart, findParts } from '../../server/src/content/composite.ts';
import { fsck } from '../../server/src/content/fsck.ts';
import { collectGarbage } from '../../server/src/content/gc.ts';
import { checksumOf } from '../../server/src/content/hashing/checksum-of.ts';
import { contentKeys } from '../../server/src/content/keyspace.ts';
import { scrub } from '../../server/src/content/scrub.ts';
import { ContentBench, chunks, digestOf, GRACE_MS, kindOf, type OpenedContent } from './content-contract.ts';

const SMALL = Buffer.from('a small blob');
const LARGE = randomBytes(400_000);

/** What blobs made of blobs must do, with and without a known digest, over any metadata store and blob driver. */
export function contentPartsContract(name: string, open: () => Promise<OpenedContent>): void {
  describe(`content parts contract: ${name}`, () => {
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

    const put = async (bytes: Uint8Array, owner = 'upload'): Promise<CompositePart> => ({
      digest: await bench.put(bytes, owner),
      sizeBytes: bytes.length,
    });
    const partsOf = async (digest: Digest): Promise<readonly CompositePart[] | undefined> => {
      const location = (await findBlob(bench, digest))?.record.location;
      return location?.kind === 'composite' ? findParts(bench, digest, location.pages) : undefined;
    };
    const collect = async () => {
      bench.nowMs += GRACE_MS;
      return collectGarbage({ ...bench, now: bench.nowMs });
    };
    const scrubAll = () => scrub({ ...bench, bytesPerSecond: 1e12, fromStart: true });

    describe('a provisional blob', () => {
      it('reads like its parts, under a name of its own that is no digest of anything', async () => {
        const parts = [await put(LARGE), await put(SMALL), await put(LARGE)];
        const whole = Buffer.concat([LARGE, SMALL, LARGE]);
        const names = new Set<Digest>();
        for (let i = 0; i < 2; i++) {
          const digest = await bench.own(bench.store.composeParts(parts));
          names.add(digest);
          expect(await bench.read(digest)).toEqual(whole);
          const start = LARGE.length - 3;
          expect(await bench.read(digest, { start, end: start + 20 })).toEqual(
            whole.subarray(start, start + 21),
          );
          expect(await bench.store.stat(digest)).toMatchObject({
            sizeBytes: whole.length,
            provisional: true,
          });
        }
        expect(names.size).toBe(2);
        expect(names).not.toContain(digestOf(whole));
        expect(await fsck(bench)).toMatchObject({ errorCount: 0, provisionalBlobs: 2 });
        expect(await bench.store.stat(parts[0]?.digest ?? digestOf(SMALL))).not.toHaveProperty('provisional');
      });

      it('reads whole, as often as one likes', async () => {
        const digest = await bench.own(bench.store.composeParts([await put(SMALL), await put(SMALL)]));
        for (let i = 0; i < 3; i++) {
          expect(await bench.store.readWhole(digest, 1_000)).toEqual(Buffer.concat([SMALL, SMALL]));
        }
      });

      it('may have no parts', async () => {
        const digest = await bench.own(bench.store.composeParts([]));
        expect(await bench.read(digest)).toEqual(Buffer.alloc(0));
      });

      it('can be made together with its parts', async () => {
        const prepared = [await bench.store.ingest(LARGE), await bench.store.ingest(SMALL)];
        const whole = bench.store.composeParts(prepared);
        await bench.store.transact([...prepared, whole], (transaction) => {
          bench.store.addEdge(transaction, whole.digest, ['test', 'keeper']);
        });
        expect(await bench.read(whole.digest)).toEqual(Buffer.concat([LARGE, SMALL]));
        await collect();
        expect(await bench.read(whole.digest)).toEqual(Buffer.concat([LARGE, SMALL]));
      });

      it('gets its lasting name once it has been hashed, and the old one is collected without its parts', async () => {
        const parts = [await put(LARGE), await put(SMALL)];
        const whole = Buffer.concat([LARGE, SMALL]);
        const provisional = bench.store.composeParts(parts);
        await bench.store.transact([provisional], (transaction) => {
          bench.store.addEdge(transaction, provisional.digest, ['test', 'object']);
          for (const { digest } of parts) bench.store.removeEdge(transaction, digest, ['test', 'upload']);
        });
        const { sha256 } = await bench.store.hashWhole(provisional.digest, ['sha256']);
        expect(`sha256:${sha256}`).toBe(digestOf(whole));
        const lasting = bench.store.compose(digestOf(whole), [provisional]);
        await bench.store.transact([lasting], (transaction) => {
          bench.store.addEdge(transaction, lasting.digest, ['test', 'object']);
          bench.store.removeEdge(transaction, provisional.digest, ['test', 'object']);
        });
        expect(await collect()).toMatchObject({ collectedBlobs: 1 });
        await collect();
        expect(await kindOf(bench.read(provisional.digest))).toBe('blob-unknown');
        expect(await bench.read(lasting.digest)).toEqual(whole);
        expect(await bench.store.stat(lasting.digest)).not.toHaveProperty('provisional');
        await bench.disown(lasting.digest, 'object');
        await collect();
        await collect();
        expect(await bench.objects()).toBe(0);
      });

      it('is as sound as its parts: the scrub compares those, and its name with nothing', async () => {
        const parts = [await put(LARGE, 'a'), await put(SMALL, 'a')];
        const digest = await bench.own(bench.store.composeParts(parts));
        expect(await scrubAll()).toMatchObject({ checkedBlobs: 3, damagedBlobs: 0, complete: true });
        const altered = Buffer.from(LARGE);
        altered[7] = (altered[7] ?? 0) ^ 1;
        const part = digestOf(LARGE);
        await bench.damage(part, altered);
        const report = await scrubAll();
        expect(report.damaged).toMatchObject([{ digest: part, reason: 'altered' }]);
        expect(report.damaged[0]?.owners).toContainEqual(['test', 'keeper']);
        expect(await kindOf(bench.read(digest))).toBe('blob-corrupt');
        await scrubAll();
        await put(LARGE, 'repair');
        expect(await bench.read(digest)).toEqual(Buffer.concat([LARGE, SMALL]));
        expect(await scrubAll()).toMatchObject({ damagedBlobs: 0 });
      });

      it('is marked while a part of it is lost, and heals when the part comes back', async () => {
        const digest = await bench.own(bench.store.composeParts([await put(SMALL)]));
        const key = contentKeys.blob(bench.volume, digestOf(SMALL));
        const value = (await bench.metadata.get(key)) ?? new Uint8Array();
        await bench.metadata.commit({ deletes: [key] });
        expect((await scrubAll()).damaged).toMatchObject([{ digest, reason: 'missing' }]);
        expect(await bench.store.stat(digest)).toBeUndefined();
        await bench.metadata.commit({ puts: [{ key, value }] });
        expect(await scrubAll()).toMatchObject({ healed: 1, damagedBlobs: 0 });
        expect(await bench.read(digest)).toEqual(SMALL);
      });
    });

    describe('a part that is made of parts', () => {
      it('is replaced by them, however it got its name', async () => {
        const [large, small] = [await put(LARGE), await put(SMALL)];
        const known = bench.store.compose(digestOf(Buffer.concat([SMALL, LARGE])), [small, large]);
        await bench.own(known);
        const provisional = bench.store.composeParts([large, small, small]);
        await bench.own(provisional);
        const longName = await bench.put(LARGE, 'a', 'sha512');
        const alias = { digest: longName, sizeBytes: LARGE.length };
        const digest = await bench.own(bench.store.composeParts([alias, known, small, provisional, known]));
        const flat = [large, small, large, small, large, small, small, small, large];
        expect(await partsOf(digest)).toEqual(flat);
        const whole = Buffer.concat(flat.map((part) => (part.digest === large.digest ? LARGE : SMALL)));
        expect(await bench.read(digest)).toEqual(whole);
        const middle = LARGE.length + SMALL.length;
        expect(await bench.read(digest, { start: middle - 9, end: middle + LARGE.length + 5 })).toEqual(
          whole.subarray(middle - 9, middle + LARGE.length + 6),
        );
        for (const gone of [known.digest, provisional.digest]) await bench.disown(gone);
        await collect();
        await collect();
        expect(await bench.read(digest)).toEqual(whole);
      });

      it('is replaced also when it is new, or when it has a second name from an upload of its bytes', async () => {
        const [large, small] = [await put(LARGE), await put(SMALL)];
        const whole = Buffer.concat([LARGE, SMALL]);
        const inner = bench.store.compose(digestOf(whole), [large, small]);
        const outer = bench.store.composeParts([small, inner]);
        await bench.store.transact([inner, outer], (transaction) => {
          bench.store.addEdge(transaction, outer.digest, ['test', 'keeper']);
        });
        expect(await partsOf(outer.digest)).toEqual([small, large, small]);
        const longName = await bench.put(whole, 'b', 'sha512');
        expect(await partsOf(longName)).toEqual([large, small]);
        expect(await bench.read(longName)).toEqual(whole);
      });

      it('is refused when they become too many, before anything is written', async () => {
        const small = await put(SMALL);
        const thousand = bench.store.composeParts(Array.from({ length: 1_000 }, () => small));
        await bench.own(thousand);
        const times = (count: number) => Array.from({ length: count }, () => thousand);
        expect(await kindOf(bench.own(bench.store.composeParts([...times(100), small])))).toBe(
          'argument-invalid',
        );
        const most = await bench.own(bench.store.composeParts(times(100)));
        expect(await bench.store.stat(most)).toMatchObject({ sizeBytes: SMALL.length * 100_000 });
        const tooMany = Array.from({ length: 100_001 }, () => small);
        expect(await kindOf((async () => bench.store.composeParts(tooMany))())).toBe('argument-invalid');
      });
    });

    it('refuses parts that are not there, or not of the size they should have', async () => {
      const small = await put(SMALL);
      const lost = { digest: digestOf(LARGE), sizeBytes: LARGE.length };
      expect(await kindOf(bench.own(bench.store.composeParts([small, lost])))).toBe('blob-unknown');
      const longer = { ...small, sizeBytes: SMALL.length + 1 };
      expect(await kindOf(bench.own(bench.store.composeParts([longer])))).toBe('internal');
    });

    it('does not look again at blobs that passed from one owner to another in one transaction', async () => {
      const parts = [await put(LARGE), await put(SMALL)];
      const whole = bench.store.composeParts(parts);
      await bench.store.transact([whole], (transaction) => {
        bench.store.addEdge(transaction, whole.digest, ['test', 'object']);
        for (const { digest } of parts) bench.store.removeEdge(transaction, digest, ['test', 'upload']);
      });
      expect(await collect()).toMatchObject({ examined: 0 });
      const extra = await put(Buffer.from('not used'));
      const prepared = await bench.store.ingest(Buffer.from('another'));
      await bench.store.transact([prepared], (transaction) => {
        bench.store.addEdge(transaction, prepared.digest, ['test', 'object']);
        bench.store.removeEdge(transaction, extra.digest, ['test', 'upload']);
      });
      expect(await collect()).toMatchObject({ examined: 1, collectedBlobs: 1 });
      expect(await kindOf(bench.read(extra.digest))).toBe('blob-unknown');
    });

    describe('hashWhole', () => {
      it('gives the hashes of any blob', async () => {
        const whole = Buffer.concat([LARGE, SMALL]);
        const provisional = bench.store.composeParts([await put(LARGE), await put(SMALL)]);
        await bench.own(provisional);
        const algorithms = ['sha256', 'md5', 'crc64nvme', 'md5'] as const;
        for (const [digest, bytes] of [
          [digestOf(SMALL), SMALL],
          [digestOf(LARGE), LARGE],
          [provisional.digest, whole],
        ] as const) {
          expect(await bench.store.hashWhole(digest, algorithms)).toEqual(
            Object.fromEntries(algorithms.map((each) => [each, checksumOf(each, bytes)])),
          );
        }
      });

      it('ends when its signal aborts, and says what it cannot read', async () => {
        const { digest } = await put(LARGE);
        const signal = AbortSignal.abort(new Error('stopping'));
        await expect(bench.store.hashWhole(digest, ['md5'], { signal })).rejects.toThrow('stopping');
        expect(await kindOf(bench.store.hashWhole(digestOf(Buffer.from('x')), ['md5']))).toBe('blob-unknown');
        await bench.damage(digest, LARGE.subarray(1));
        expect(await kindOf(bench.store.hashWhole(digest, ['md5']))).toBe('blob-corrupt');
        await bench.damage(digest, LARGE);
      });
    });

    it('streams segments into blobs that can be parts', async () => {
      const segment = await bench.store.stageSegment(chunks(LARGE));
      const assembled = await bench.store.assemble([segment]);
      await bench.own(assembled);
      expect(await bench.read(await bench.own(bench.store.composeParts([assembled])))).toEqual(LARGE);
    });
  });
}
