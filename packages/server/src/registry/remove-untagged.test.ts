import { MediaType, parseTag, StoreError } from '@zot-artifact-store/spec';
import {
  alice,
  GRACE_MS,
  imageIndex,
  imageManifest,
  RegistryBench,
} from '@zot-artifact-store/testkit/registry-bench.ts';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

let bench: RegistryBench;
const { signal } = new AbortController();
const delayMs = 60_000;

beforeEach(() => {
  bench = new RegistryBench();
});

afterEach(async () => {
  expect(await bench.problems()).toEqual([]);
  await bench.close();
});

async function manifests(): Promise<readonly string[]> {
  const page = await bench.registry.manifests.list(bench.repository, { limit: 100 });
  return page.items.map(({ digest }) => digest);
}

describe('removing untagged manifests', () => {
  it('leaves what is tagged, young, in an index, or about something that is there', async () => {
    const tagged = await bench.pushImage('tagged', ['v1']);
    const child = await bench.pushImage('child');
    const index = await bench.pushManifest(imageIndex([child]), ['multi']);
    const loose = await bench.pushImage('loose');
    const subject = { mediaType: MediaType.imageManifest, digest: tagged.digest, size: tagged.size };
    const signature = await bench.pushManifest(imageManifest('{"image":"tagged"}', [], { subject }));
    const gone = { ...subject, digest: loose.digest, size: loose.size };
    const orphan = await bench.pushManifest(imageManifest('{"image":"loose"}', [], { subject: gone }));
    bench.nowMs += delayMs;
    const young = await bench.pushImage('young');

    expect(await bench.registry.removeUntagged({ delayMs, dryRun: true }, signal)).toBe(1);
    const removed: string[] = [];
    for (let run = 0; run < 3; run++) {
      const onRemove = ({ digest }: { digest: string }) => removed.push(digest);
      await bench.registry.removeUntagged({ delayMs, onRemove }, signal);
    }
    expect(removed.toSorted()).toEqual([loose.digest, orphan].toSorted());
    expect(await manifests()).toEqual(
      [tagged.digest, child.digest, index, signature, young.digest].toSorted(),
    );
  });

  it('gives back the space, step by step, when the last tag goes', async () => {
    const { digest, layer } = await bench.pushImage('old', ['v1']);
    await bench.registry.tags.delete(bench.repository, parseTag('v1'), { principal: alice });
    bench.nowMs += delayMs;
    await bench.registry.removeUntagged({ delayMs }, signal);
    expect(await manifests()).not.toContain(digest);
    await bench.registry.blobs.stat(bench.repository, layer);
    for (let i = 0; i < 3; i++) {
      bench.nowMs += 2 * GRACE_MS;
      await bench.sweepAll();
    }
    expect(await bench.registry.repositories.exists(bench.repository)).toBe(false);
  });

  it('keeps what a veto protects, and repositories that are not meant', async () => {
    await bench.pushImage('loose');
    bench.nowMs += delayMs;
    expect(await bench.registry.removeUntagged({ delayMs, includes: () => false }, signal)).toBe(0);
    const locked = new RegistryBench({
      vetoes: {
        beforeDelete: async () => {
          throw new StoreError('denied', 'locked');
        },
      },
    });
    await locked.pushImage('loose');
    locked.nowMs += delayMs;
    expect(await locked.registry.removeUntagged({ delayMs }, signal)).toBe(0);
    await locked.close();
  });
});
