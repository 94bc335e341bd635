import { ListBucketsCommand, S3Client } from '@aws-sdk/client-s3';
import { afterEach, describe, expect, it } from 'vitest';
import { basic, type IdentityServer, startIdentityServer } from './start-identity.ts';

const PASSWORD = 'a good password';
const ALICE = basic('alice', PASSWORD);
const BOB = basic('bob', PASSWORD);
const KEYS = '/-/api/v1/access-keys';

let server: IdentityServer | undefined;
afterEach(async () => {
  await server?.app.close();
  server = undefined;
});

async function start(): Promise<IdentityServer> {
  const helper = {
    Version: '2012-10-17',
    Statement: [
      {
        Effect: 'Allow',
        Action: ['admin:ListAccessKeys', 'admin:CreateAccessKey', 'admin:DeleteAccessKey'],
        Resource: 'arn:zas:admin:::access-key/*',
      },
    ],
  };
  server = await startIdentityServer({
    extensions: {
      s3: {},
      rbac: {
        everyUser: ['bucket-owner'],
        policies: { helper },
        attachments: { 'user:bob': ['helper'] },
      },
    },
  });
  for (const name of ['alice', 'bob']) {
    await server.send('POST', '/-/api/v1/users', { name, password: PASSWORD });
  }
  return server;
}

function client(url: string, accessKeyId: string, secretAccessKey: string): S3Client {
  return new S3Client({
    endpoint: url,
    region: 'us-east-1',
    forcePathStyle: true,
    maxAttempts: 1,
    credentials: { accessKeyId, secretAccessKey },
  });
}

describe('access keys over the API', () => {
  it('are made by their user, told once, work, and stop working', async () => {
    const { send, app } = await start();
    const made = await send('POST', KEYS, { description: 'laptop' }, ALICE);
    expect(made).toMatchObject({
      status: 201,
      body: { user: 'alice', description: 'laptop', enabled: true },
    });
    const { accessKeyId, secretAccessKey } = made.body;
    const s3 = client(app.url, accessKeyId, secretAccessKey);
    expect((await s3.send(new ListBucketsCommand())).Buckets ?? []).toEqual([]);

    const listed = await send('GET', KEYS, undefined, ALICE);
    expect(listed.body).toMatchObject({ items: [{ accessKeyId, user: 'alice' }] });
    expect(JSON.stringify(listed.body)).not.toContain(secretAccessKey);

    const path = `${KEYS}/${accessKeyId}`;
    expect((await send('PATCH', path, { enabled: false }, ALICE)).body).toMatchObject({ enabled: false });
    await expect(s3.send(new ListBucketsCommand())).rejects.toThrow();
    await send('PATCH', path, { enabled: true }, ALICE);
    await s3.send(new ListBucketsCommand());
    expect((await send('DELETE', path, undefined, ALICE)).status).toBe(200);
    await expect(s3.send(new ListBucketsCommand())).rejects.toThrow();
    s3.destroy();
  });

  it('of others are seen and changed only with a permission, and else as good as not there', async () => {
    const { send } = await start();
    const { accessKeyId } = (await send('POST', KEYS, {}, BOB)).body;
    const path = `${KEYS}/${accessKeyId}`;
    expect((await send('GET', KEYS, undefined, ALICE)).body).toEqual({ items: [] });
    expect((await send('GET', `${KEYS}?user=bob`, undefined, ALICE)).status).toBe(403);
    expect((await send('POST', KEYS, { user: 'bob' }, ALICE)).status).toBe(403);
    const hidden = await send('DELETE', path, undefined, ALICE);
    const missing = await send('DELETE', `${KEYS}/NOTHERE`, undefined, ALICE);
    expect([hidden.status, missing.status]).toEqual([404, 404]);
    expect(hidden.body.error.message.replace(accessKeyId, 'X')).toBe(
      missing.body.error.message.replace('NOTHERE', 'X'),
    );

    const ofAlice = (await send('POST', KEYS, { user: 'alice' }, BOB)).body;
    expect((await send('GET', KEYS, undefined, BOB)).body.items).toHaveLength(2);
    expect((await send('PATCH', `${KEYS}/${ofAlice.accessKeyId}`, { enabled: false }, BOB)).status).toBe(404);
    expect((await send('DELETE', `${KEYS}/${ofAlice.accessKeyId}`, undefined, BOB)).status).toBe(200);
    expect((await send('POST', KEYS, { user: 'root' }, BOB)).status).toBe(403);
  });

  it('are not made with a key or a token, nor without a login', async () => {
    const { send } = await start();
    const { token } = (await send('POST', '/-/api/v1/tokens', {}, ALICE)).body;
    expect((await send('POST', KEYS, {}, `Bearer ${token}`)).status).toBe(403);
    expect((await send('POST', KEYS, {}, '')).status).toBe(401);
    expect((await send('GET', KEYS, undefined, '')).status).toBe(401);
  });

  it('come in pages, and are refused when they cannot be ones', async () => {
    const { send } = await start();
    for (let nth = 0; nth < 3; nth++) await send('POST', KEYS, { user: 'alice' });
    const first = (await send('GET', `${KEYS}?limit=2`)).body;
    const second = (await send('GET', `${KEYS}?limit=2&after=${first.next}`)).body;
    expect([first.items.length, second.items.length, second.next]).toEqual([2, 1, undefined]);
    for (const body of [
      { accessKeyId: 'AKIAONLY' },
      { accessKeyId: 'root', secretAccessKey: 'a-secret-of-some-length' },
      { accessKeyId: 'a b', secretAccessKey: 'a-secret-of-some-length' },
      { user: '' },
      { users: 'alice' },
    ]) {
      expect((await send('POST', KEYS, body)).status, JSON.stringify(body)).toBe(400);
    }
  });
});
