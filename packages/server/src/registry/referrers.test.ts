import { type Digest, MediaType, parseTag } from '@zot-artifact-store/spec';
import {
  alice,
  descriptor,
  digestOf,
  imageIndex,
  imageManifest,
  json,
  RegistryBench,
} from '@zot-artifact-store/testkit/registry-bench.ts';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fallbackTag } from './referrers.ts';

let bench: RegistryBench;

beforeEach(async () => {
  bench = new RegistryBench();
  await bench.pushBlob('{}');
});

afterEach(async () => {
  expect(await bench.problems()).toEqual([]);
  await bench.close();
});

const subjectDigest = digestOf('a subject that is not there');
const subject = { mediaType: MediaType.imageManifest, digest: subjectDigest, size: 1 };

function artifact(name: string, more: object = {}) {
  return imageManifest('{}', [], { subject, artifactType: `test/${name}`, annotations: { name }, ...more });
}

async function list(
  options: { artifactTypes?: string[]; after?: string; limit?: number } = {},
  digest: Digest = subjectDigest,
) {
  const { artifactTypes = [], limit = 100, after } = options;
  const page = { artifactTypes, limit, ...(after !== undefined && { after }) };
  return bench.registry.referrers.list(bench.repository, digest, page);
}

describe('the referrers of a digest', () => {
  it('are none for one that nobody knows, in a repository that is not there', async () => {
    expect(
      await new RegistryBench().registry.referrers.list(bench.repository, subjectDigest, {
        artifactTypes: [],
        limit: 1,
      }),
    ).toEqual({ items: [], more: false });
  });

  it('are there before their subject, with type, size and annotations', async () => {
    const manifest = artifact('sbom');
    const digest = await bench.pushManifest(manifest);
    expect(await list()).toEqual({
      items: [
        {
          mediaType: MediaType.imageManifest,
          digest,
          size: json(manifest).length,
          artifactType: 'test/sbom',
          annotations: { name: 'sbom' },
        },
      ],
      more: false,
    });
  });

  it('have the type of their config when they name none, and an index has none', async () => {
    const image = await bench.pushManifest(imageManifest('{}', [], { subject }));
    const index = await bench.pushManifest(imageIndex([], { subject }));
    const types = new Map((await list()).items.map((item) => [item.digest, item.artifactType]));
    expect(types).toEqual(
      new Map([
        [image, MediaType.imageConfig],
        [index, undefined],
      ]),
    );
  });

  it('can be filtered by several types', async () => {
    for (const name of ['a', 'b', 'c']) await bench.pushManifest(artifact(name));
    const { items } = await list({ artifactTypes: ['test/a', 'test/c'] });
    expect(items.map(({ artifactType }) => artifactType).sort()).toEqual(['test/a', 'test/c']);
  });

  it('go when they are deleted and stay when their subject is', async () => {
    const { digest: image, size } = await bench.pushImage('subject');
    const about = { subject: { ...subject, digest: image, size } };
    const first = await bench.pushManifest(artifact('first', about));
    const second = await bench.pushManifest(artifact('second', about));
    await bench.registry.manifests.delete(bench.repository, first, alice);
    await bench.registry.manifests.delete(bench.repository, image, alice);
    expect((await list({}, image)).items.map(({ digest }) => digest)).toEqual([second]);
  });

  it('are paged in digest order', async () => {
    const digests: Digest[] = [];
    for (let i = 0; i < 25; i++) digests.push(await bench.pushManifest(artifact(`${i}`)));
    const seen: Digest[] = [];
    let page = await list({ limit: 10 });
    seen.push(...page.items.map(({ digest }) => digest));
    while (page.more) {
      page = await list({ limit: 10, after: seen.at(-1) ?? '' });
      seen.push(...page.items.map(({ digest }) => digest));
    }
    expect(seen).toEqual(digests.toSorted());
    expect((await list({ after: 'zzz' })).items).toEqual([]);
    expect((await list({ after: 'a' })).items).toHaveLength(25);
  });

  it('carry annotations that are too long for a record, a few megabytes per page', async () => {
    for (const letter of ['a', 'b', 'c']) {
      await bench.pushManifest(artifact(letter, { annotations: { text: letter.repeat(1_700_000) } }));
    }
    const first = await list();
    expect(first.items.map(({ annotations }) => annotations?.text?.length)).toEqual([1_700_000, 1_700_000]);
    expect(first.more).toBe(true);
    const rest = await list({ after: first.items.at(-1)?.digest ?? '' });
    expect([rest.items.length, rest.more]).toEqual([1, false]);
  });

  it('keep annotations of every length exactly', async () => {
    for (const length of [0, 2_000, 2_780, 2_790, 2_800, 3_800, 10_000]) {
      const annotations = { text: 'é'.repeat(length / 2), [`key ${length}`]: '' };
      const digest = await bench.pushManifest(artifact(`${length}`, { annotations }));
      const found = (await list()).items.find((item) => item.digest === digest);
      expect(found?.annotations).toEqual(annotations);
    }
  });
});

describe('the fallback tag', () => {
  it('is cut to what a tag may be', () => {
    expect(fallbackTag(digestOf('x'))).toBe(`sha256-${digestOf('x').slice(7)}`);
    expect(fallbackTag(digestOf('x', 'sha512'))).toBe(`sha512-${digestOf('x', 'sha512').slice(7, 71)}`);
  });

  it('is merged into the answer, each manifest once', async () => {
    const both = await bench.pushManifest(artifact('both'));
    const old = imageManifest('{}', [], { annotations: { only: 'in the index' } });
    const oldDigest = await bench.pushManifest(old);
    const entry = {
      mediaType: MediaType.imageManifest,
      digest: oldDigest,
      size: json(old).length,
      artifactType: 'test/old',
      annotations: { from: 'index' },
    };
    const index = {
      ...imageIndex([{ digest: both, size: json(artifact('both')).length }]),
      manifests: [
        entry,
        entry,
        { mediaType: MediaType.imageManifest, digest: both, size: json(artifact('both')).length },
        { ...descriptor('not in the repository'), mediaType: MediaType.imageManifest },
      ],
    };
    await bench.pushManifest(index, [fallbackTag(subjectDigest)]);
    const { items } = await list();
    expect(items.map(({ digest }) => digest)).toEqual([both, oldDigest].toSorted());
    expect(items.find(({ digest }) => digest === oldDigest)).toEqual(entry);
    expect(items.find(({ digest }) => digest === both)?.annotations).toEqual({ name: 'both' });
    const filtered = await list({ artifactTypes: ['test/old'] });
    expect(filtered.items).toEqual([entry]);
    const first = [both, oldDigest].toSorted()[0] ?? '';
    expect((await list({ after: first })).items).toHaveLength(1);
    expect(await list({ limit: 1 })).toMatchObject({ more: true });
  });

  it('is ignored when it is no index', async () => {
    const { digest } = await bench.pushImage('image', [fallbackTag(subjectDigest)]);
    expect((await list()).items).toEqual([]);
    expect(
      (
        await bench.registry.manifests.resolve(bench.repository, {
          tag: parseTag(fallbackTag(subjectDigest)),
        })
      ).digest,
    ).toBe(digest);
  });
});
