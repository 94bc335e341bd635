import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type RunningApp, startApp } from '@zot-artifact-store/testkit/in-process-app.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCli } from '../run-cli.ts';

let server: RunningApp;
beforeAll(async () => {
  server = await startApp({ config: { http: { auth: { failDelay: 0 } } } });
});
afterAll(() => server.close());

async function whoAmI(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const out: string[] = [];
  const err: string[] = [];
  const terminal = {
    env,
    cwd: '/',
    cores: 1,
    print: (text: string) => void out.push(text),
    complain: (text: string) => void err.push(text),
    readInput: async () => '',
  };
  const code = await runCli(['whoami', ...args], terminal, {
    serve: async () => {},
    checkExtensions: async () => [],
    openStore: () => Promise.reject(new Error('no store is needed')),
  });
  return { code, out: out.join('\n'), err: err.join('\n') };
}

function rootPassword(): string {
  const [, encoded = ''] = server.rootAuthorization.split(' ');
  return Buffer.from(encoded, 'base64').toString().slice('root:'.length);
}

describe('zas whoami', () => {
  it('says that nobody was named', async () => {
    const { code, out } = await whoAmI(['--server', server.url]);
    expect(code).toBe(0);
    expect(out).toContain('nobody');
  });

  it('takes the root user and the server from the environment', async () => {
    const env = { ZAS_SERVER: `${server.url}/`, ZAS_ROOT_PASSWORD: rootPassword() };
    const { code, out } = await whoAmI(['--json'], env);
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ name: 'root', isRoot: true });
  });

  it('says that the credentials were not accepted', async () => {
    const env = { ZAS_USER: 'root', ZAS_PASSWORD: 'wrong' };
    const { code, err } = await whoAmI(['--server', server.url], env);
    expect(code).toBe(1);
    expect(err).toMatch(/^zas: .*The credentials were not accepted\.$/);
  });

  it.each<[what: string, args: readonly string[], env: Record<string, string>, message: RegExp]>([
    ['half a login', [], { ZAS_USER: 'alice' }, /go together/],
    ['a server that is no URL', ['--server', 'example'], {}, /"example" is not a server/],
    ['a user in the URL', ['--server', 'http://a:b@127.0.0.1'], {}, /named without a user/],
    ['a token of two words', [], { ZAS_TOKEN: 'a b' }, /no token/],
    ['a file of authorities that is not there', ['--ca', '/nowhere'], {}, /ENOENT/],
  ])('refuses %s with a sentence', async (_what, args, env, message) => {
    const { code, err } = await whoAmI(args, env);
    expect(code).toBe(1);
    expect(err).toMatch(message);
  });

  it('tells where something else answers, without following it', async () => {
    const other = createServer((request, response) => {
      if (request.headers.authorization !== undefined)
        response.writeHead(302, { location: server.url }).end();
      else response.writeHead(404, { 'content-type': 'text/html' }).end('<h1>no</h1>');
    });
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(other.address() as AddressInfo).port}`;
    try {
      expect((await whoAmI(['--server', url])).err).toMatch(/does not answer as a Zot Artifact Store.*404/);
      const redirected = await whoAmI(['--server', url], { ZAS_TOKEN: 'secret' });
      expect(redirected.err).toMatch(/302.*sends clients elsewhere/);
    } finally {
      await new Promise((resolve) => other.close(resolve));
    }
  });

  it('tells where nothing answers', async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(other.address() as AddressInfo).port}`;
    await new Promise((resolve) => other.close(resolve));
    const gone = await whoAmI(['--server', url]);
    expect(gone).toMatchObject({ code: 1, err: expect.stringContaining('Nothing answers at') });
  });
});
