import { parseRepositoryName } from '@zot-artifact-store/spec';
import {
  alice,
  digestOf,
  GRACE_MS,
  imageIndex,
  imageManifest,
  once,
  RegistryBench,
  textOf,
} from '@zot-artifact-store/testkit/registry-bench.ts';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { scrub } from '../content/scrub.ts';

let bench: RegistryBench;
const fork = parseRepositoryName('app/fork');
const never = async () => false;
const always = async () => true;

beforeEach(() => {
  bench = new RegistryBench();
});

afterEach(async () => {
  expect(await bench.problems()).toEqual([]);
  await bench.close();
});

describe('a blob of a repository', () => {
  it('is seen and read there and nowhere else', async () => {
    const { registry, repository } = bench;
    const digest = await bench.pushBlob('content');
    expect(await registry.blobs.stat(repository, digest)).toEqual({ digest, sizeBytes: 7 });
    const range = { start: 3, end: 5 };
    expect(await textOf(await registry.blobs.read(repository, digest, { range }))).toBe('ten');
    await expect(registry.blobs.stat(fork, digest)).rejects.toMatchObject({ kind: 'blob-unknown' });
    await expect(registry.blobs.read(fork, digest)).rejects.toMatchObject({ kind: 'blob-unknown' });
  });

  it('can have sha512 as its digest', async () => {
    const { registry, repository } = bench;
    const digest = digestOf('content', 'sha512');
    await registry.uploads.put(repository, once('content'), { digest, principal: alice });
    expect(await textOf(await registry.blobs.read(repository, digest))).toBe('content');
  });

  it('counts as missing when its bytes are damaged, until it is uploaded again', async () => {
    const { registry, repository } = bench;
    const content = 'x'.repeat(10_000);
    const digest = await bench.pushBlob(content);
    const { metadata, driver, hashing, log } = bench;
    for await (const { name } of driver.list()) await driver.quarantine(name);
    await scrub({ metadata, driver, volume: '', hashing, log, bytesPerSecond: 1e9 });
    const mount = { repository: fork, digest, from: repository, principal: alice, mayRead: always };
    await expect(registry.blobs.stat(repository, digest)).rejects.toMatchObject({ kind: 'blob-unknown' });
    expect(await registry.blobs.mount(mount)).toBe(false);
    await bench.pushBlob(content);
    expect(await registry.blobs.stat(repository, digest)).toMatchObject({ sizeBytes: 10_000 });
    expect(await textOf(await registry.blobs.read(repository, digest))).toBe(content);
  });
});

describe('mounting', () => {
  it('makes the blob part of another repository without its bytes', async () => {
    const digest = await bench.pushBlob('shared');
    const mount = { repository: fork, digest, from: bench.repository, principal: alice, mayRead: always };
    expect(await bench.registry.blobs.mount(mount)).toBe(true);
    expect(await bench.registry.repositories.exists(fork)).toBe(true);
    await bench.registry.blobs.delete(bench.repository, digest, alice);
    expect(await textOf(await bench.registry.blobs.read(fork, digest))).toBe('shared');
  });

  it('finds a source that may be read when none is named', async () => {
    const digest = await bench.pushBlob('shared');
    await bench.pushBlob('shared', parseRepositoryName('secret/a'));
    const asked: string[] = [];
    const mayRead = async (name: string) => {
      asked.push(name);
      return name === 'secret/a';
    };
    const mount = { repository: fork, digest, from: undefined, principal: alice, mayRead };
    expect(await bench.registry.blobs.mount(mount)).toBe(true);
    expect(asked).toEqual(['app/web', 'secret/a']);
  });

  it('fails for what is not there or may not be read, and creates nothing', async () => {
    const digest = await bench.pushBlob('secret');
    const missing = digestOf('missing');
    const common = { repository: fork, principal: alice };
    const { blobs, repositories } = bench.registry;
    for (const from of [undefined, bench.repository]) {
      expect(await blobs.mount({ ...common, digest, from, mayRead: never })).toBe(false);
      expect(await blobs.mount({ ...common, digest: missing, from, mayRead: always })).toBe(false);
    }
    expect(
      await blobs.mount({ ...common, digest, from: parseRepositoryName('no/such'), mayRead: always }),
    ).toBe(false);
    expect(await repositories.exists(fork)).toBe(false);
  });

  it('does not reach over to another volume', async () => {
    const digest = await bench.pushBlob('here');
    const repository = parseRepositoryName('other/there');
    const common = { repository, digest, principal: alice, mayRead: always };
    expect(await bench.registry.blobs.mount({ ...common, from: bench.repository })).toBe(false);
    expect(await bench.registry.blobs.mount({ ...common, from: undefined })).toBe(false);
  });
});

