import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RunningRegistry, startRegistry } from './start-registry.ts';
import { type Answer, describeContent, digestOf, expectError, json, TYPE, Wire } from './wire.ts';

let server: RunningRegistry;
let wire: Wire;
beforeAll(async () => {
  server = await startRegistry();
  wire = new Wire(server.url);
});
afterAll(() => server.close());

/** The path of the next page. */
function next(answer: Answer): string | undefined {
  const link = answer.headers.link?.toString();
  if (link === undefined) return undefined;
  const match = /^<(\/v2\/[^>]+)>; rel="next"$/.exec(link);
  expect(match).not.toBeNull();
  return match?.[1];
}

async function follow(
  path: string,
  read: (answer: Answer) => readonly unknown[],
): Promise<readonly unknown[]> {
  const found: unknown[] = [];
  for (let at: string | undefined = path; at !== undefined; ) {
    const answer = await wire.get(at);
    expect(answer.status).toBe(200);
    found.push(...read(answer));
    at = next(answer);
  }
  return found;
}

const tagsOf = (answer: Answer) => json(answer).tags as readonly string[];
const manifestsOf = (answer: Answer) => json(answer).manifests as readonly Record<string, unknown>[];

describe('listing tags', () => {
  const SORTED = ['1.0', 'B', '_x', 'a', 'a-b', 'latest'];
  beforeAll(async () => {
    for (const tag of ['latest', 'a-b', 'B', '1.0', 'a', '_x']) await wire.pushImage('tags/a', tag);
    await wire.pushImage('tags/none');
  });

  it('gives all of them in byte order', async () => {
    const answer = await wire.get('/v2/tags/a/tags/list');
    expect(answer.headers['content-type']).toBe('application/json');
    expect(json(answer)).toEqual({ name: 'tags/a', tags: SORTED });
    expect(answer.headers.link).toBeUndefined();
  });

  it.each([
    ['?n=0', []],
    ['?n=2', ['1.0', 'B']],
    ['?n=100', SORTED],
    ['?last=B', ['_x', 'a', 'a-b', 'latest']],
    ['?n=1&last=a', ['a-b']],
    ['?n=1&last=a-', ['a-b']],
    ['?last=zzz', []],
    ['?last=%00', SORTED],
    ['?last=%F0%9F%92%A9', []],
  ])('gives the part %s', async (query, tags) => {
    expect(tagsOf(await wire.get(`/v2/tags/a/tags/list${query}`))).toEqual(tags);
  });

  it('links each page to the next and the last to none', async () => {
    expect(await follow('/v2/tags/a/tags/list?n=2', tagsOf)).toEqual(SORTED);
    expect((await wire.get('/v2/tags/a/tags/list?n=6')).headers.link).toBeUndefined();
    expect((await wire.get('/v2/tags/a/tags/list?n=0')).headers.link).toBeUndefined();
  });

  it('is empty for a repository without tags and 404 for one that is not there', async () => {
    expect(json(await wire.get('/v2/tags/none/tags/list'))).toEqual({ name: 'tags/none', tags: [] });
    expectError(await wire.get('/v2/tags/never/tags/list'), 404, 'NAME_UNKNOWN');
    expectError(await wire.get('/v2/tags/never/tags/list?n=0'), 404, 'NAME_UNKNOWN');
  });

  it.each(['n=x', 'n=-1', 'n=', 'n=1&n=2', 'n=1.5', 'last=a&last=b', 'last=%ff'])(
    'refuses ?%s',
    async (query) => {
      expectError(await wire.get(`/v2/tags/a/tags/list?${query}`), 400, 'UNSUPPORTED');
    },
  );
});

describe('the catalog', () => {
  let own: RunningRegistry;
  let client: Wire;
  const NAMES = ['a', 'a-b', 'a/b', 'a/tags/list', 'blobs/uploads', 't/myblobs', 'z'];
  beforeAll(async () => {
    own = await startRegistry({ mayPull: (name) => !name.startsWith('secret') });
    client = new Wire(own.url);
    for (const name of [...NAMES, 'secret/1', 'secret/2']) {
      await client.putManifest(
        name,
        'v1',
        JSON.stringify({ schemaVersion: 2, mediaType: TYPE.index, manifests: [] }),
      );
    }
  });
  afterAll(() => own.close());

  it('lists in byte order what may be pulled, whatever it is called', async () => {
    const answer = await client.get('/v2/_catalog');
    expect(json(answer)).toEqual({ repositories: NAMES });
  });

  it('pages without a trace of what is hidden', async () => {
    const first = await client.get('/v2/_catalog?n=5');
    expect(json(first).repositories).toEqual(NAMES.slice(0, 5));
    expect(next(first)).toBe('/v2/_catalog?n=5&last=blobs%2Fuploads');
    const second = await client.get(next(first) ?? '');
    expect(json(second).repositories).toEqual(NAMES.slice(5));
    expect(second.headers.link).toBeUndefined();
    expect(json(await client.get('/v2/_catalog?n=2&last=a0')).repositories).toEqual([
      'blobs/uploads',
      't/myblobs',
    ]);
    expect(json(await client.get('/v2/_catalog?n=0')).repositories).toEqual([]);
  });

  it('refuses a bad n', async () => {
    expectError(await client.get('/v2/_catalog?n=all'), 400, 'UNSUPPORTED');
  });

  it('does not mount what may not be pulled', async () => {
    const content = 'a hidden layer';
    const digest = digestOf(content);
    await client.pushBlob('secret/1', content);
    for (const query of [`mount=${digest}&from=secret/1`, `mount=${digest}`]) {
      expect((await client.send('POST', `/v2/a/blobs/uploads/?${query}`)).status).toBe(202);
    }
    expect((await client.head(`/v2/a/blobs/${digest}`)).status).toBe(404);
  });
});

