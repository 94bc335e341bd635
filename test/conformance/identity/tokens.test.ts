import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { basic, type IdentityServer, startIdentityServer } from './start-identity.ts';

/** bcrypt of "a declared password", cost 4. */
const HASH = '$2b$04$/RhNE8AQitMBYQItE6ot/uoWXBRJaLdA.KrMRaF/2ruQsVvYTqgEa';
const PASSWORD = 'a declared password';
const ALICE = basic('alice', PASSWORD);

const running: IdentityServer[] = [];
let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'zas-tokens-'));
});
afterEach(async () => {
  for (const { app } of running.splice(0)) await app.close();
  await rm(folder, { recursive: true, force: true });
});

const POLICIES = {
  'public/**': { anonymousPolicy: ['read'], defaultPolicy: ['read', 'create'] },
  '**': { policies: [{ users: ['alice'], actions: ['read', 'create', 'update'] }] },
};

async function start(
  config: { readonly http?: object; readonly rbac?: object; readonly repositories?: object } = {},
): Promise<IdentityServer> {
  await writeFile(join(folder, 'htpasswd'), `alice:${HASH}\nbob:${HASH}\n`);
  const server = await startIdentityServer({
    http: {
      auth: { htpasswd: { path: join(folder, 'htpasswd') }, apikey: true },
      accessControl: { repositories: config.repositories ?? POLICIES },
      ...config.http,
    },
    extensions: { rbac: config.rbac ?? {} },
  });
  running.push(server);
  return server;
}

async function tokenFor(server: IdentityServer, query: string, authorization = ''): Promise<string> {
  const { status, body } = await server.send('GET', `/zot/auth/token?${query}`, undefined, authorization);
  expect(status).toBe(200);
  expect(body.access_token).toBe(body.token);
  return body.token;
}

async function form(
  { app }: IdentityServer,
  fields: Record<string, string>,
  headers: Record<string, string> = {},
): Promise<{ readonly status: number; readonly body: Record<string, unknown> }> {
  const reply = await fetch(`${app.url}/zot/auth/token`, {
    method: 'POST',
    body: new URLSearchParams(fields),
    headers,
  });
  return { status: reply.status, body: (await reply.json()) as Record<string, unknown> };
}

