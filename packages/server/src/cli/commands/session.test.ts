import { type RunningApp, startApp } from '@zot-artifact-store/testkit/in-process-app.ts';
import { TestIssuer } from '@zot-artifact-store/testkit/test-issuer.ts';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { runCli } from '../run-cli.ts';

let issuer: TestIssuer;
let server: RunningApp;
beforeAll(async () => {
  issuer = await TestIssuer.start();
  issuer.clients.set('console', { id: 'console' });
  server = await startApp({
    config: {
      extensions: { rbac: { providers: [{ name: 'test', issuer: issuer.url, clientId: 'console' }] } },
    },
  });
});
afterAll(async () => {
  await server.close();
  await issuer.goDown();
});

async function zas(...args: string[]) {
  const out: string[] = [];
  const err: string[] = [];
  const [, encoded = ''] = server.rootAuthorization.split(' ');
  const password = Buffer.from(encoded, 'base64').toString().slice('root:'.length);
  const terminal = {
    env: { ZAS_SERVER: server.url, ZAS_ROOT_PASSWORD: password, HOME: '/nowhere' },
    cwd: '/',
    cores: 1,
    print: (text: string) => void out.push(text),
    complain: (text: string) => void err.push(text),
    readInput: async () => '',
  };
  const code = await runCli(args, terminal, {
    serve: async () => {},
    checkExtensions: async () => [],
    openStore: () => Promise.reject(new Error('no store is needed')),
  });
  return { code, out: out.join('\n'), err: err.join('\n') };
}

/** A browser's login, as far as cookies go. */
async function logIn(name: string): Promise<void> {
  issuer.grants.loggedIn = { subject: `${name}-id`, name };
  const begun = await fetch(`${server.url}/zot/auth/login`, { redirect: 'manual' });
  const back = await fetch(begun.headers.get('location') ?? '', { redirect: 'manual' });
  const [cookie = ''] = begun.headers.getSetCookie()[0]?.split(';') ?? [];
  const done = await fetch(back.headers.get('location') ?? '', { redirect: 'manual', headers: { cookie } });
  expect(done.status).toBe(201);
}

it('zas session lists the logins of browsers, of a user or of all, and ends one', async () => {
  await logIn('alice');
  await logIn('bob');
  const all = await zas('session', 'list', '--all');
  expect(all.out).toMatch(/alice +test/);
  expect(all.out).toMatch(/bob +test/);
  const { sessions } = JSON.parse((await zas('session', 'list', '--user', 'bob', '--json')).out);
  expect(sessions).toMatchObject([{ user: 'bob', provider: 'test' }]);
  const { id } = sessions[0];
  expect(await zas('session', 'revoke', id)).toMatchObject({ code: 0, out: `The session ${id} is over.` });
  expect((await zas('session', 'list', '--all')).out).not.toContain('bob');
  const gone = await zas('session', 'revoke', id);
  expect(gone.code).toBe(1);
  expect(gone.err).toContain(`There is no session ${id}`);
});
