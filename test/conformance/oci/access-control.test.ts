import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type RunningApp, startApp } from '@zot-artifact-store/testkit/in-process-app.ts';
import bcrypt from 'bcrypt';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Answer, describeContent, digestOf, expectError, json, TYPE, Wire } from './wire.ts';

const ALL = ['read', 'create', 'update', 'delete'];
let folder = '';
let app: RunningApp;
let wire: Wire;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'zas-access-control-'));
  const users = ['alice', 'bob', 'admin'].map((user) => `${user}:${bcrypt.hashSync(`${user}-pw`, 4)}\n`);
  await writeFile(join(folder, 'htpasswd'), users.join(''));
  app = await startApp({
    config: {
      http: {
        auth: { htpasswd: { path: join(folder, 'htpasswd') } },
        accessControl: {
          repositories: {
            'public/**': { anonymousPolicy: ['read'], defaultPolicy: ['read'] },
            'team-a/**': {
              policies: [
                { users: ['alice'], actions: ['read', 'create'] },
                { groups: ['readers'], actions: ['read'] },
              ],
            },
            'curl-only/**': {
              policies: [
                {
                  users: ['alice'],
                  actions: ALL,
                  conditions: [{ expression: 'req.userAgent.startsWith("curl/")', message: 'use curl' }],
                },
              ],
            },
          },
          groups: { readers: { users: ['bob'] } },
          adminPolicy: { users: ['admin'], actions: ALL },
        },
      },
    },
  });
  wire = new Wire(app.url);
  for (const name of ['public/base', 'team-a/app', 'curl-only/app', 'team-b/app'])
    await push(name, 'v1', 'admin');
});
afterAll(async () => {
  await app.close();
  await rm(folder, { recursive: true, force: true });
});

const as = (user: string): Record<string, string> => ({
  authorization: `Basic ${Buffer.from(`${user}:${user}-pw`).toString('base64')}`,
});

async function push(name: string, tag: string, user: string, content = '{}'): Promise<Answer> {
  const blob = await wire.send('POST', `/v2/${name}/blobs/uploads/?digest=${digestOf(content)}`, {
    headers: { ...as(user), 'content-type': 'application/octet-stream' },
    body: content,
  });
  if (blob.status !== 201) return blob;
  const manifest = JSON.stringify({
    schemaVersion: 2,
    mediaType: TYPE.manifest,
    config: describeContent(TYPE.config, content),
    layers: [],
  });
  return wire.putManifest(name, tag, manifest, as(user));
}

async function catalogOf(user?: string): Promise<unknown> {
  return json(await wire.get('/v2/_catalog', user === undefined ? {} : as(user))).repositories;
}

it('shows everybody in the catalog what they may pull, and no more', async () => {
  expect(await catalogOf()).toEqual(['public/base']);
  expect(await catalogOf('alice')).toEqual(['public/base', 'team-a/app']);
  expect(await catalogOf('bob')).toEqual(['public/base', 'team-a/app']);
  expect(await catalogOf('admin')).toEqual(['curl-only/app', 'public/base', 'team-a/app', 'team-b/app']);
});

it('lets users and groups do what their policy lists', async () => {
  expect((await push('team-a/new', 'v1', 'alice')).status).toBe(201);
  expectError(await push('team-a/new', 'v1', 'bob'), 403, 'DENIED');
  expect((await wire.get('/v2/team-a/new/manifests/v1', as('bob'))).status).toBe(200);
  expectError(
    await wire.send('DELETE', '/v2/team-a/new/manifests/v1', { headers: as('alice') }),
    403,
    'DENIED',
  );
  expect((await wire.send('DELETE', '/v2/team-a/new/manifests/v1', { headers: as('admin') })).status).toBe(
    202,
  );
});

it('lets whoever may create push a new tag and latest, and move no other', async () => {
  expect((await push('team-a/tags', 'v1', 'alice', '{"a":1}')).status).toBe(201);
  expectError(await push('team-a/tags', 'v1', 'alice', '{"a":2}'), 403, 'DENIED');
  for (const content of ['{"a":1}', '{"a":2}']) {
    expect((await push('team-a/tags', 'latest', 'alice', content)).status).toBe(201);
  }
});

it('answers 401 without a login, 403 with one, alike for what is there and what is not', async () => {
  for (const name of ['team-b/app', 'team-b/nothing']) {
    expectError(await wire.get(`/v2/${name}/manifests/v1`), 401, 'UNAUTHORIZED');
    expectError(await wire.get(`/v2/${name}/manifests/v1`, as('bob')), 403, 'DENIED');
  }
});

it('tells in the detail of the 403 which condition did not hold', async () => {
  const path = '/v2/curl-only/app/manifests/v1';
  const refused = await wire.get(path, as('alice'));
  expectError(refused, 403, 'DENIED');
  expect(JSON.parse(refused.body.toString()).errors[0].detail).toMatchObject({ reason: 'use curl' });
  expect((await wire.get(path, { ...as('alice'), 'user-agent': 'curl/8.0' })).status).toBe(200);
});

it('mounts from nowhere that may not be read', async () => {
  const digest = digestOf('{"secret":1}');
  expect((await push('team-b/app', 'v2', 'admin', '{"secret":1}')).status).toBe(201);
  for (const query of [`mount=${digest}&from=team-b/app`, `mount=${digest}`]) {
    const mount = await wire.send('POST', `/v2/team-a/app/blobs/uploads/?${query}`, { headers: as('alice') });
    expect(mount.status).toBe(202);
  }
  const asAdmin = await wire.send('POST', `/v2/team-a/app/blobs/uploads/?mount=${digest}&from=team-b/app`, {
    headers: as('admin'),
  });
  expect(asAdmin.status).toBe(201);
});
