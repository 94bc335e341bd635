import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RunningRegistry, startRegistry } from './start-registry.ts';
import { describeContent, digestOf, expectError, TYPE, values, Wire } from './wire.ts';

let server: RunningRegistry;
let wire: Wire;
beforeAll(async () => {
  server = await startRegistry();
  wire = new Wire(server.url);
});
afterAll(() => server.close());

const EMPTY_INDEX = JSON.stringify({ schemaVersion: 2, mediaType: TYPE.index, manifests: [] });

/** An index without children; every `note` makes another. */
function index(note: string, more: object = {}): string {
  return JSON.stringify({
    schemaVersion: 2,
    mediaType: TYPE.index,
    manifests: [],
    annotations: { note },
    ...more,
  });
}

describe('pushing a manifest', () => {
  it('by tag and by digest answers where it can be pulled', async () => {
    const digest = digestOf(EMPTY_INDEX);
    for (const reference of ['v1', digest, digest.replace(':', '%3A')]) {
      const answer = await wire.putManifest('put/a', reference, EMPTY_INDEX);
      expect(answer.status).toBe(201);
      expect(answer.headers).toMatchObject({
        location: `/v2/put/a/manifests/${digest}`,
        'docker-content-digest': digest,
      });
      expect((await wire.get(answer.headers.location ?? '')).body.toString()).toBe(EMPTY_INDEX);
    }
  });

  it('keeps every byte, unknown fields and spaces included', async () => {
    const content = ` {"schemaVersion": 2,\n\t"mediaType": "${TYPE.index}", "x-own": {"a": [1e3, null]}, "manifests": []}\n`;
    const answer = await wire.putManifest('put/bytes', 'v1', content);
    expect(answer.status).toBe(201);
    expect((await wire.get('/v2/put/bytes/manifests/v1')).body.toString()).toBe(content);
  });

  it('by a sha512 digest keeps that digest', async () => {
    const digest = digestOf(EMPTY_INDEX, 'sha512');
    const answer = await wire.putManifest('put/sha512', digest, EMPTY_INDEX);
    expect(answer.headers['docker-content-digest']).toBe(digest);
    expect((await wire.head(`/v2/put/sha512/manifests/${digest}`)).headers['docker-content-digest']).toBe(
      digest,
    );
  });

  it('sets ten tags and more in one step, and names each in the answer', async () => {
    const tags = Array.from({ length: 46 }, (_, i) => `t${i}`);
    const content = index('tags');
    const query = tags.map((tag) => `tag=${tag}`).join('&');
    const answer = await wire.putManifest('put/tags', `${digestOf(content)}?${query}`, content);
    expect(answer.status).toBe(201);
    expect(values(answer, 'oci-tag')).toEqual(tags);
    for (const tag of tags) {
      const head = await wire.head(`/v2/put/tags/manifests/${tag}`);
      expect(head.headers['docker-content-digest']).toBe(digestOf(content));
    }
  });

  it('refuses more tags than it takes, bad ones, and tags beside a tag, and stores nothing', async () => {
    const content = index('bad tags');
    const digest = digestOf(content);
    const many = Array.from({ length: 47 }, (_, i) => `tag=t${i}`).join('&');
    expect((await wire.putManifest('put/refused', `${digest}?${many}`, content)).status).toBe(414);
    expect((await wire.putManifest('put/refused', `${digest}?tag=ok&tag=.no`, content)).status).toBe(400);
    expect((await wire.putManifest('put/refused', `${digest}?tag=`, content)).status).toBe(400);
    expectError(await wire.putManifest('put/refused', 'v1?tag=x', content), 400, 'MANIFEST_INVALID');
    expectError(await wire.get('/v2/put/refused/tags/list'), 404, 'NAME_UNKNOWN');
  });

  it('answers the subject it understood, there or not', async () => {
    const subject = describeContent(TYPE.manifest, 'never pushed');
    const answer = await wire.putManifest('put/subject', 'v1', index('subject', { subject }));
    expect(answer.status).toBe(201);
    expect(answer.headers['oci-subject']).toBe(subject.digest);
    const plain = await wire.putManifest('put/subject', 'v2', EMPTY_INDEX);
    expect(plain.headers['oci-subject']).toBeUndefined();
  });

  it('refuses a digest that is not the content’s, and what is no digest', async () => {
    expectError(await wire.putManifest('put/bad', digestOf('x'), EMPTY_INDEX), 400, 'DIGEST_INVALID');
    expectError(
      await wire.putManifest('put/bad', 'sha256:baddigeststring', EMPTY_INDEX),
      400,
      'DIGEST_INVALID',
    );
    expectError(await wire.get('/v2/put/bad/tags/list'), 404, 'NAME_UNKNOWN');
  });

  it.each(['', 'not json', '[]', '{}', 'null', '{"schemaVersion":1}', '{"schemaVersion":2', '\u0000'])(
    'refuses the content %j',
    async (body) => {
      const answer = await wire.send('PUT', '/v2/put/invalid/manifests/v1', {
        headers: { 'content-type': TYPE.manifest },
        body,
      });
      expectError(answer, 400, 'MANIFEST_INVALID');
    },
  );

  it.each(['text/plain', 'application/json', TYPE.docker, 'x'])('refuses the type %s', async (type) => {
    const headers = { 'content-type': type };
    const answer = await wire.send('PUT', '/v2/put/type/manifests/v1', { headers, body: EMPTY_INDEX });
    expect(answer.status).toBe(415);
  });

  it('refuses a manifest without a type', async () => {
    const answer = await wire.send('PUT', '/v2/put/type/manifests/v1', { body: EMPTY_INDEX });
    expect(answer.status).toBe(415);
  });

  it('ignores the parameters of a type', async () => {
    const headers = { 'content-type': `${TYPE.index}; charset=utf-8` };
    expect((await wire.putManifest('put/type', 'v1', EMPTY_INDEX, headers)).status).toBe(201);
    expect((await wire.get('/v2/put/type/manifests/v1')).headers['content-type']).toBe(TYPE.index);
  });

  it('takes four megabytes and refuses more', async () => {
    const room = 4 * 1024 * 1024 - Buffer.byteLength(index(''));
    const largest = index('A'.repeat(room));
    expect(Buffer.byteLength(largest)).toBe(4 * 1024 * 1024);
    expect((await wire.putManifest('put/large', 'v1', largest)).status).toBe(201);
    expect((await wire.get('/v2/put/large/manifests/v1')).body.toString()).toBe(largest);
    const tooLarge = index('A'.repeat(room + 1));
    expectError(await wire.putManifest('put/large', 'v2', tooLarge), 413, 'MANIFEST_INVALID');
    const chunked = await wire.send('PUT', '/v2/put/large/manifests/v2', {
      headers: { 'content-type': TYPE.index },
      body: tooLarge,
      isChunked: true,
    });
    expectError(chunked, 413, 'MANIFEST_INVALID');
  });

  it('takes an image before its layers, keeps those that come later, and refuses one without its config', async () => {
    const config = describeContent(TYPE.config, '{}');
    const layer = describeContent(TYPE.layer, 'comes later');
    const content = JSON.stringify({ schemaVersion: 2, mediaType: TYPE.manifest, config, layers: [layer] });
    expectError(await wire.putManifest('put/missing', 'v1', content), 400, 'MANIFEST_BLOB_UNKNOWN');
    await wire.pushBlob('put/missing', '{}');
    expect((await wire.putManifest('put/missing', 'v1', content)).status).toBe(201);
    const blob = `/v2/put/missing/blobs/${layer.digest}`;
    expect((await wire.head(blob)).status).toBe(404);
    await wire.pushBlob('put/missing', 'comes later');
    expectError(await wire.send('DELETE', blob), 405, 'DENIED');
    expect((await wire.putManifest('put/missing', 'v2', content)).status).toBe(201);
    expectError(await wire.send('DELETE', blob), 405, 'DENIED');
    const manifest = `/v2/put/missing/manifests/${digestOf(content)}`;
    expect((await wire.send('DELETE', manifest)).status).toBe(202);
    expect((await wire.send('DELETE', blob)).status).toBe(202);
  });

  it('takes an index before its children and a manifest without layers', async () => {
    const child = {
      ...describeContent(TYPE.manifest, 'later'),
      platform: { os: 'linux', architecture: 'arm' },
    };
    const sparse = index('sparse', { manifests: [child] });
    expect((await wire.putManifest('put/sparse', 'v1', sparse)).status).toBe(201);
    const { answer } = await wire.pushImage('put/no-layers', 'v1', { layers: [] });
    expect(answer.status).toBe(201);
  });
});

