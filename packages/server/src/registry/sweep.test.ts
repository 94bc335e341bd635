import { isStoreError, parseTag, StoreError } from '@zot-artifact-store/spec';
import {
  alice,
  digestOf,
  GRACE_MS,
  imageIndex,
  imageManifest,
  json,
  once,
  RegistryBench,
} from '@zot-artifact-store/testkit/registry-bench.ts';
import { Interleaver, seededRandom } from '@zot-artifact-store/testkit/stepped-store.ts';
import { describe, expect, it } from 'vitest';
import { registryKeys } from './keyspace.ts';

const SEEDS = Array.from({ length: 60 }, (_, seed) => seed);
const { signal } = new AbortController();
const config = '{"the":"config"}';
const manifest = imageManifest(config, []);
const tag = parseTag('v1');

/** Runs the tasks on two workers in every interleaving of the seeds; the stores must be sound after each. */
async function everyInterleaving(
  arrange: (bench: RegistryBench) => Promise<void>,
  tasks: (bench: RegistryBench, workers: readonly [Worker, Worker]) => readonly Promise<unknown>[],
  check: (bench: RegistryBench, outcomes: readonly PromiseSettledResult<unknown>[]) => Promise<void>,
): Promise<void> {
  for (const seed of SEEDS) {
    const bench = new RegistryBench();
    await arrange(bench);
    const interleaver = new Interleaver(seededRandom(seed));
    const workers = [bench.worker(interleaver.step), bench.worker(interleaver.step)] as const;
    const settled = Promise.allSettled(tasks(bench, workers));
    await interleaver.run([settled]);
    await check(bench, await settled);
    expect(await bench.problems(), `seed ${seed}`).toEqual([]);
    await bench.close();
  }
}

type Worker = RegistryBench['registry'];

function put(worker: Worker, bench: RegistryBench) {
  return worker.manifests.put({
    repository: bench.repository,
    reference: { tag },
    tags: [],
    mediaType: manifest.mediaType,
    bytes: json(manifest),
    principal: alice,
  });
}

function expectKinds(outcomes: readonly PromiseSettledResult<unknown>[], kinds: readonly string[]): void {
  for (const outcome of outcomes) {
    if (outcome.status === 'fulfilled') continue;
    expect(outcome.reason).toBeInstanceOf(StoreError);
    expect(kinds).toContain(outcome.reason.kind);
  }
}

async function exists(bench: RegistryBench): Promise<boolean> {
  try {
    await bench.registry.manifests.resolve(bench.repository, { tag });
    return true;
  } catch (error) {
    if (isStoreError(error, 'manifest-unknown') || isStoreError(error, 'repository-unknown')) return false;
    throw error;
  }
}

describe('a push of a manifest', () => {
  it('finds its blobs or is refused, whatever the sweeps do meanwhile', async () => {
    await everyInterleaving(
      async (bench) => {
        await bench.pushBlob(config);
        bench.nowMs += GRACE_MS;
      },
      (bench, [one, two]) => [
        put(one, bench),
        (async () => {
          await two.sweep.sweepMemberships(signal);
          await two.sweep.dropEmptyRepositories(signal);
        })(),
      ],
      async (bench, outcomes) => {
        expectKinds(outcomes, ['manifest-blob-unknown']);
        const isPushed = outcomes[0]?.status === 'fulfilled';
        expect(await exists(bench)).toBe(isPushed);
        if (!isPushed) return;
        bench.nowMs += 10 * GRACE_MS;
        await bench.sweepAll();
        await bench.registry.blobs.stat(bench.repository, digestOf(config));
      },
    );
  });

  it('cannot be refused after the client was told that its blob is there', async () => {
    await everyInterleaving(
      async (bench) => {
        await bench.pushBlob(config);
        bench.nowMs += GRACE_MS;
      },
      (bench, [one, two]) => [
        (async () => {
          const { blobs } = one;
          const isThere = await blobs.stat(bench.repository, digestOf(config)).then(
            () => true,
            () => false,
          );
          if (isThere) await put(one, bench);
        })(),
        two.sweep.sweepMemberships(signal),
        two.sweep.dropEmptyRepositories(signal),
      ],
      async (_bench, outcomes) => expectKinds(outcomes, []),
    );
  });

  it('and a delete of its blob exclude each other', async () => {
    await everyInterleaving(
      async (bench) => {
        await bench.pushBlob(config);
      },
      (bench, [one, two]) => [put(one, bench), two.blobs.delete(bench.repository, digestOf(config), alice)],
      async (bench, outcomes) => {
        expectKinds(outcomes, ['manifest-blob-unknown', 'in-use']);
        expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
        expect(await exists(bench)).toBe(outcomes[0]?.status === 'fulfilled');
      },
    );
  });

  it('and a delete of the same manifest leave a tag that leads somewhere, or none', async () => {
    await everyInterleaving(
      async (bench) => {
        await bench.pushBlob(config);
        await bench.pushManifest(manifest, ['other']);
      },
      (bench, [one, two]) => [
        put(one, bench),
        two.manifests.delete(bench.repository, digestOf(json(manifest)), alice),
        two.sweep.sweepMemberships(signal),
      ],
      async (_bench, outcomes) => expectKinds(outcomes, []),
    );
  });

  it('as a child and a delete of it exclude each other', async () => {
    const child = { digest: digestOf(json(manifest)), size: json(manifest).length };
    await everyInterleaving(
      async (bench) => {
        await bench.pushBlob(config);
        await bench.pushManifest(manifest);
      },
      (bench, [one, two]) => [
        one.manifests.put({
          repository: bench.repository,
          reference: { tag },
          tags: [],
          mediaType: imageIndex([]).mediaType,
          bytes: json(imageIndex([child])),
          principal: alice,
        }),
        two.manifests.delete(bench.repository, child.digest, alice),
      ],
      async (_bench, outcomes) => expectKinds(outcomes, ['in-use']),
    );
  });
});