describe('deleting a blob', () => {
  it('is refused while a manifest names it', async () => {
    const { blobs, manifests } = bench.registry;
    const image = await bench.pushImage('used');
    const remove = (digest = image.layer) => blobs.delete(bench.repository, digest, alice);
    await expect(remove()).rejects.toMatchObject({ kind: 'in-use' });
    await expect(remove(image.config)).rejects.toMatchObject({ kind: 'in-use' });
    await manifests.delete(bench.repository, image.digest, alice);
    await remove();
    await expect(blobs.stat(bench.repository, image.layer)).rejects.toMatchObject({ kind: 'blob-unknown' });
    await expect(remove()).rejects.toMatchObject({ kind: 'blob-unknown' });
  });

  it('is refused while an index names it, as build caches do', async () => {
    const digest = await bench.pushBlob('cache');
    await bench.pushManifest(imageIndex([{ digest, size: 5 }]));
    await expect(bench.registry.blobs.delete(bench.repository, digest, alice)).rejects.toMatchObject({
      kind: 'in-use',
    });
  });

  it('does not touch other repositories', async () => {
    const digest = await bench.pushBlob('shared');
    await bench.pushBlob('shared', fork);
    await bench.registry.blobs.delete(bench.repository, digest, alice);
    bench.nowMs += 10 * GRACE_MS;
    await bench.collect();
    expect(await bench.registry.blobs.stat(fork, digest)).toMatchObject({ sizeBytes: 6 });
  });
});

describe('the lease of a blob', () => {
  it('ends after the grace, and with it the blob, its bytes and its repository', async () => {
    const digest = await bench.pushBlob('x'.repeat(10_000));
    bench.nowMs += GRACE_MS - 1;
    await bench.sweepAll();
    bench.nowMs += 1;
    await bench.sweepAll();
    await expect(bench.registry.blobs.read(bench.repository, digest)).rejects.toMatchObject({
      kind: 'blob-unknown',
    });
    expect(await bench.registry.repositories.exists(bench.repository)).toBe(false);
    bench.nowMs += 2 * GRACE_MS;
    await bench.sweepAll();
    for await (const { name } of bench.driver.list()) expect(name).toBe('nothing');
  });

  it('is renewed by asking for the blob when less than half is left', async () => {
    const digest = await bench.pushBlob('{}');
    for (let i = 0; i < 5; i++) {
      bench.nowMs += GRACE_MS - 1;
      await bench.registry.blobs.stat(bench.repository, digest);
      await bench.sweepAll();
    }
    await bench.pushManifest(imageManifest('{}', []));
  });

  it('is not written again and again while a manifest holds the blob', async () => {
    const { layer } = await bench.pushImage('held');
    bench.nowMs += 10 * GRACE_MS;
    await bench.sweepAll();
    const commits = bench.metadata.commit;
    let written = 0;
    bench.metadata.commit = (commit) => {
      written++;
      return commits.call(bench.metadata, commit);
    };
    await bench.registry.blobs.stat(bench.repository, layer);
    expect(written).toBe(0);
  });

  it('begins anew when the last manifest that held the blob goes', async () => {
    const { digest, layer } = await bench.pushImage('held');
    bench.nowMs += 10 * GRACE_MS;
    await bench.sweepAll();
    await bench.registry.manifests.delete(bench.repository, digest, alice);
    bench.nowMs += GRACE_MS - 1;
    await bench.sweepAll();
    expect(await bench.registry.blobs.stat(bench.repository, layer)).toMatchObject({ digest: layer });
  });
});