describe('docker manifests', () => {
  let docker: RunningRegistry;
  beforeAll(async () => {
    docker = await startRegistry({ docker2s2: true });
  });
  afterAll(() => docker.close());

  it('are taken where the config says so, with a warning, and keep type and digest', async () => {
    const client = new Wire(docker.url);
    const config = await client.pushBlob('docker/a', '{}');
    const content = JSON.stringify({
      schemaVersion: 2,
      mediaType: TYPE.docker,
      config: { mediaType: 'application/vnd.docker.container.image.v1+json', digest: config, size: 2 },
      layers: [],
    });
    const answer = await client.putManifest('docker/a', 'v1', content);
    expect(answer.status).toBe(201);
    expect(answer.headers.warning).toMatch(/^299 - "[ -~]+"$/);
    const pulled = await client.get('/v2/docker/a/manifests/v1');
    expect(pulled.headers['content-type']).toBe(TYPE.docker);
    expect(pulled.headers['docker-content-digest']).toBe(digestOf(content));
  });
});

describe('a conditional push', () => {
  const put = (tag: string, note: string, headers: Record<string, string>) =>
    wire.putManifest('put/condition', tag, index(note), headers);

  it('with If-None-Match: * creates a tag and never moves one', async () => {
    const headers = { 'if-none-match': '*' };
    expect((await put('once', 'a', headers)).status).toBe(201);
    expectError(await put('once', 'b', headers), 412, 'DENIED');
    const head = await wire.head('/v2/put/condition/manifests/once');
    expect(head.headers['docker-content-digest']).toBe(digestOf(index('a')));
  });

  it('with If-Match moves a tag only from where it was', async () => {
    await put('moved', 'a', {});
    const etag = (await wire.head('/v2/put/condition/manifests/moved')).headers.etag ?? '';
    expect((await put('moved', 'b', { 'if-match': etag })).status).toBe(201);
    expectError(await put('moved', 'c', { 'if-match': etag }), 412, 'DENIED');
    expectError(await put('new', 'c', { 'if-match': '*' }), 412, 'DENIED');
    expectError(await put('moved', 'c', { 'if-match': `W/"${digestOf(index('b'))}"` }), 412, 'DENIED');
    expectError(await put('moved', 'c', { 'if-match': '"open' }), 400, 'UNSUPPORTED');
  });

  it('lets exactly one of many that race for a tag win', async () => {
    const notes = Array.from({ length: 12 }, (_, i) => `racer ${i}`);
    const answers = await Promise.all(notes.map((note) => put('race', note, { 'if-none-match': '*' })));
    const statuses = answers.map((answer) => answer.status);
    expect(statuses.filter((status) => status === 201)).toHaveLength(1);
    expect(statuses.filter((status) => status === 412)).toHaveLength(11);
    const winner = answers.find((answer) => answer.status === 201);
    const head = await wire.head('/v2/put/condition/manifests/race');
    expect(head.headers['docker-content-digest']).toBe(winner?.headers['docker-content-digest']);
  });
});