describe('an upload', () => {
  it('fills its repository also when that is dropped at the same time', async () => {
    await everyInterleaving(
      async (bench) => {
        await bench.pushBlob('old');
        bench.nowMs += GRACE_MS;
        await bench.registry.sweep.sweepMemberships(signal);
      },
      (bench, [one, two]) => [
        one.uploads.put(bench.repository, once(config), { digest: digestOf(config), principal: alice }),
        two.sweep.dropEmptyRepositories(signal),
      ],
      async (bench, outcomes) => {
        expectKinds(outcomes, []);
        expect(await bench.registry.repositories.exists(bench.repository)).toBe(true);
        await bench.registry.blobs.stat(bench.repository, digestOf(config));
      },
    );
  });

  it('of a blob that is just swept leaves the blob there', async () => {
    await everyInterleaving(
      async (bench) => {
        await bench.pushBlob(config);
        bench.nowMs += GRACE_MS;
      },
      (bench, [one, two]) => [
        one.uploads.put(bench.repository, once(config), { digest: digestOf(config), principal: alice }),
        two.sweep.sweepMemberships(signal),
        bench.collect(),
      ],
      async (bench, outcomes) => {
        expectKinds(outcomes, []);
        await bench.registry.blobs.stat(bench.repository, digestOf(config));
      },
    );
  });

  it('is finished once, or cancelled, or expires', async () => {
    const content = 'x'.repeat(5_000);
    let id = '';
    await everyInterleaving(
      async (bench) => {
        const options = { principal: alice };
        ({ id } = await bench.registry.uploads.start(bench.repository, options));
        await bench.registry.uploads.append(bench.repository, id, once(content), options);
      },
      (bench, [one, two]) => [
        one.uploads.finish(bench.repository, id, { digest: digestOf(content), principal: alice }),
        two.uploads.finish(bench.repository, id, { digest: digestOf(content), principal: alice }),
        two.uploads.cancel(bench.repository, id),
      ],
      async (bench, outcomes) => {
        expectKinds(outcomes, ['upload-unknown', 'upload-out-of-order', 'conflict']);
        expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
        for await (const { id: stagedId } of bench.driver.listStaged()) expect(stagedId).toBe('none');
      },
    );
  });
});

describe('an upload that is cancelled', () => {
  it('leaves nothing staged or claimed by an append at the same time', async () => {
    const content = 'x'.repeat(5_000);
    let id = '';
    await everyInterleaving(
      async (bench) => {
        ({ id } = await bench.registry.uploads.start(bench.repository, { principal: alice }));
      },
      (bench, [one, two]) => [
        two.uploads.cancel(bench.repository, id),
        one.uploads.append(bench.repository, id, once(content), { principal: alice }),
      ],
      async (bench, outcomes) => {
        expectKinds(outcomes, ['upload-unknown']);
        expect(outcomes[0]?.status).toBe('fulfilled');
        for await (const { id: stagedId } of bench.driver.listStaged()) expect(stagedId).toBe('none');
        const everything = await bench.metadata.scanKeys({ from: Buffer.from([0]) }, { limit: 100 });
        expect(everything).toEqual([
          registryKeys.uploadOver(bench.uploadIds.read(bench.repository, id)?.createdAtMs ?? 0, id),
        ]);
      },
    );
  });
});

describe('a tag', () => {
  it('that is moved and deleted at the same time knows its manifest, which knows it', async () => {
    await everyInterleaving(
      async (bench) => {
        await bench.pushBlob(config);
        await bench.pushManifest(imageIndex([]), [tag]);
      },
      (bench, [one, two]) => [put(one, bench), two.tags.delete(bench.repository, tag, { principal: alice })],
      async (_bench, outcomes) => expectKinds(outcomes, []),
    );
  });
});
