import { MediaType, parseRepositoryName, parseTag } from '@zot-artifact-store/spec';
import {
  alice,
  descriptor,
  digestOf,
  GRACE_MS,
  imageIndex,
  imageManifest,
  json,
  RegistryBench,
} from '@zot-artifact-store/testkit/registry-bench.ts';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

let bench: RegistryBench;
const v1 = parseTag('v1');

beforeEach(() => {
  bench = new RegistryBench();
});

afterEach(async () => {
  expect(await bench.problems()).toEqual([]);
  await bench.close();
});

function resolve(reference: string) {
  const { registry, repository } = bench;
  return registry.manifests.resolve(repository, { tag: parseTag(reference) });
}

async function tagsOf(): Promise<string[]> {
  const page = await bench.registry.tags.list(bench.repository, { limit: 100 });
  return page.items.map(({ tag }) => tag);
}

describe('putting a manifest', () => {
  it('keeps the bytes exactly, by digest and by tag', async () => {
    await bench.pushBlob('{}');
    const bytes = Buffer.from(`  ${JSON.stringify(imageManifest('{}', [], { 'x-custom': 1 }), null, 3)}\n`);
    const digest = await bench.pushManifest(bytes, ['v1']);
    expect(digest).toBe(digestOf(bytes));
    expect(await bench.registry.manifests.read(bench.repository, digest)).toEqual(bytes);
    expect(await resolve('v1')).toMatchObject({
      digest,
      mediaType: MediaType.imageManifest,
      sizeBytes: bytes.length,
      artifactType: MediaType.imageConfig,
    });
  });

  it('says whether the manifest is new, and which of the further tags were set', async () => {
    await bench.pushBlob('{}');
    const bytes = json(imageManifest('{}', []));
    const put = {
      repository: bench.repository,
      reference: { tag: v1 },
      tags: [parseTag('b'), parseTag('b')],
      mediaType: MediaType.imageManifest,
      bytes,
      principal: alice,
    };
    expect(await bench.registry.manifests.put(put)).toEqual({
      digest: digestOf(bytes),
      tags: ['b'],
      created: true,
    });
    expect(await bench.registry.manifests.put(put)).toMatchObject({ created: false });
    expect(await tagsOf()).toEqual(['b', 'v1']);
  });

  it('stores a manifest under the sha512 digest it was pushed by', async () => {
    await bench.pushBlob('{}');
    const bytes = json(imageManifest('{}', []));
    const digest = digestOf(bytes, 'sha512');
    expect(await bench.pushManifest(bytes, ['v1'], { reference: { digest } })).toBe(digest);
    expect((await resolve('v1')).digest).toBe(digest);
    expect(await bench.registry.manifests.read(bench.repository, digest)).toEqual(bytes);
  });

  it('leaves the old manifest pullable by digest when a tag moves', async () => {
    const first = await bench.pushImage('first', ['v1']);
    const second = await bench.pushImage('second', ['v1']);
    expect((await resolve('v1')).digest).toBe(second.digest);
    const old = await bench.registry.manifests.resolve(bench.repository, { digest: first.digest });
    expect(old.digest).toBe(first.digest);
  });

  it('moves no tag when asked not to', async () => {
    const first = await bench.pushImage('first', ['v1']);
    const { layer: _, ...second } = await bench.pushImage('second');
    const bytes = await bench.registry.manifests.read(bench.repository, second.digest);
    const put = (tags: readonly string[]) =>
      bench.pushManifest(bytes, tags, { condition: { movesNoTag: true } });
    await expect(put(['v2', 'v1'])).rejects.toMatchObject({
      kind: 'precondition-failed',
      resource: first.digest,
    });
    expect(await tagsOf()).toEqual(['v1']);
    await put(['v2']);
    await put(['v2', 'v3']);
    expect(await tagsOf()).toEqual(['v1', 'v2', 'v3']);
  });

  it('refuses a config that the repository does not have, and names it', async () => {
    await bench.pushBlob('{}', parseRepositoryName('someone/else'));
    await expect(bench.pushManifest(imageManifest('{}', []))).rejects.toMatchObject({
      kind: 'manifest-blob-unknown',
      detail: { digest: digestOf('{}') },
    });
  });

  it('takes an image before its layers, and holds on to those that come later', async () => {
    await bench.pushBlob('{}');
    await bench.pushManifest(imageManifest('{}', ['late', 'never']), ['v1']);
    const layer = await bench.pushBlob('late');
    bench.nowMs += 10 * GRACE_MS;
    await bench.sweepAll();
    expect(await bench.registry.blobs.stat(bench.repository, layer)).toMatchObject({ digest: layer });
    const digest = await bench.pushManifest(imageManifest('{}', ['late', 'never']));
    expect(await bench.problems()).toEqual([]);
    await bench.registry.manifests.delete(bench.repository, digest, alice);
    await bench.registry.blobs.delete(bench.repository, layer, alice);
  });

  it('refuses a descriptor whose size is not that of the blob', async () => {
    await bench.pushBlob('{}');
    const config = { ...descriptor('{}'), size: 3 };
    await expect(bench.pushManifest({ ...imageManifest('{}', []), config })).rejects.toMatchObject({
      kind: 'manifest-invalid',
    });
  });

  it('takes layers that come from elsewhere without having them', async () => {
    await bench.pushBlob('{}');
    const layers = [
      descriptor('foreign', 'application/vnd.oci.image.layer.nondistributable.v1.tar+gzip'),
      { ...descriptor('linked'), urls: ['https://layers.example/1'] },
    ];
    await bench.pushManifest({ ...imageManifest('{}', []), layers }, ['v1']);
    expect(await tagsOf()).toEqual(['v1']);
  });

  it('takes an index whose children are missing, and one without any', async () => {
    await bench.pushManifest(imageIndex([{ digest: digestOf('missing'), size: 7 }]), ['sparse']);
    await bench.pushManifest(imageIndex([]), ['empty']);
    expect(await tagsOf()).toEqual(['empty', 'sparse']);
  });

  it('refuses the wrong digest, and creates nothing', async () => {
    const put = bench.pushManifest(imageIndex([]), [], { reference: { digest: digestOf('other') } });
    await expect(put).rejects.toMatchObject({ kind: 'digest-mismatch' });
    expect(await bench.registry.repositories.exists(bench.repository)).toBe(false);
  });

  it('keeps annotations of almost four megabytes', async () => {
    const annotations = Object.fromEntries(
      Array.from({ length: 390 }, (_, i) => [`key-${i}`, 'x'.repeat(10_000)]),
    );
    const digest = await bench.pushManifest(imageIndex([], { annotations }), ['v1']);
    expect((await bench.registry.manifests.read(bench.repository, digest)).length).toBeGreaterThan(3_900_000);
  });

  it('refuses more bytes than the limit', async () => {
    const put = bench.pushManifest(Buffer.alloc(4 * 1024 * 1024 + 1, ' '));
    await expect(put).rejects.toMatchObject({ kind: 'manifest-too-large' });
  });

  it('takes docker manifests only when they are switched on', async () => {
    await bench.pushBlob('{}');
    const manifest = { ...imageManifest('{}', []), mediaType: MediaType.dockerManifest };
    await bench.pushManifest(manifest, ['d'], { mediaType: MediaType.dockerManifest });
    const strict = new RegistryBench({ docker2s2: false });
    const put = strict.pushManifest(manifest, ['d'], { mediaType: MediaType.dockerManifest });
    await expect(put).rejects.toMatchObject({ kind: 'media-type-unsupported' });
    await strict.close();
  });

  it('asks the veto with the exact bytes before it writes', async () => {
    const seen: unknown[] = [];
    const refusing = new RegistryBench({
      vetoes: {
        beforeManifestPut: async ({ tags, digest, bytes }) => {
          seen.push([tags, digest, Buffer.from(bytes).toString()]);
          throw new Error('no');
        },
      },
    });
    const index = imageIndex([]);
    await expect(refusing.pushManifest(index, ['v1'])).rejects.toThrow('no');
    expect(seen).toEqual([[['v1'], digestOf(json(index)), JSON.stringify(index)]]);
    expect(await refusing.registry.repositories.exists(refusing.repository)).toBe(false);
    await refusing.close();
  });
});

