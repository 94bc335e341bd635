import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RunningRegistry, startRegistry } from './start-registry.ts';
import { digestOf, expectError, type Pushed, TYPE, Wire } from './wire.ts';

const CONTENT = Array.from({ length: 2048 }, (_, i) => String.fromCharCode(97 + (i % 26))).join('');

let server: RunningRegistry;
let wire: Wire;
let image: Pushed;
let blob: string;
beforeAll(async () => {
  server = await startRegistry();
  wire = new Wire(server.url);
  image = await wire.pushImage('pull/a', 'v1');
  blob = await wire.pushBlob('pull/a', CONTENT);
});
afterAll(() => server.close());

describe('the version check', () => {
  it.each(['/v2/', '/v2'])('answers GET %s', async (path) => {
    const answer = await wire.get(path);
    expect(answer.status).toBe(200);
    expect(answer.headers['docker-distribution-api-version']).toBe('registry/2.0');
  });

  it('answers HEAD and OPTIONS', async () => {
    expect((await wire.head('/v2/')).status).toBe(200);
    const options = await wire.send('OPTIONS', '/v2/');
    expect(options.status).toBe(200);
    expect(options.headers.allow).toBe('GET, HEAD, OPTIONS');
  });
});

describe('a manifest', () => {
  const references = () => ['v1', image.digest, image.digest.replace(':', '%3A')];

  it('is read byte-exact by tag and by digest', async () => {
    for (const reference of references()) {
      const answer = await wire.get(`/v2/pull/a/manifests/${reference}`);
      expect(answer.status).toBe(200);
      expect(answer.body.toString()).toBe(image.content);
      expect(answer.headers).toMatchObject({
        'content-type': TYPE.manifest,
        'content-length': String(image.size),
        'docker-content-digest': image.digest,
        etag: `"${image.digest}"`,
      });
    }
  });

  it('has the same headers by HEAD, and no body', async () => {
    for (const reference of references()) {
      const answer = await wire.head(`/v2/pull/a/manifests/${reference}`);
      expect(answer.status).toBe(200);
      expect(answer.body).toHaveLength(0);
      expect(answer.headers).toMatchObject({
        'content-type': TYPE.manifest,
        'content-length': String(image.size),
        'docker-content-digest': image.digest,
      });
    }
  });

  it('is cached for good by digest and asked for again by tag', async () => {
    const byDigest = await wire.get(`/v2/pull/a/manifests/${image.digest}`);
    expect(byDigest.headers['cache-control']).toContain('immutable');
    const byTag = await wire.get('/v2/pull/a/manifests/v1');
    expect(byTag.headers['cache-control']).toBe('no-cache');
  });

  it.each(['GET', 'HEAD'])('answers %s with 304 to whoever has it', async (method) => {
    const headers = { 'if-none-match': `"${image.digest}"` };
    const answer = await wire.send(method, '/v2/pull/a/manifests/v1', { headers });
    expect(answer.status).toBe(304);
    expect(answer.body).toHaveLength(0);
    expect(answer.headers.etag).toBe(`"${image.digest}"`);
  });

  it('ignores what the client accepts, and the namespace of a proxy', async () => {
    const headers = { accept: 'application/vnd.docker.distribution.manifest.v1+json' };
    const answer = await wire.get('/v2/pull/a/manifests/v1?ns=docker.io', headers);
    expect(answer.status).toBe(200);
    expect(answer.headers['oci-namespace']).toBeUndefined();
  });

  it('that is not there is 404', async () => {
    expectError(await wire.get('/v2/pull/a/manifests/none'), 404, 'MANIFEST_UNKNOWN');
    expectError(await wire.get(`/v2/pull/a/manifests/${digestOf('x')}`), 404, 'MANIFEST_UNKNOWN');
    expectError(await wire.get('/v2/pull/a/manifests/.INVALID'), 404, 'MANIFEST_UNKNOWN');
    expectError(await wire.get('/v2/pull/never/manifests/v1'), 404, 'NAME_UNKNOWN');
    const head = await wire.head('/v2/pull/a/manifests/none');
    expect(head.status).toBe(404);
    expect(head.body).toHaveLength(0);
  });
});

