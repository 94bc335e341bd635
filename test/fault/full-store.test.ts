import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type RunningApp, startApp } from '@zot-artifact-store/testkit';
import { type Answer, Client, type ClientRequest } from '@zot-artifact-store/testkit/fault/client.ts';
import { contentOf, digestOf } from '@zot-artifact-store/testkit/fault/oci/content.ts';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const MANIFEST_TYPE = 'application/vnd.oci.image.manifest.v1+json';
const OCTETS = { 'content-type': 'application/octet-stream' };
/** No disk has so much free, so to this server every disk is full. */
const ALL_THERE_IS = '8000TiB';

let folder = '';
let running: { readonly app: RunningApp; readonly client: Client } | undefined;

async function start(reserveBytes: string): Promise<void> {
  await stop();
  const app = await startApp({
    config: {
      storage: {
        rootDirectory: join(folder, 'data'),
        metadataDriver: 'lmdb',
        blobDriver: 'filesystem',
        reserveBytes,
        // Long enough for an image to come whole.
        gcDelay: '2s',
        gcInterval: '24h',
      },
    },
  });
  running = { app, client: new Client(app) };
}

async function stop(): Promise<void> {
  running?.client.close();
  await running?.app.close();
  running = undefined;
}

function current() {
  if (running === undefined) throw new Error('no server');
  return running;
}

const send = (method: ClientRequest['method'], target: string, more: Partial<ClientRequest> = {}) =>
  current().client.send({ method, target, ...more });

function pushBlob(bytes: Buffer): Promise<Answer> {
  const digest = encodeURIComponent(digestOf(bytes));
  return send('POST', `/v2/app/blobs/uploads/?digest=${digest}`, { headers: OCTETS, body: [bytes] });
}

/** Opening a session writes nothing, so that it is what is sent into it that finds the disk full. */
async function fillSession(bytes: Buffer): Promise<Answer> {
  const session = await send('POST', '/v2/app/blobs/uploads/');
  expect(session.status).toBe(202);
  return send('PATCH', session.headers.location ?? '', { headers: OCTETS, body: [bytes] });
}

/** The digest of an image of one layer, tagged. */
async function pushImage(tag: string, layer: Buffer): Promise<string> {
  const config = Buffer.from(JSON.stringify({ tag }));
  for (const bytes of [config, layer]) expect((await pushBlob(bytes)).status).toBe(201);
  const describeBlob = (mediaType: string, bytes: Buffer) => ({
    mediaType,
    digest: digestOf(bytes),
    size: bytes.length,
  });
  const manifest = contentOf(
    Buffer.from(
      JSON.stringify({
        schemaVersion: 2,
        mediaType: MANIFEST_TYPE,
        config: describeBlob('application/vnd.oci.image.config.v1+json', config),
        layers: [describeBlob('application/vnd.oci.image.layer.v1.tar', layer)],
      }),
    ),
  );
  const headers = { 'content-type': MANIFEST_TYPE };
  const answer = await send('PUT', `/v2/app/manifests/${tag}`, { headers, body: [manifest.bytes] });
  expect(answer.status).toBe(201);
  return manifest.digest;
}

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'zas-full-'));
});
afterEach(async () => {
  await stop();
  await rm(folder, { recursive: true, force: true });
});

describe('a store whose disk is full', () => {
  it('refuses every push with 507 and the error of the protocol, and serves what it has', async () => {
    const layer = Buffer.alloc(100_000, 'l');
    await start('0');
    const manifest = await pushImage('v1', layer);
    await start(ALL_THERE_IS);
    const headers = { 'content-type': MANIFEST_TYPE };
    const kept = await send('GET', '/v2/app/manifests/v1');
    for (const answer of [
      await pushBlob(Buffer.from('small')),
      await pushBlob(Buffer.alloc(100_000, 'x')),
      await fillSession(Buffer.from('small')),
      await send('POST', `/v2/other/blobs/uploads/?mount=${digestOf(layer)}&from=app`),
      await send('PUT', '/v2/app/manifests/v2', { headers, body: [kept.body] }),
    ]) {
      expect(answer.status).toBe(507);
      expect(answer.headers['content-type']).toBe('application/json');
      expect(JSON.parse(answer.body.toString())).toEqual({
        errors: [{ code: 'DENIED', message: expect.stringMatching(/room|full/) }],
      });
    }
    expect(digestOf(kept.body)).toBe(manifest);
    expect((await send('GET', `/v2/app/blobs/${digestOf(layer)}`)).body.equals(layer)).toBe(true);
    expect((await send('HEAD', `/v2/app/blobs/${digestOf(layer)}`)).status).toBe(200);
    expect(JSON.parse((await send('GET', '/v2/app/tags/list')).body.toString()).tags).toEqual(['v1']);
    // It can still be read from.
    expect((await send('GET', '/readyz')).status).toBe(200);
    expect((await send('GET', '/livez')).status).toBe(200);
  });

  it('takes deletes of every kind, collects what they free, and goes on when there is space', async () => {
    const layer = Buffer.alloc(100_000, 'l');
    const unused = Buffer.alloc(50_000, 'u');
    await start('0');
    const manifest = await pushImage('v1', layer);
    await pushImage('v2', layer);
    await pushBlob(unused);
    const session = await send('POST', '/v2/app/blobs/uploads/');
    await send('PATCH', session.headers.location ?? '', { headers: OCTETS, body: [Buffer.alloc(9_000)] });

    await start(ALL_THERE_IS);
    for (const [target, status] of [
      [session.headers.location ?? '', 204],
      ['/v2/app/manifests/v2', 202],
      [`/v2/app/manifests/${manifest}`, 202],
      [`/v2/app/blobs/${digestOf(unused)}`, 202],
    ] as const) {
      expect([target, (await send('DELETE', target)).status]).toEqual([target, status]);
    }
    const { scheduler, stores } = current().app.app;
    const [{ driver }] = stores.volumes;
    const list = async () => {
      const names: string[] = [];
      for await (const { name } of driver.list()) names.push(name);
      for await (const { id } of driver.listStaged()) names.push(id);
      return names;
    };
    // What loses its last reference in one run is collected by a later one.
    await expect
      .poll(
        async () => {
          await scheduler.runOnceSince('gc:', Number.POSITIVE_INFINITY).catch(() => undefined);
          return (await list()).length;
        },
        { timeout: 30_000, interval: 200 },
      )
      .toBe(1);
    await scheduler.runOnceSince('uploads', Number.POSITIVE_INFINITY);
    await scheduler.runOnceSince('orphans:', Number.POSITIVE_INFINITY);

    await start('0');
    await pushImage('v3', Buffer.alloc(100_000, 'n'));
  });
});