describe('conditions on a put', () => {
  it('hold for the tag as it is in the transaction', async () => {
    const first = await bench.pushManifest(imageIndex([]), ['v1']);
    const other = imageIndex([], { annotations: { a: 'b' } });
    const put = (condition: object) => bench.pushManifest(other, [], { reference: { tag: v1 }, condition });
    for (const condition of [
      { ifNoneMatch: 'any' },
      { ifNoneMatch: [first] },
      { ifMatch: [digestOf('x')] },
    ]) {
      await expect(put(condition)).rejects.toMatchObject({ kind: 'precondition-failed' });
    }
    expect((await resolve('v1')).digest).toBe(first);
    await put({ ifMatch: [digestOf('x'), first] });
    expect((await resolve('v1')).digest).toBe(digestOf(json(other)));
  });

  it('let exactly one of many concurrent creations and moves of a tag win', async () => {
    const tasks = Array.from({ length: 8 }, (_, i) =>
      bench.pushManifest(imageIndex([], { annotations: { i: `${i}` } }), [], {
        reference: { tag: v1 },
        condition: { ifNoneMatch: 'any' },
      }),
    );
    expect(await outcomes(tasks)).toEqual(['precondition-failed ×7', 'won ×1']);
    const { digest } = await resolve('v1');
    const moves = Array.from({ length: 8 }, (_, i) =>
      bench.pushManifest(imageIndex([], { annotations: { moved: `${i}` } }), [], {
        reference: { tag: v1 },
        condition: { ifMatch: [digest] },
      }),
    );
    expect(await outcomes(moves)).toEqual(['precondition-failed ×7', 'won ×1']);
  });

  it('hold for the manifest itself when the reference is a digest', async () => {
    const index = imageIndex([]);
    await expect(bench.pushManifest(index, [], { condition: { ifMatch: 'any' } })).rejects.toMatchObject({
      kind: 'precondition-failed',
    });
    await bench.pushManifest(index, [], { condition: { ifNoneMatch: 'any' } });
    await expect(bench.pushManifest(index, [], { condition: { ifNoneMatch: 'any' } })).rejects.toMatchObject({
      kind: 'precondition-failed',
    });
  });
});

