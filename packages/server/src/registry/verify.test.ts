import { MediaType } from '@zot-artifact-store/spec';
import { alice, imageManifest, RegistryBench } from '@zot-artifact-store/testkit/registry-bench.ts';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Key } from '../metadata/metadata-store.ts';
import { registryKeys } from './keyspace.ts';
import { PRESENT } from './records.ts';

let bench: RegistryBench;

beforeEach(() => {
  bench = new RegistryBench();
});

afterEach(() => bench.close());

async function kinds(): Promise<string[]> {
  return [...new Set((await bench.problems()).map((line) => line.slice(0, line.indexOf(':'))))].sort();
}

async function lose(...deletes: Key[]): Promise<void> {
  await bench.metadata.commit({ deletes });
}

async function invent(key: Key): Promise<void> {
  await bench.metadata.commit({ puts: [{ key, value: PRESENT }] });
}

describe('the check of the registry', () => {
  it('finds nothing after ordinary work', async () => {
    const { digest, size } = await bench.pushImage('a', ['v1', 'v2']);
    const subject = { mediaType: MediaType.imageManifest, digest, size };
    await bench.pushManifest(imageManifest('{"image":"a"}', ['late'], { subject }), ['signature']);
    const other = await bench.pushImage('b', ['v2']);
    await bench.registry.manifests.delete(bench.repository, other.digest, alice);
    expect(await bench.problems()).toEqual([]);
  });

  it('finds rows that are missing', async () => {
    const { repository } = bench;
    const image = await bench.pushImage('a', ['v1']);
    const subject = { mediaType: MediaType.imageManifest, digest: image.digest, size: image.size };
    const signature = await bench.pushManifest(imageManifest('{"image":"a"}', [], { subject }));
    await lose(registryKeys.tagOf(repository, image.digest, 'v1'));
    expect(await kinds()).toEqual(['tag-reverse-missing']);
    await lose(registryKeys.referrer(repository, image.digest, signature));
    expect(await kinds()).toEqual(['referrer-missing', 'tag-reverse-missing']);
    await lose(registryKeys.repository(repository));
    expect(await kinds()).toContain('repository-missing');
    await lose(registryKeys.manifest(repository, image.digest));
    expect(await kinds()).toEqual(expect.arrayContaining(['tag-dangling', 'edge-unclaimed']));
  });

  it('finds rows that nothing stands behind', async () => {
    const { repository } = bench;
    const { digest, layer } = await bench.pushImage('a', ['v1']);
    await invent(registryKeys.tagOf(repository, digest, 'v2'));
    expect(await kinds()).toEqual(['tag-reverse-stale']);
    await invent(registryKeys.referrer(repository, layer, digest));
    await invent(registryKeys.reference(repository, digest, layer));
    expect(await kinds()).toEqual(['reference-stale', 'referrer-stale', 'tag-reverse-stale']);
  });

  it('finds members that hold no blob', async () => {
    const digest = await bench.pushBlob('x');
    await bench.registry.blobs.delete(bench.repository, digest, alice);
    await bench.pushBlob('y');
    const [member] = await bench.metadata.scan(
      { prefix: registryKeys.members(bench.repository) },
      { limit: 1 },
    );
    if (member === undefined) throw new Error('there is no member');
    const key = registryKeys.member(bench.repository, digest);
    await bench.metadata.commit({ puts: [{ key, value: member.value }] });
    bench.nowMs += 10_000;
    await bench.collect();
    expect(await kinds()).toEqual(['blob-missing', 'edge-missing']);
  });
});
