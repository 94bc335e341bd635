import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RunningRegistry, startRegistry } from './start-registry.ts';
import { digestOf, expectError, json, TYPE, Wire } from './wire.ts';

let server: RunningRegistry;
let wire: Wire;
beforeAll(async () => {
  server = await startRegistry();
  wire = new Wire(server.url);
});
afterAll(() => server.close());

describe('deleting', () => {
  it('a tag leaves the manifest and its other tags', async () => {
    const image = await wire.pushImage('delete/tag', 'v1');
    await wire.putManifest('delete/tag', 'v2', image.content);
    const answer = await wire.send('DELETE', '/v2/delete/tag/manifests/v1');
    expect(answer.status).toBe(202);
    expectError(await wire.get('/v2/delete/tag/manifests/v1'), 404, 'MANIFEST_UNKNOWN');
    expect((await wire.head('/v2/delete/tag/manifests/v2')).status).toBe(200);
    await wire.send('DELETE', '/v2/delete/tag/manifests/v2');
    expect((await wire.head(`/v2/delete/tag/manifests/${image.digest}`)).status).toBe(200);
    expect(json(await wire.get('/v2/delete/tag/tags/list')).tags).toEqual([]);
    expectError(await wire.send('DELETE', '/v2/delete/tag/manifests/v1'), 404, 'MANIFEST_UNKNOWN');
  });

  it('a manifest takes every tag on it along, at once', async () => {
    const image = await wire.pushImage('delete/manifest', 'v1');
    await wire.putManifest('delete/manifest', 'v2', image.content);
    const path = `/v2/delete/manifest/manifests/${image.digest}`;
    expect((await wire.send('DELETE', path)).status).toBe(202);
    for (const reference of ['v1', 'v2', image.digest]) {
      expect((await wire.head(`/v2/delete/manifest/manifests/${reference}`)).status).toBe(404);
    }
    expectError(await wire.send('DELETE', path), 404, 'MANIFEST_UNKNOWN');
  });

  it('a tag that moved on leaves the old manifest under its digest', async () => {
    const old = await wire.pushImage('delete/moved', 'v1', { annotations: { note: 'old' } });
    await wire.pushImage('delete/moved', 'v1', { annotations: { note: 'new' } });
    expect((await wire.head(`/v2/delete/moved/manifests/${old.digest}`)).status).toBe(200);
  });

  it('is refused while something refers to it', async () => {
    const image = await wire.pushImage('delete/in-use', undefined, { layers: ['kept layer'] });
    const child = { mediaType: image.mediaType, digest: image.digest, size: image.size };
    const index = JSON.stringify({ schemaVersion: 2, mediaType: TYPE.index, manifests: [child] });
    await wire.putManifest('delete/in-use', 'v1', index);
    const manifest = `/v2/delete/in-use/manifests/${image.digest}`;
    const layer = `/v2/delete/in-use/blobs/${digestOf('kept layer')}`;
    expectError(await wire.send('DELETE', manifest), 405, 'DENIED');
    expectError(await wire.send('DELETE', layer), 405, 'DENIED');
    await wire.send('DELETE', `/v2/delete/in-use/manifests/${digestOf(index)}`);
    expect((await wire.send('DELETE', manifest)).status).toBe(202);
    expect((await wire.send('DELETE', layer)).status).toBe(202);
    expectError(await wire.get(layer), 404, 'BLOB_UNKNOWN');
  });

  it('a blob takes it from one repository only', async () => {
    const digest = await wire.pushBlob('delete/blob', 'shared');
    await wire.pushBlob('delete/other', 'shared');
    expect((await wire.send('DELETE', `/v2/delete/blob/blobs/${digest}`)).status).toBe(202);
    expect((await wire.head(`/v2/delete/blob/blobs/${digest}`)).status).toBe(404);
    expect((await wire.head(`/v2/delete/other/blobs/${digest}`)).status).toBe(200);
    expectError(await wire.send('DELETE', `/v2/delete/blob/blobs/${digest}`), 404, 'BLOB_UNKNOWN');
  });

  it('in a repository that is not there is 404', async () => {
    expect((await wire.send('DELETE', '/v2/delete/never/manifests/v1')).status).toBe(404);
    expect((await wire.send('DELETE', `/v2/delete/never/manifests/${digestOf('x')}`)).status).toBe(404);
    expect((await wire.send('DELETE', `/v2/delete/never/blobs/${digestOf('x')}`)).status).toBe(404);
  });
});

describe('a conditional deletion', () => {
  it('of a tag happens only while the tag is where the client thinks it is', async () => {
    const first = await wire.pushImage('delete/condition', 'moving', { layers: ['first'] });
    const second = await wire.pushImage('delete/condition', 'moving', { layers: ['second'] });
    const url = '/v2/delete/condition/manifests/moving';
    const remove = (headers: Record<string, string>) => wire.send('DELETE', url, { headers });
    expectError(await remove({ 'if-match': `"${first.digest}"` }), 412, 'DENIED');
    expectError(await remove({ 'if-none-match': '*' }), 412, 'DENIED');
    expectError(await remove({ 'if-match': '"open' }), 400, 'UNSUPPORTED');
    expect((await wire.head(url)).headers['docker-content-digest']).toBe(second.digest);
    expect((await remove({ 'if-match': `"${second.digest}"` })).status).toBe(202);
    expectError(await remove({ 'if-match': '*' }), 404, 'MANIFEST_UNKNOWN');
  });

  it('of a manifest or a blob compares with its digest', async () => {
    const { digest } = await wire.pushImage('delete/condition', 'v1', { layers: ['layer of v1'] });
    const blob = await wire.pushBlob('delete/condition', 'lonely');
    for (const [url, etag] of [
      [`/v2/delete/condition/manifests/${digest}`, digest],
      [`/v2/delete/condition/blobs/${blob}`, blob],
    ] as const) {
      const remove = (headers: Record<string, string>) => wire.send('DELETE', url, { headers });
      expectError(await remove({ 'if-match': '"another"' }), 412, 'DENIED');
      expectError(await remove({ 'if-none-match': `"${etag}"` }), 412, 'DENIED');
      expect((await wire.head(url)).status).toBe(200);
      expect((await remove({ 'if-match': `"${etag}"` })).status).toBe(202);
    }
  });
});