describe('reading', () => {
  it('tells an unknown repository from an unknown manifest', async () => {
    await expect(resolve('v1')).rejects.toMatchObject({ kind: 'repository-unknown' });
    await bench.pushImage('a');
    await expect(resolve('v1')).rejects.toMatchObject({ kind: 'manifest-unknown' });
    const read = bench.registry.manifests.read(bench.repository, digestOf('nothing'));
    await expect(read).rejects.toMatchObject({ kind: 'manifest-unknown' });
  });

  it('pages through the manifests in digest order', async () => {
    const digests = [];
    for (let i = 0; i < 5; i++) digests.push((await bench.pushImage(`image ${i}`)).digest);
    const { manifests } = bench.registry;
    const first = await manifests.list(bench.repository, { limit: 3 });
    expect(first.more).toBe(true);
    const after = first.items.at(-1)?.digest;
    const rest = await manifests.list(bench.repository, { limit: 3, ...(after && { after }) });
    expect(rest.more).toBe(false);
    expect([...first.items, ...rest.items].map(({ digest }) => digest)).toEqual(digests.toSorted());
  });
});

describe('deleting a manifest', () => {
  it('takes its tags along and leaves those of others', async () => {
    const gone = await bench.pushImage('gone', ['a', 'b']);
    await bench.pushImage('kept', ['b', 'c']);
    await bench.registry.manifests.delete(bench.repository, gone.digest, alice);
    expect(await tagsOf()).toEqual(['b', 'c']);
    await expect(bench.registry.manifests.delete(bench.repository, gone.digest, alice)).rejects.toMatchObject(
      { kind: 'manifest-unknown' },
    );
  });

  it('takes thousands of tags along in batches', async () => {
    const tags = Array.from({ length: 1_000 }, (_, i) => `t${i}`);
    const { digest } = await bench.pushImage('popular', tags);
    await bench.registry.manifests.delete(bench.repository, digest, alice);
    expect(await tagsOf()).toEqual([]);
  });

  it('is refused while an index has the manifest, also when the index came first', async () => {
    const child = imageManifest('{}', []);
    const digest = digestOf(json(child));
    const index = await bench.pushManifest(imageIndex([{ digest, size: json(child).length }]));
    await bench.pushBlob('{}');
    await bench.pushManifest(child);
    const remove = () => bench.registry.manifests.delete(bench.repository, digest, alice);
    await expect(remove()).rejects.toMatchObject({ kind: 'in-use' });
    await bench.registry.manifests.delete(bench.repository, index, alice);
    await remove();
  });

  it('works for a manifest whose bytes are lost', async () => {
    const annotations = { padding: 'x'.repeat(10_000) };
    const { digest } = await bench.pushImage('damaged', ['v1'], { annotations });
    const fresh = bench.worker();
    for await (const { name } of bench.driver.list()) await bench.driver.remove(name);
    await fresh.manifests.delete(bench.repository, digest, alice);
    expect(await tagsOf()).toEqual([]);
    // The edges of its blobs stay, as the check of the store reports; nothing is lost by them.
    expect(
      (await bench.problems()).every(
        (line) => line.startsWith('edge-unclaimed') || line.startsWith('object-missing'),
      ),
    ).toBe(true);
    bench = new RegistryBench();
  });

  it('asks the veto first', async () => {
    const asked: string[] = [];
    const vetoes = {
      beforeDelete: async ({ kind, reference }: { kind: string; reference: string }) => {
        asked.push(`${kind} ${reference}`);
        throw new Error('no');
      },
    };
    const locked = new RegistryBench({ vetoes });
    const { digest, layer } = await locked.pushImage('locked', ['v1']);
    const { manifests, tags, blobs } = locked.registry;
    await expect(manifests.delete(locked.repository, digest, alice)).rejects.toThrow('no');
    await expect(tags.delete(locked.repository, v1, { principal: alice })).rejects.toThrow('no');
    await expect(blobs.delete(locked.repository, layer, alice)).rejects.toThrow('no');
    expect(asked).toEqual([`manifest ${digest}`, 'tag v1', `blob ${layer}`]);
    expect((await manifests.resolve(locked.repository, { tag: v1 })).digest).toBe(digest);
    await locked.close();
  });
});

async function outcomes(tasks: readonly Promise<unknown>[]): Promise<string[]> {
  const settled = await Promise.allSettled(tasks);
  const names = settled.map((each) => (each.status === 'fulfilled' ? 'won' : each.reason.kind));
  return [...new Set(names)].sort().map((name) => `${name} ×${names.filter((each) => each === name).length}`);
}