async function pull({ app }: IdentityServer, repository: string, token?: string): Promise<Response> {
  const headers: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` };
  return fetch(`${app.url}/v2/${repository}/manifests/latest`, { headers });
}

async function upload({ app }: IdentityServer, repository: string, token: string): Promise<Response> {
  const digest = `sha256:${createHash('sha256').update('x').digest('hex')}`;
  return fetch(`${app.url}/v2/${repository}/blobs/uploads/?digest=${digest}`, {
    method: 'POST',
    body: 'x',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/octet-stream' },
  });
}

function claimsOf(token: string): Record<string, unknown> {
  return JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString());
}

describe('the challenge of the registry', () => {
  it('says where a token is had and which scope to ask for', async () => {
    const server = await start();
    const { app } = server;
    const host = new URL(app.url).host;
    const challenge = async (path: string, method = 'GET', headers: Record<string, string> = {}) => {
      const reply = await fetch(app.url + path, { method, headers });
      expect(reply.status).toBe(401);
      return reply.headers.get('www-authenticate');
    };
    const start_ = `Bearer realm="http://${host}/zot/auth/token",service="${host}"`;
    expect(await challenge('/v2/a/b/manifests/latest')).toBe(`${start_},scope="repository:a/b:pull"`);
    expect(await challenge('/v2/a/b/blobs/uploads/', 'POST')).toBe(
      `${start_},scope="repository:a/b:pull,push"`,
    );
    expect(await challenge('/v2/a/b/manifests/latest', 'PUT')).toBe(
      `${start_},scope="repository:a/b:pull,push"`,
    );
    expect(await challenge('/v2/a/b/manifests/latest', 'DELETE')).toBe(
      `${start_},scope="repository:a/b:delete"`,
    );
    expect(await challenge('/v2/_catalog', 'GET', { authorization: basic('alice', 'wrong') })).toBe(
      `${start_},scope="registry:catalog:*"`,
    );
    // Other paths than the registry's are for people and scripts.
    expect(await challenge('/-/api/v1/users')).toBe('Basic realm="Zot Artifact Store"');
    expect(await challenge('/zot/auth/token', 'GET', { authorization: basic('alice', 'wrong') })).toMatch(
      /^Basic /,
    );
  });

  it('is at the ping for everybody, also where something may be read without a login', async () => {
    const server = await start();
    const ping = (headers: Record<string, string> = {}) => fetch(`${server.app.url}/v2/`, { headers });
    const nobody = await ping();
    expect([nobody.status, nobody.headers.get('www-authenticate')]).toEqual([
      401,
      expect.stringMatching(/^Bearer realm="[^"]*",service="[^"]*"$/),
    ]);
    expect((await ping({ authorization: basic('alice', 'wrong') })).status).toBe(401);
    expect((await ping({ authorization: ALICE })).status).toBe(200);
    expect((await ping({ authorization: `Bearer ${await tokenFor(server, '')}` })).status).toBe(200);
  });

  it('names the public URL that is configured, and believes no header of a stranger', async () => {
    const forwarded = { 'x-forwarded-proto': 'https', 'x-forwarded-host': 'evil.example' };
    const realm = async ({ app }: IdentityServer) => {
      const reply = await fetch(`${app.url}/v2/a/manifests/b`, { headers: forwarded });
      return /realm="([^"]*)"/.exec(reply.headers.get('www-authenticate') ?? '')?.[1];
    };
    const plain = await start();
    expect(await realm(plain)).toBe(`${plain.app.url}/zot/auth/token`);
    const named = await start({ http: { externalUrl: 'https://registry.example/' } });
    expect(await realm(named)).toBe('https://registry.example/zot/auth/token');
    const proxied = await start({ rbac: { trustedProxies: ['127.0.0.0/8'] } });
    expect(await realm(proxied)).toBe('https://evil.example/zot/auth/token');
  });
});

describe('a token of the registry', () => {
  it('is had with a password, and is good for what it was asked for', async () => {
    const server = await start();
    const token = await tokenFor(server, 'service=x&scope=repository:a/b:pull,push', ALICE);
    expect(claimsOf(token)).toMatchObject({
      sub: 'alice',
      aud: 'x',
      access: [{ type: 'repository', name: 'a/b', actions: ['pull', 'push'] }],
    });
    expect((await upload(server, 'a/b', token)).status).toBe(201);
    expect((await pull(server, 'a/b', token)).status).toBe(404);
    const elsewhere = await pull(server, 'a/c', token);
    expect(elsewhere.status).toBe(401);
    expect(elsewhere.headers.get('www-authenticate')).toMatch(
      /scope="repository:a\/c:pull",error="insufficient_scope"$/,
    );
    expect(
      (await fetch(`${server.app.url}/v2/`, { headers: { authorization: `Bearer ${token}` } })).status,
    ).toBe(200);
  });

  it('takes several scopes, however they are written, and skips what is none', async () => {
    const server = await start();
    const query = [
      'scope=repository:a:pull',
      'scope=repository:b:pull+repository:c:pull',
      'scope=repository:a:push',
      'scope=repository(plugin):d:*',
      'scope=registry:catalog:*',
      'scope=repository:Not/A-Name:pull',
      'scope=nonsense',
      'scope=repository:e:fly',
    ].join('&');
    expect(claimsOf(await tokenFor(server, query, ALICE)).access).toEqual([
      { type: 'repository', name: 'a', actions: ['pull', 'push'] },
      { type: 'repository', name: 'b', actions: ['pull'] },
      { type: 'repository', name: 'c', actions: ['pull'] },
      { type: 'repository', name: 'd', actions: ['pull', 'push'] },
      { type: 'registry', name: 'catalog', actions: ['*'] },
    ]);
  });

  it('is had without a login for what everybody may do', async () => {
    const server = await start();
    const token = await tokenFor(server, 'scope=repository:public/a:pull,push&scope=repository:b:pull');
    expect(claimsOf(token).access).toEqual([{ type: 'repository', name: 'public/a', actions: ['pull'] }]);
    expect((await pull(server, 'public/a', token)).status).toBe(404);
    expect((await pull(server, 'b', token)).status).toBe(401);
    expect((await upload(server, 'public/a', token)).status).toBe(401);
  });

  it('does not make more of its user than the rules say when it is used', async () => {
    const server = await start();
    const token = await tokenFor(server, 'scope=repository:a:pull,push', basic('bob', PASSWORD));
    expect(claimsOf(token).access).toEqual([]);
    // Asked for and refused: a new token would not help.
    expect((await pull(server, 'a', token)).status).toBe(403);
  });

  it('ends when its user is disabled', async () => {
    const server = await start();
    const token = await tokenFor(server, 'scope=repository:a:pull', ALICE);
    expect((await pull(server, 'a', token)).status).toBe(404);
    await server.send('PATCH', '/-/api/v1/users/alice', { disabled: true });
    const reply = await pull(server, 'a', token);
    expect([reply.status, reply.headers.get('www-authenticate')]).toEqual([
      401,
      expect.stringContaining('error="invalid_token"'),
    ]);
  });

  it('is for the registry alone', async () => {
    const server = await start();
    const token = await tokenFor(server, 'scope=repository:a:pull', ALICE);
    for (const path of ['/-/api/v1/whoami', '/-/api/v1/tokens', '/zot/auth/apikey', '/zot/auth/token']) {
      expect((await server.send('GET', path, undefined, `Bearer ${token}`)).status).toBe(401);
    }
  });

  it('is refused when anything in it was changed', async () => {
    const server = await start();
    const token = await tokenFor(server, 'scope=repository:a:pull', ALICE);
    const [header = '', payload = '', signature = ''] = token.split('.');
    const claims = { ...claimsOf(token), asked: [{ type: 'repository', name: 'b', actions: ['pull'] }] };
    const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const forged = [
      `${header}.${encode(claims)}.${signature}`,
      `${header}.${payload}.`,
      `${header}.${payload}`,
      `${encode({ alg: 'none', typ: 'zas-registry+jwt' })}.${payload}.`,
      `${encode({ alg: 'none' })}.${payload}.${signature}`,
      `${header}.${payload}.${signature.slice(0, -2)}AA`,
      `${token}x`,
      `${header}.${'x'.repeat(13_000)}.${signature}`,
    ];
    for (const one of forged) expect((await pull(server, 'b', one)).status).toBe(401);
  });

  it('is had with an API key, and ends with it', async () => {
    const server = await start();
    const { body } = await server.send('POST', '/-/api/v1/tokens', {}, ALICE);
    const token = await tokenFor(server, 'scope=repository:a:pull', basic('alice', body.token));
    expect((await pull(server, 'a', token)).status).toBe(404);
    await server.send('DELETE', `/-/api/v1/tokens/${body.id}`, undefined, ALICE);
    expect((await pull(server, 'a', token)).status).toBe(401);
  });

  it('is no way around the scopes of an API key, not for root either', async () => {
    const server = await start();
    for (const [user, authorization] of [
      ['alice', ALICE],
      ['root', server.app.rootAuthorization],
    ] as const) {
      const scopes = ['repository:team/*:pull'];
      const { body } = await server.send('POST', '/-/api/v1/tokens', { scopes }, authorization);
      const key = basic(user, body.token);
      const query = 'scope=repository:team/a:pull,push&scope=repository:other:pull';
      const token = await tokenFor(server, query, key);
      expect(claimsOf(token).access).toEqual([{ type: 'repository', name: 'team/a', actions: ['pull'] }]);
      expect((await pull(server, 'team/a', token)).status).toBe(404);
      expect((await pull(server, 'other', token)).status).toBe(403);
      expect((await upload(server, 'team/a', token)).status).toBe(403);
      expect((await pull(server, 'team/a', body.token)).status).toBe(404);
      expect((await pull(server, 'other', body.token)).status).toBe(403);
      expect((await upload(server, 'team/a', body.token)).status).toBe(403);
      expect((await server.send('GET', '/-/api/v1/users', undefined, key)).status).toBe(403);
    }
  });

  it('is refused to a wrong password, by GET and by POST, with the same words as to an unknown name', async () => {
    const server = await start();
    for (const user of ['alice', 'nobody', 'root']) {
      const get = await server.send('GET', '/zot/auth/token', undefined, basic(user, 'wrong'));
      const post = await form(server, { grant_type: 'password', username: user, password: 'wrong' });
      for (const { status, body } of [get, post]) {
        expect(status).toBe(401);
        expect(body).toEqual({
          errors: [{ code: 'UNAUTHORIZED', message: 'The user name or the password is wrong.' }],
        });
      }
    }
  });
});

describe('a refresh token', () => {
  it('is given at docker login, and gets tokens instead of the password', async () => {
    const server = await start();
    const path = '/zot/auth/token?account=alice&client_id=docker&offline_token=true&service=x';
    const { body } = await server.send('GET', path, undefined, ALICE);
    expect(body).toMatchObject({ expires_in: 300, issued_at: expect.stringMatching(/Z$/) });
    const again = await form(server, {
      grant_type: 'refresh_token',
      refresh_token: body.refresh_token,
      service: 'x',
      scope: 'repository:a:pull repository:b:pull,push',
      client_id: 'docker',
    });
    expect([again.status, again.body.refresh_token]).toEqual([200, body.refresh_token]);
    expect((await upload(server, 'b', String(again.body.access_token))).status).toBe(201);
    // It is no password and no token.
    expect((await server.send('GET', path, undefined, basic('alice', body.refresh_token))).status).toBe(401);
    expect((await pull(server, 'a', body.refresh_token)).status).toBe(401);
  });

  it('ends when the password changes', async () => {
    const server = await start();
    const login = { username: 'carl', password: 'first password', access_type: 'offline' };
    await server.send('POST', '/-/api/v1/users', { name: 'carl', password: 'first password' });
    const { body } = await form(server, { grant_type: 'password', ...login });
    const refresh = { grant_type: 'refresh_token', refresh_token: String(body.refresh_token) };
    expect((await form(server, refresh)).status).toBe(200);
    await server.send('PUT', '/-/api/v1/users/carl/password', { password: 'second password' });
    expect((await form(server, refresh)).status).toBe(401);
  });

  it('ends with the API key it came from', async () => {
    const server = await start();
    const key = (await server.send('POST', '/-/api/v1/tokens', {}, ALICE)).body;
    const path = '/zot/auth/token?offline_token=true';
    const { body } = await server.send('GET', path, undefined, basic('alice', key.token));
    const refresh = { grant_type: 'refresh_token', refresh_token: String(body.refresh_token) };
    expect((await form(server, refresh)).status).toBe(200);
    await server.send('DELETE', `/-/api/v1/tokens/${key.id}`, undefined, ALICE);
    expect((await form(server, refresh)).status).toBe(401);
  });

  it('is not given where the configuration says so', async () => {
    const server = await start({ rbac: { refreshTokenDays: 0 } });
    const { body } = await server.send('GET', '/zot/auth/token?offline_token=true', undefined, ALICE);
    expect(body).not.toHaveProperty('refresh_token');
  });
});

describe('the token endpoint', () => {
  it('refuses forms it does not understand', async () => {
    const server = await start();
    expect((await form(server, { grant_type: 'client_credentials' })).status).toBe(400);
    expect((await form(server, { grant_type: 'password', username: 'alice' })).status).toBe(400);
    expect((await form(server, { grant_type: 'refresh_token' })).status).toBe(400);
    expect((await form(server, { grant_type: 'refresh_token', refresh_token: 'x' })).status).toBe(401);
    expect((await form(server, { id_token: 'x' })).status).toBe(401);
    const twice = { grant_type: 'password', username: 'alice', password: PASSWORD };
    expect((await form(server, twice, { authorization: ALICE })).status).toBe(400);
    expect((await form(server, { ...twice, padding: 'x'.repeat(70_000) })).status).toBe(413);
    expect((await server.send('POST', '/zot/auth/token', { grant_type: 'password' }, '')).status).toBe(415);
    expect((await server.send('DELETE', '/zot/auth/token', undefined, '')).status).toBe(405);
  });

  it('gives a token for a form without credentials, as for nobody', async () => {
    const server = await start();
    const { status, body } = await form(server, { scope: 'repository:public/a:pull' });
    expect([status, body.scope]).toEqual([200, 'repository:public/a:pull']);
  });
});
