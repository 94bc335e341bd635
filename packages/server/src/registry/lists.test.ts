import { parseRepositoryName, parseTag } from '@zot-artifact-store/spec';
import { alice, imageIndex, RegistryBench } from '@zot-artifact-store/testkit/registry-bench.ts';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

let bench: RegistryBench;

beforeEach(() => {
  bench = new RegistryBench();
});

afterEach(async () => {
  expect(await bench.problems()).toEqual([]);
  await bench.close();
});

async function repositories(options: { after?: string; limit?: number } = {}) {
  return bench.registry.repositories.list({ limit: 100, ...options });
}

async function tags(options: { after?: string; limit?: number } = {}) {
  const page = await bench.registry.tags.list(bench.repository, { limit: 100, ...options });
  expect(await bench.registry.tags.names(bench.repository, { limit: 100, ...options })).toEqual({
    items: page.items.map(({ tag }) => tag),
    more: page.more,
  });
  return { names: page.items.map(({ tag }) => tag), more: page.more };
}

describe('the catalog', () => {
  it('is in byte order, which is not that of a directory walk', async () => {
    for (const name of ['b', 'a/b', 'a', 'a-b', 'a.b', 'a0', 'a_b']) {
      await bench.pushBlob('x', parseRepositoryName(name));
    }
    expect((await repositories()).items).toEqual(['a', 'a-b', 'a.b', 'a/b', 'a0', 'a_b', 'b']);
  });

  it('goes on after names that do not exist', async () => {
    for (const name of ['a', 'c', 'e']) await bench.pushBlob('x', parseRepositoryName(name));
    expect(await repositories({ after: 'b', limit: 1 })).toEqual({ items: ['c'], more: true });
    expect(await repositories({ after: 'c', limit: 1 })).toEqual({ items: ['e'], more: false });
    expect((await repositories({ after: '' })).items).toHaveLength(3);
    expect((await repositories({ after: 'z'.repeat(100_000) })).items).toEqual([]);
    expect((await repositories({ after: `a${'\0'.repeat(10_000)}` })).items).toEqual(['c', 'e']);
    expect((await repositories({ after: '\ud800' })).items).toEqual([]);
    expect(await repositories({ limit: 0 })).toEqual({ items: [], more: true });
  });
});

describe('the tags of a repository', () => {
  it('are in byte order and go on after tags that do not exist', async () => {
    await bench.pushManifest(imageIndex([]), ['b', 'B', 'a', '_x', '1.10', '1.9']);
    expect(await tags()).toEqual({ names: ['1.10', '1.9', 'B', '_x', 'a', 'b'], more: false });
    expect(await tags({ after: 'C', limit: 2 })).toEqual({ names: ['_x', 'a'], more: true });
    expect(await tags({ after: 'b'.repeat(10_000) })).toEqual({ names: [], more: false });
  });

  it('are none in a repository of blobs, and unknown in one that is not there', async () => {
    await expect(tags()).rejects.toMatchObject({ kind: 'repository-unknown' });
    await bench.pushBlob('x');
    expect(await tags()).toEqual({ names: [], more: false });
  });

  it('can be deleted while the manifest stays', async () => {
    const digest = await bench.pushManifest(imageIndex([]), ['a', 'b']);
    await bench.registry.tags.delete(bench.repository, parseTag('a'), { principal: alice });
    expect((await tags()).names).toEqual(['b']);
    await bench.registry.tags.delete(bench.repository, parseTag('b'), { principal: alice });
    const found = await bench.registry.manifests.resolve(bench.repository, { digest });
    expect(found.digest).toBe(digest);
    const again = bench.registry.tags.delete(bench.repository, parseTag('b'), { principal: alice });
    await expect(again).rejects.toMatchObject({ kind: 'manifest-unknown' });
  });
});
