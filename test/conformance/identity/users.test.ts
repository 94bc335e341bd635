import { afterEach, describe, expect, it } from 'vitest';
import { basic, type IdentityServer, startIdentityServer } from './start-identity.ts';

const running: IdentityServer[] = [];
afterEach(async () => {
  for (const { app } of running.splice(0)) await app.close();
});

async function start(config?: Readonly<Record<string, unknown>>): Promise<IdentityServer> {
  const server = await startIdentityServer(config);
  running.push(server);
  return server;
}

const PASSWORD = 'correct horse battery';

describe('users of this store', () => {
  it('are made, log in, change their password, are disabled and deleted', async () => {
    const { send } = await start();
    const made = await send('POST', '/-/api/v1/users', { name: 'alice', password: PASSWORD });
    expect([made.status, made.body]).toMatchObject([
      201,
      { name: 'alice', source: 'local', hasPassword: true },
    ]);
    expect(JSON.stringify(made.body)).not.toContain('$2');
    const alice = basic('alice', PASSWORD);
    expect((await send('GET', '/-/api/v1/whoami', undefined, alice)).body).toMatchObject({
      name: 'alice',
      via: 'local',
      isRoot: false,
    });
    expect((await send('PUT', '/-/api/v1/users/alice/password', { password: 'another one' })).status).toBe(
      204,
    );
    expect((await send('GET', '/-/api/v1/whoami', undefined, alice)).status).toBe(401);
    const again = basic('alice', 'another one');
    expect((await send('GET', '/-/api/v1/whoami', undefined, again)).status).toBe(200);
    await send('PATCH', '/-/api/v1/users/alice', { disabled: true });
    expect((await send('GET', '/-/api/v1/whoami', undefined, again)).status).toBe(401);
    await send('PATCH', '/-/api/v1/users/alice', { disabled: false });
    expect((await send('GET', '/-/api/v1/whoami', undefined, again)).status).toBe(200);
    expect((await send('DELETE', '/-/api/v1/users/alice')).status).toBe(204);
    expect((await send('GET', '/-/api/v1/whoami', undefined, again)).status).toBe(401);
    expect((await send('GET', '/-/api/v1/users/alice')).status).toBe(404);
  });

  it('may not administer anything', async () => {
    const { send } = await start();
    await send('POST', '/-/api/v1/users', { name: 'alice', password: PASSWORD });
    const alice = basic('alice', PASSWORD);
    for (const [method, path] of [
      ['GET', '/users'],
      ['GET', '/users/root'],
      ['GET', '/groups'],
      ['GET', '/root'],
      ['GET', '/users/root/tokens'],
    ] as const) {
      expect((await send(method, `/-/api/v1${path}`, undefined, alice)).status).toBe(403);
      expect((await send(method, `/-/api/v1${path}`, undefined, '')).status).toBe(401);
    }
  });

  it('are refused with bad names and passwords, each with what was wrong', async () => {
    const { send } = await start();
    for (const [body, why] of [
      [{ name: 'a:b' }, 'colon'],
      [{ name: 'a\u0007' }, 'control'],
      [{ name: '' }, 'empty'],
      [{ name: 'alice', password: 'short' }, '8 characters'],
      [{ name: 'alice', password: 'x'.repeat(73) }, '72 bytes'],
      [{ name: 'alice', source: 'ldap', password: PASSWORD }, 'no password here'],
      [{ name: 'alice', source: 'nis' }, 'source'],
      [{ name: 'alice', admin: true }, 'admin'],
    ] as const) {
      const { status, body: answer } = await send('POST', '/-/api/v1/users', body);
      expect([status, answer.error.message]).toEqual([400, expect.stringContaining(why)]);
    }
    expect((await send('POST', '/-/api/v1/users', { name: 'root' })).status).toBe(409);
    expect((await send('PATCH', '/-/api/v1/users/root', { disabled: true })).status).toBe(403);
  });

  it('are members of groups', async () => {
    const { send } = await start();
    await send('POST', '/-/api/v1/users', { name: 'alice', password: PASSWORD });
    expect((await send('POST', '/-/api/v1/groups', { name: 'team' })).status).toBe(201);
    expect((await send('POST', '/-/api/v1/groups', { name: 'team' })).status).toBe(409);
    expect((await send('PUT', '/-/api/v1/groups/team/members/alice')).status).toBe(204);
    expect((await send('PUT', '/-/api/v1/groups/nobody/members/alice')).status).toBe(404);
    expect((await send('GET', '/-/api/v1/groups/team/members')).body).toEqual({ items: ['alice'] });
    const alice = basic('alice', PASSWORD);
    expect((await send('GET', '/-/api/v1/whoami', undefined, alice)).body.groups).toEqual(['team']);
    expect((await send('DELETE', '/-/api/v1/groups/team/members/alice')).status).toBe(204);
    expect((await send('GET', '/-/api/v1/whoami', undefined, alice)).body.groups).toEqual([]);
  });

  it('come in pages', async () => {
    const { send } = await start();
    for (const name of ['a', 'b', 'c']) await send('POST', '/-/api/v1/users', { name });
    const first = (await send('GET', '/-/api/v1/users?limit=2')).body;
    expect([first.items.length, first.next]).toEqual([2, 'b']);
    const second = (await send('GET', `/-/api/v1/users?limit=2&after=${first.next}`)).body;
    expect([second.items.length, second.next]).toEqual([1, undefined]);
    expect((await send('GET', '/-/api/v1/users?limit=0')).status).toBe(400);
  });

  it('of the config file log in, and only the file changes them', async () => {
    const { send } = await start({
      extensions: {
        rbac: {
          users: {
            dora: { passwordHash: '$2b$04$/RhNE8AQitMBYQItE6ot/uoWXBRJaLdA.KrMRaF/2ruQsVvYTqgEa' },
          },
          groups: { ops: { members: ['dora'] } },
        },
      },
    });
    expect((await send('GET', '/-/api/v1/users/dora')).body).toMatchObject({
      declared: true,
      groups: ['ops'],
    });
    const dora = basic('dora', 'a declared password');
    expect((await send('GET', '/-/api/v1/whoami', undefined, dora)).body).toMatchObject({
      name: 'dora',
      groups: ['ops'],
    });
    expect((await send('DELETE', '/-/api/v1/users/dora')).status).toBe(403);
    expect((await send('PUT', '/-/api/v1/groups/ops/members/eve')).status).toBe(403);
  });
});