describe('a blob', () => {
  const path = () => `/v2/pull/a/blobs/${blob}`;

  it('is read whole', async () => {
    const answer = await wire.get(path());
    expect(answer.status).toBe(200);
    expect(answer.body.toString()).toBe(CONTENT);
    expect(answer.headers).toMatchObject({
      'content-type': 'application/octet-stream',
      'content-length': '2048',
      'docker-content-digest': blob,
      'accept-ranges': 'bytes',
      etag: `"${blob}"`,
      'cache-control': 'max-age=31536000, immutable',
      'x-content-type-options': 'nosniff',
    });
  });

  it('has the same headers by HEAD', async () => {
    const answer = await wire.head(path());
    expect(answer.status).toBe(200);
    expect(answer.body).toHaveLength(0);
    expect(answer.headers).toMatchObject({
      'content-length': '2048',
      'docker-content-digest': blob,
      'accept-ranges': 'bytes',
    });
  });

  it.each([
    ['500-1499', 500, 1500],
    ['500-', 500, 2048],
    ['-500', 1548, 2048],
    ['2000-5000', 2000, 2048],
    ['0-0', 0, 1],
  ])('is read in the part %s', async (range, start, end) => {
    const answer = await wire.get(path(), { range: `bytes=${range}` });
    expect(answer.status).toBe(206);
    expect(answer.body.toString()).toBe(CONTENT.slice(start, end));
    expect(answer.headers).toMatchObject({
      'content-length': String(end - start),
      'content-range': `bytes ${start}-${end - 1}/2048`,
      'docker-content-digest': blob,
    });
  });

  it.each(['500-0', '5000-10000', '2048-', '-0', 'a-b'])('refuses the part %s', async (range) => {
    const answer = await wire.get(path(), { range: `bytes=${range}` });
    expectError(answer, 416, 'SIZE_INVALID');
    expect(answer.headers['content-range']).toBe('bytes */2048');
  });

  it('is read in several parts at once', async () => {
    const answer = await wire.get(path(), { range: 'bytes=0-9,100-109' });
    expect(answer.status).toBe(206);
    const boundary = /^multipart\/byteranges; boundary=(.+)$/.exec(answer.headers['content-type'] ?? '')?.[1];
    const part = (start: number, end: number) =>
      `\r\n--${boundary}\r\nContent-Type: application/octet-stream\r\nContent-Range: bytes ${start}-${end}/2048\r\n\r\n${CONTENT.slice(start, end + 1)}`;
    expect(answer.body.toString()).toBe(`${part(0, 9)}${part(100, 109)}\r\n--${boundary}--\r\n`);
    expect(answer.headers['content-length']).toBe(String(answer.body.length));
  });

  it('is read in part only when it is still what the client began with', async () => {
    const range = 'bytes=0-9';
    expect((await wire.get(path(), { range, 'if-range': `"${blob}"` })).status).toBe(206);
    expect((await wire.get(path(), { range, 'if-range': '"else"' })).status).toBe(200);
  });

  it('is not sent again to whoever has it', async () => {
    expect((await wire.get(path(), { 'if-none-match': `"${blob}"` })).status).toBe(304);
    expect((await wire.get(path(), { 'if-none-match': '*' })).status).toBe(304);
    expectError(await wire.get(path(), { 'if-match': '"else"' }), 412, 'DENIED');
  });

  it('belongs to its repository', async () => {
    await wire.pushBlob('pull/b', 'elsewhere');
    expectError(await wire.get(`/v2/pull/a/blobs/${digestOf('elsewhere')}`), 404, 'BLOB_UNKNOWN');
    expect((await wire.head(`/v2/pull/never/blobs/${blob}`)).status).toBe(404);
  });
});