describe('listing referrers', () => {
  const SBOM = 'application/vnd.example.sbom.v1+json';
  const SIGNATURE = 'application/vnd.example.signature.v1';

  it('is an empty index for a digest or a repository nobody knows', async () => {
    for (const name of ['referrers/a', 'referrers/never']) {
      const answer = await wire.get(`/v2/${name}/referrers/${digestOf('nobody')}`);
      expect(answer.status).toBe(200);
      expect(answer.headers['content-type']).toBe(TYPE.index);
      expect(json(answer)).toEqual({ schemaVersion: 2, mediaType: TYPE.index, manifests: [] });
    }
    expectError(await wire.get('/v2/referrers/a/referrers/sha256:no'), 400, 'DIGEST_INVALID');
  });

  it('names what refers to a digest, with type, size, artifact type and annotations', async () => {
    const subject = await wire.pushImage('referrers/a', 'v1');
    const target = { mediaType: subject.mediaType, digest: subject.digest, size: subject.size };
    const sbom = await wire.pushImage('referrers/a', undefined, {
      subject: target,
      artifactType: SBOM,
      annotations: { note: 'sbom' },
    });
    const signature = await wire.pushImage('referrers/a', 'signed', {
      subject: target,
      configType: SIGNATURE,
    });
    expect(signature.answer.headers['oci-subject']).toBe(subject.digest);
    const path = `/v2/referrers/a/referrers/${subject.digest}`;
    const all = manifestsOf(await wire.get(path));
    const expected = [
      {
        mediaType: TYPE.manifest,
        digest: sbom.digest,
        size: sbom.size,
        artifactType: SBOM,
        annotations: { note: 'sbom' },
      },
      { mediaType: TYPE.manifest, digest: signature.digest, size: signature.size, artifactType: SIGNATURE },
    ];
    expect(all).toHaveLength(2);
    expect(all).toEqual(expect.arrayContaining(expected));

    const filtered = await wire.get(`${path}?artifactType=${encodeURIComponent(SBOM)}`);
    expect(filtered.headers['oci-filters-applied']).toBe('artifactType');
    expect(manifestsOf(filtered)).toEqual([expected[0]]);
    expect(manifestsOf(await wire.get(`${path}?artifactType=${SBOM}`))).toEqual([expected[0]]);
    const both = await wire.get(`${path}?artifactType=${encodeURIComponent(SBOM)}&artifactType=${SIGNATURE}`);
    expect(manifestsOf(both)).toHaveLength(2);
    expect(manifestsOf(await wire.get(`${path}?artifactType=none`))).toEqual([]);

    expect(await follow(`${path}?n=1`, manifestsOf)).toEqual(all);
    await wire.send('DELETE', `/v2/referrers/a/manifests/${sbom.digest}`);
    expect(manifestsOf(await wire.get(path))).toEqual([expected[1]]);
  });

  it('merges in what clients kept under the fallback tag', async () => {
    const subject = describeContent(TYPE.manifest, 'an old image');
    const referrer = await wire.pushImage('referrers/old', undefined, { artifactType: SBOM, subject });
    const kept = { ...describeContent(TYPE.manifest, referrer.content), artifactType: SBOM };
    const fallback = JSON.stringify({ schemaVersion: 2, mediaType: TYPE.index, manifests: [kept] });
    const tag = subject.digest.replace(':', '-');
    expect((await wire.putManifest('referrers/old', tag, fallback)).status).toBe(201);
    const listed = manifestsOf(await wire.get(`/v2/referrers/old/referrers/${subject.digest}`));
    expect(listed.map(({ digest }) => digest)).toEqual([referrer.digest]);
  });
});

describe('extension discovery', () => {
  it('lists what there is', async () => {
    const answer = await wire.get('/v2/_oci/ext/discover');
    expect(answer.status).toBe(200);
    expect(json(answer)).toEqual({ extensions: [] });
  });
});
