import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type RunningApp, startApp } from '@zot-artifact-store/testkit';
import { type Answer, Client } from '@zot-artifact-store/testkit/fault/client.ts';
import { type S3FaultRequest, sendS3, sha256Of } from '@zot-artifact-store/testkit/fault/s3/s3-request.ts';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

/** No disk has so much free, so to this server every disk is full. */
const ALL_THERE_IS = '8000TiB';
/** Long enough that nothing expires by itself. */
const LONG_DAY_SECONDS = 86_400;

let folder = '';
let running: { readonly app: RunningApp; readonly client: Client } | undefined;

async function start(reserveBytes: string, lifecycleDaySeconds = LONG_DAY_SECONDS): Promise<void> {
  await stop();
  const app = await startApp({
    config: {
      storage: {
        rootDirectory: join(folder, 'data'),
        metadataDriver: 'lmdb',
        blobDriver: 'filesystem',
        reserveBytes,
        gcDelay: '1s',
        gcInterval: '24h',
      },
      extensions: { s3: { lifecycleDaySeconds } },
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

function send(request: S3FaultRequest, status: number): Promise<Answer> {
  return sendS3({ client: current().client }, request, [status]);
}

const put = (target: string, body: string | Buffer = '', status = 200) =>
  send({ method: 'PUT', target, body: Buffer.from(body) }, status);
const remove = (target: string, status = 204) => send({ method: 'DELETE', target }, status);

async function startUpload(target: string): Promise<string> {
  const { body } = await send({ method: 'POST', target: `${target}?uploads` }, 200);
  const id = /<UploadId>(.+)<\/UploadId>/.exec(body.toString())?.[1] ?? '';
  await put(`${target}?partNumber=1&uploadId=${id}`, Buffer.alloc(100_000, 'p'));
  return id;
}

async function bytesOnDisk(): Promise<number> {
  const { scheduler, stores } = current().app.app;
  for (const task of ['s3/ended-uploads', 'gc:']) {
    await scheduler.runOnceSince(task, Number.POSITIVE_INFINITY).catch(() => undefined);
  }
  const [{ driver }] = stores.volumes;
  let objects = 0;
  for await (const _object of driver.list()) objects += 1;
  return objects;
}

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'zas-s3-full-'));
});
afterEach(async () => {
  await stop();
  await rm(folder, { recursive: true, force: true });
});

describe('S3 over a store whose disk is full', () => {
  it('refuses what takes space with 507, leaves what is there, and serves it', async () => {
    await start('0');
    await put('/bucket');
    await put('/bucket/key', 'before');
    const upload = await startUpload('/bucket/upload');

    await start(ALL_THERE_IS);
    for (const request of [
      { method: 'PUT', target: '/other' },
      { method: 'PUT', target: '/bucket/key', body: Buffer.from('after') },
      { method: 'PUT', target: '/bucket/large', body: Buffer.alloc(100_000) },
      { method: 'PUT', target: '/bucket/copy', headers: { 'x-amz-copy-source': 'bucket/key' } },
      { method: 'POST', target: '/bucket/other?uploads' },
      { method: 'PUT', target: `/bucket/upload?partNumber=2&uploadId=${upload}`, body: Buffer.from('2') },
    ] as const) {
      const { body } = await send(request, 507);
      expect(body.toString()).toContain('<Code>StorageFull</Code>');
    }
    expect((await send({ method: 'GET', target: '/bucket/key' }, 200)).body.toString()).toBe('before');
    const { body } = await send({ method: 'GET', target: '/bucket?list-type=2' }, 200);
    expect(body.toString()).toContain('<KeyCount>1</KeyCount>');
  });

  it('takes deletes of every kind and collects what they free', async () => {
    await start('0');
    for (const bucket of ['plain', 'versioned', 'expiring']) await put(`/${bucket}`);
    await put(
      '/versioned?versioning',
      '<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>',
    );
    const content = (fill: string) => Buffer.alloc(100_000, fill);
    await put('/plain/one', content('a'));
    await put('/plain/two', content('b'));
    await put('/plain/three', content('c'));
    const version = (await put('/versioned/key', content('d'))).headers['x-amz-version-id'] ?? '';
    await put('/versioned/key', content('e'));
    await put('/versioned/other', content('f'));
    const upload = await startUpload('/plain/upload');
    await startUpload('/expiring/upload');
    await put('/expiring/key', content('g'));
    const rules =
      '<LifecycleConfiguration><Rule><ID>r</ID><Status>Enabled</Status><Filter><Prefix/></Filter>' +
      '<Expiration><Days>1</Days></Expiration><AbortIncompleteMultipartUpload><DaysAfterInitiation>1' +
      '</DaysAfterInitiation></AbortIncompleteMultipartUpload></Rule></LifecycleConfiguration>';
    await put('/expiring?lifecycle', rules);

    await start(ALL_THERE_IS, 1);
    await remove('/plain/one');
    const batch = Buffer.from(
      '<Delete><Object><Key>two</Key></Object><Object><Key>three</Key></Object></Delete>',
    );
    const checksum = Buffer.from(sha256Of(batch), 'hex').toString('base64');
    const headers = { 'x-amz-checksum-sha256': checksum };
    const { body } = await send({ method: 'POST', target: '/plain?delete', headers, body: batch }, 200);
    expect(body.toString()).not.toContain('<Error>');
    await remove(`/plain/upload?uploadId=${upload}`);
    await remove('/plain');
    // A marker that hides an object is a step towards freeing it; one that hides nothing is not.
    const marker = (await remove('/versioned/key')).headers['x-amz-version-id'] ?? '';
    await remove('/versioned/key', 507);
    await remove('/versioned/nothing', 507);
    await remove(`/versioned/key?versionId=${version}`);
    await remove(`/versioned/key?versionId=${marker}`);
    expect((await send({ method: 'GET', target: '/versioned/key' }, 200)).body).toEqual(content('e'));
    await remove('/versioned/other');
    const expiring = async () => {
      const { body } = await send({ method: 'GET', target: '/expiring?list-type=2' }, 200);
      return body.toString();
    };
    await expect.poll(expiring, { timeout: 30_000, interval: 200 }).toContain('<KeyCount>0</KeyCount>');
    // Left are the two current or hidden versions of the versioned bucket.
    await expect.poll(bytesOnDisk, { timeout: 30_000, interval: 200 }).toBe(2);
    await remove('/expiring');
  });
});
