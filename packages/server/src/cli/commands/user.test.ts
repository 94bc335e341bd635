import { type RunningApp, startApp } from '@zot-artifact-store/testkit/in-process-app.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCli } from '../run-cli.ts';

let server: RunningApp;
beforeAll(async () => {
  server = await startApp();
});
afterAll(() => server.close());

async function zas(args: readonly string[], input = '', env: Readonly<Record<string, string>> = asRoot()) {
  const out: string[] = [];
  const err: string[] = [];
  const terminal = {
    env: { ZAS_SERVER: server.url, ...env },
    cwd: '/',
    cores: 1,
    print: (text: string) => void out.push(text),
    complain: (text: string) => void err.push(text),
    readInput: async () => input,
  };
  const code = await runCli([...args], terminal, {
    serve: async () => {},
    checkExtensions: async () => [],
    openStore: () => Promise.reject(new Error('no store is needed')),
  });
  return { code, out: out.join('\n'), err: err.join('\n') };
}

function asRoot(): Readonly<Record<string, string>> {
  const [, encoded = ''] = server.rootAuthorization.split(' ');
  return { ZAS_ROOT_PASSWORD: Buffer.from(encoded, 'base64').toString().slice('root:'.length) };
}

describe('zas user, group and token', () => {
  it('make a user with a password, a group and a key, and take them away again', async () => {
    expect(await zas(['user', 'create', 'alice', '--password-stdin'], 'a long password\n')).toMatchObject({
      code: 0,
      out: 'There is a user alice now.',
    });
    expect((await zas(['group', 'create', 'team-a'])).code).toBe(0);
    expect((await zas(['group', 'add', 'team-a', 'alice'])).out).toBe(
      'The user alice is in the group team-a.',
    );
    expect((await zas(['group', 'members', 'team-a'])).out).toBe('alice');
    expect((await zas(['user', 'list'])).out).toMatch(/alice +local +enabled +team-a/);

    const alice = { ZAS_USER: 'alice', ZAS_PASSWORD: 'a long password' };
    const made = await zas(['token', 'create', '--label', 'ci', '--scope', 'a/b', '--json'], '', alice);
    const { token, id, scopes } = JSON.parse(made.out);
    expect(scopes).toEqual(['a/b']);
    const whoami = await zas(['whoami', '--json'], '', { ZAS_TOKEN: token });
    expect(JSON.parse(whoami.out)).toMatchObject({ name: 'alice', via: 'api-key' });
    expect((await zas(['token', 'list', '--user', 'alice'])).out).toMatch(new RegExp(`${id} +ci +a/b`));
    expect((await zas(['token', 'delete', id], '', alice)).code).toBe(0);
    expect((await zas(['whoami'], '', { ZAS_TOKEN: token })).code).not.toBe(0);

    expect((await zas(['user', 'disable', 'alice'])).out).toBe('The user alice is disabled.');
    expect((await zas(['whoami'], '', alice)).code).not.toBe(0);
    expect((await zas(['user', 'enable', 'alice'])).code).toBe(0);
    expect((await zas(['user', 'set-password', 'alice'], 'another long one')).code).toBe(0);
    expect((await zas(['whoami'], '', { ...alice, ZAS_PASSWORD: 'another long one' })).code).toBe(0);
    expect((await zas(['user', 'move', 'alice', '--source', 'oidc'])).out).toContain('source oidc');
    expect((await zas(['user', 'show', 'alice', '--json'])).out).toContain('"hasPassword": false');
    expect((await zas(['user', 'delete', 'alice'])).code).toBe(0);
    expect((await zas(['group', 'delete', 'team-a'])).code).toBe(0);
    expect((await zas(['user', 'show', 'alice'])).err).toContain('here is no user');
  });

  it('say what was wrong', async () => {
    const bad = await zas(['user', 'create', 'a:b']);
    expect([bad.code === 0, bad.err]).toEqual([false, expect.stringContaining('colon')]);
    expect((await zas(['token', 'create', '--scope', 'a:b:c'])).err).toContain('is not a scope');
    expect((await zas(['token', 'list'], '', {})).err).toMatch(/login|log in/i);
  });
});
