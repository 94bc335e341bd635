import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type RunningApp, startApp } from '@zot-artifact-store/testkit/in-process-app.ts';
import { TestIssuer } from '@zot-artifact-store/testkit/test-issuer.ts';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { runCli } from '../run-cli.ts';

let issuer: TestIssuer;
let server: RunningApp;
let folder = '';
beforeAll(async () => {
  issuer = await TestIssuer.start();
  issuer.clients.set('cli', { id: 'cli' });
  const provider = { issuer: issuer.url, audience: ['artstore'] };
  server = await startApp({
    config: {
      extensions: {
        rbac: {
          providers: [
            { ...provider, name: 'test', cliClientId: 'cli' },
            { ...provider, name: 'foreign', cliClientId: 'nobody' },
            { ...provider, name: 'other' },
          ],
        },
      },
    },
  });
});
afterAll(async () => {
  await server.close();
  await issuer.goDown();
});
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'zas-login-'));
  issuer.grants.loggedIn = { subject: 'alice-id', name: 'alice', groups: ['team-a'] };
  issuer.grants.lifetimeSeconds = 300;
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** `onPrint` is told of each line while the command runs. */
async function zas(args: readonly string[], onPrint: (line: string) => void = () => {}) {
  const out: string[] = [];
  const err: string[] = [];
  const terminal = {
    env: { ZAS_SERVER: server.url, HOME: folder, XDG_CONFIG_HOME: join(folder, 'config') },
    cwd: '/',
    cores: 1,
    print: (text: string) => {
      out.push(text);
      onPrint(text);
    },
    complain: (text: string) => void err.push(text),
    readInput: async () => '',
  };
  const code = await runCli([...args], terminal, {
    serve: async () => {},
    checkExtensions: async () => [],
    openStore: () => Promise.reject(new Error('no store is needed')),
  });
  return { code, out: out.join('\n'), err: err.join('\n') };
}

async function logIn(provider = 'test') {
  const approvals: Promise<Response>[] = [];
  const done = await zas(['login', '--provider', provider], (line) => {
    const [, url] = /^Open (\S+)/.exec(line) ?? [];
    if (url !== undefined) approvals.push(fetch(url));
  });
  await Promise.all(approvals);
  return done;
}

const loginFile = () => join(folder, 'config', 'zas', 'logins.json');

describe('zas login', () => {
  it('shows an address and a code, waits, keeps the tokens for this user alone, and is used by other commands', async () => {
    const { code, out, err } = await logIn();
    expect(err).toBe('');
    expect(code).toBe(0);
    expect(out).toContain('confirm the code ABCD-EFGH');
    expect(out).toContain(`You are alice at ${server.url}.`);
    expect((await stat(loginFile())).mode & 0o777).toBe(0o600);
    const who = await zas(['whoami', '--json']);
    expect(JSON.parse(who.out)).toMatchObject({ name: 'alice', groups: ['team-a'], via: 'oidc' });
    const sessions = await zas(['session', 'list']);
    expect(sessions.out).toMatch(/^session +user/);
  });

  it('prints the token for programs that want one, and says so when there is none', async () => {
    expect((await zas(['print-token'])).err).toMatch(/Nobody is logged in to .*; log in with "zas login"/);
    await logIn();
    const { out } = await zas(['print-token']);
    const answer = await fetch(`${server.url}/-/api/v1/whoami`, {
      headers: { authorization: `Bearer ${out}` },
    });
    expect(await answer.json()).toMatchObject({ name: 'alice' });
  });

  it('refreshes the token when it is about to expire', async () => {
    issuer.grants.lifetimeSeconds = 20;
    await logIn();
    const before = await readFile(loginFile(), 'utf8');
    issuer.grants.lifetimeSeconds = 300;
    const answers = await Promise.all([zas(['whoami']), zas(['whoami']), zas(['whoami'])]);
    for (const { out } of answers) expect(out).toContain('alice');
    expect(await readFile(loginFile(), 'utf8')).not.toBe(before);
  });

  it('is told of a login that the provider ended, and forgets it', async () => {
    issuer.grants.lifetimeSeconds = 20;
    await logIn();
    const text = await readFile(loginFile(), 'utf8');
    await writeFile(loginFile(), text.replace(/"refreshToken": "[^"]+"/, '"refreshToken": "revoked"'));
    const { code, err } = await zas(['whoami']);
    expect(code).toBe(1);
    expect(err).toMatch(/did not accept the login: invalid_grant/);
    expect((await zas(['whoami'])).out).toContain('nobody');
  });

  it('asks which provider when there are several, and refuses those it does not know', async () => {
    expect((await zas(['login'])).err).toMatch(/Say --provider; there are test, foreign\./);
    expect((await zas(['login', '--provider', 'other'])).err).toMatch(
      /has no provider "other"; it has test, foreign/,
    );
    expect((await logIn('foreign')).err).toMatch(/did not accept the login: invalid_client/);
  });

  it('refuses a file it cannot understand', async () => {
    await logIn();
    await writeFile(loginFile(), '{"version":7}');
    const { code, err } = await zas(['whoami']);
    expect(code).toBe(1);
    expect(err).toMatch(/logins\.json holds no logins; remove it/);
  });
});

describe('zas logout', () => {
  it('forgets the login and ends it at the provider', async () => {
    await logIn();
    const count = issuer.grants.revoked.length;
    const { code, out } = await zas(['logout']);
    expect(code).toBe(0);
    expect(out).toBe(`Logged out of ${server.url}.`);
    expect(issuer.grants.revoked.length).toBe(count + 1);
    expect((await zas(['whoami'])).out).toContain('nobody');
    expect((await zas(['logout'])).out).toBe(`Nobody is logged in to ${server.url}.`);
  });
});