describe('the root user', () => {
  it('cannot disable itself, so that there is always somebody', async () => {
    const { send } = await start();
    expect((await send('GET', '/-/api/v1/root')).body).toEqual({ enabled: true });
    expect((await send('PUT', '/-/api/v1/root', { enabled: false })).status).toBe(403);
  });

  it('does not log in where the config file says so', async () => {
    const { send } = await start({ extensions: { rbac: { root: false } } });
    expect((await send('GET', '/-/api/v1/whoami')).status).toBe(401);
  });
});

describe('API keys', () => {
  it('are made, shown once, used as passwords and as bearer tokens, and deleted', async () => {
    const { send } = await start();
    await send('POST', '/-/api/v1/users', { name: 'alice', password: PASSWORD });
    const alice = basic('alice', PASSWORD);
    const made = await send('POST', '/-/api/v1/tokens', { label: 'ci' }, alice);
    expect(made.status).toBe(201);
    const { token, id } = made.body;
    expect(token).toMatch(/^zak_/);
    const list = await send('GET', '/-/api/v1/tokens', undefined, alice);
    expect(list.body.items).toMatchObject([{ id, label: 'ci', owner: 'alice' }]);
    expect(JSON.stringify(list.body)).not.toContain(token);
    for (const authorization of [basic('alice', token), `Bearer ${token}`, basic('<token>', token)]) {
      expect((await send('GET', '/-/api/v1/whoami', undefined, authorization)).body).toMatchObject({
        name: 'alice',
        via: 'api-key',
        credential: { kind: 'api-key', id },
      });
    }
    expect((await send('GET', '/-/api/v1/whoami', undefined, basic('bob', token))).status).toBe(401);
    const made2 = await send('POST', '/-/api/v1/tokens', {}, `Bearer ${token}`);
    expect([made2.status, made2.body.error.message]).toEqual([403, expect.stringContaining('log in')]);
    await send('PATCH', '/-/api/v1/users/alice', { disabled: true });
    expect((await send('GET', '/-/api/v1/whoami', undefined, `Bearer ${token}`)).status).toBe(401);
    await send('PATCH', '/-/api/v1/users/alice', { disabled: false });
    expect((await send('DELETE', `/-/api/v1/tokens/${id}`, undefined, alice)).status).toBe(204);
    expect((await send('GET', '/-/api/v1/whoami', undefined, `Bearer ${token}`)).status).toBe(401);
  });

  it('of others are for administrators', async () => {
    const { send } = await start();
    await send('POST', '/-/api/v1/users', { name: 'robot' });
    const { body } = await send('POST', '/-/api/v1/users/robot/tokens', { networks: ['127.0.0.0/8'] });
    const robot = `Bearer ${body.token}`;
    expect((await send('GET', '/-/api/v1/whoami', undefined, robot)).body.name).toBe('robot');
    expect((await send('GET', '/-/api/v1/users/robot/tokens')).body.items).toHaveLength(1);
    expect((await send('DELETE', `/-/api/v1/users/robot/tokens/${body.id}`)).status).toBe(204);
    expect((await send('GET', '/-/api/v1/whoami', undefined, robot)).status).toBe(401);
  });

  it('are guessed slower and slower', async () => {
    const { send } = await start();
    const wrong = 'Bearer zak_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa';
    const statuses = [];
    for (let i = 0; i < 12; i++) {
      statuses.push((await send('GET', '/-/api/v1/whoami', undefined, wrong)).status);
    }
    expect(statuses.slice(0, 10)).toEqual(Array(10).fill(401));
    expect(statuses.at(-1)).toBe(429);
  });

  it('have the shape of zot at its own path', async () => {
    const { send, app } = await start();
    const path = '/zot/auth/apikey';
    await send('POST', '/-/api/v1/users', { name: 'alice', password: PASSWORD });
    const alice = basic('alice', PASSWORD);
    const made = await send(
      'POST',
      path,
      { label: 'git', scopes: ['repo1'], expirationDate: '2999-08-28T17:10:05+03:00' },
      alice,
    );
    expect([made.status, made.body]).toMatchObject([
      201,
      {
        apiKey: expect.stringMatching(/^zak_/),
        createdAt: expect.any(String),
        creatorUa: expect.any(String),
        expirationDate: '2999-08-28T14:10:05.000Z',
        generatedBy: 'manual',
        isExpired: false,
        label: 'git',
        lastUsed: '0001-01-01T00:00:00Z',
        scopes: ['repo1'],
        uuid: expect.any(String),
      },
    ]);
    const { apiKeys } = (await send('GET', path, undefined, alice)).body;
    expect(apiKeys).toMatchObject([{ label: 'git', uuid: made.body.uuid }]);
    expect(apiKeys[0]).not.toHaveProperty('apiKey');
    expect((await send('DELETE', path, undefined, alice)).status).toBe(400);
    expect((await send('DELETE', `${path}?id=${made.body.uuid}`, undefined, alice)).status).toBe(200);
    expect((await send('GET', path, undefined, alice)).body).toEqual({ apiKeys: [] });
    expect((await send('GET', path, undefined, '')).status).toBe(401);
    expect((await send('PUT', path, {}, alice)).status).toBe(405);
    for (const body of [
      { label: 1 },
      { expirationDate: 'tomorrow' },
      { expirationDate: '2001-01-01T00:00:00Z' },
      { scopes: ['repository:a:fly'] },
      { label: 'x'.repeat(201) },
    ]) {
      expect((await send('POST', path, body, alice)).status).toBe(400);
    }
    expect((await send('POST', path, { label: 'x'.repeat(9000) }, alice)).status).toBe(413);
    const broken = await fetch(app.url + path, {
      method: 'POST',
      body: '{',
      headers: { authorization: alice },
    });
    expect(broken.status).toBe(400);
  });
});
