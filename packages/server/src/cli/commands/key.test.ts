import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startApp } from '@zot-artifact-store/testkit/in-process-app.ts';
import pino from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openSecretKey } from '../../composition/data-folders.ts';
import { openStores } from '../../composition/open-stores.ts';
import { openStore } from '../../composition/store-tools.ts';
import { loadConfig } from '../../config/load.ts';
import { deriveSecret } from '../../data-folder/secret-key.ts';
import { VetoChain } from '../../extension/veto-chain.ts';
import { ACCESS_KEY_PURPOSE, AccessKeys } from '../../extensions/s3/auth/access-keys.ts';
import { runCli } from '../run-cli.ts';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'zas-key-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function run(args: readonly string[], input = '', env: Readonly<Record<string, string>> = {}) {
  const out: string[] = [];
  const err: string[] = [];
  const terminal = {
    env,
    cwd: folder,
    cores: 1,
    print: (text: string) => void out.push(text),
    complain: (text: string) => void err.push(text),
    readInput: async () => input,
  };
  const code = await runCli(['key', ...args], terminal, {
    serve: async () => {},
    checkExtensions: async () => [],
    openStore,
  });
  return { code, out: out.join('\n'), err: err.join('\n') };
}

/** What the S3 extension of a server on the same data folder finds. */
async function find(accessKeyId: string) {
  const loaded = await loadConfig({
    file: undefined,
    flags: {},
    env: {},
    cwd: folder,
    cores: 1,
    sections: {},
  });
  if (!loaded.ok) throw new Error('the configuration is wrong');
  const stores = await openStores(loaded.config, {
    log: pino({ level: 'silent' }),
    clock: Date,
    vetoes: new VetoChain(),
    observers: () => [],
    onFatal: () => {},
  });
  try {
    const secret = { extension: 's3', purpose: ACCESS_KEY_PURPOSE };
    const sealingKey = deriveSecret(await openSecretKey(loaded.config), secret);
    return await new AccessKeys({ metadata: stores.metadata, clock: Date, sealingKey }).find(accessKeyId);
  } finally {
    await stores.close();
  }
}

describe('zas key', () => {
  it('makes a key in a new data folder, which its server then knows, and shows the secret once', async () => {
    const { code, out, err } = await run(['create', '--user', 'alice', '--description', 'backup', '--json']);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    const made = JSON.parse(out);
    expect(made).toMatchObject({ user: 'alice', description: 'backup', enabled: true });
    const { accessKeyId, secretAccessKey } = made;
    expect(await find(accessKeyId)).toMatchObject({ accessKeyId, secretAccessKey, user: 'alice' });
    const listed = await run(['list', '--json']);
    expect(JSON.parse(listed.out)).toMatchObject({
      keys: [{ accessKeyId, user: 'alice', description: 'backup' }],
    });
    expect(listed.out).not.toContain(secretAccessKey);
  });

  it('disables, enables and deletes', async () => {
    const { accessKeyId } = JSON.parse((await run(['create', '--user', 'alice', '--json'])).out);
    expect(await run(['disable', accessKeyId])).toEqual({
      code: 0,
      out: `The access key ${accessKeyId} of alice is disabled.`,
      err: '',
    });
    expect(await find(accessKeyId)).toBeUndefined();
    expect((await run(['list'])).out).toContain('disabled');
    expect((await run(['enable', accessKeyId])).code).toBe(0);
    expect(await find(accessKeyId)).toBeDefined();
    expect((await run(['delete', accessKeyId])).code).toBe(0);
    expect(await find(accessKeyId)).toBeUndefined();
    expect(await run(['delete', accessKeyId])).toMatchObject({
      code: 1,
      err: `zas: There is no access key ${accessKeyId}.`,
    });
  });

  it('brings a key along, with its secret from standard input, and does not show that', async () => {
    const secret = 'wJalrXUtnFEMI/K7MDENG';
    const args = ['create', '--user', 'alice', '--access-key', 'AKIAMIGRATED', '--secret-key-stdin'];
    const made = await run(args, `${secret}\n`);
    expect(made).toMatchObject({ code: 0, err: '' });
    expect(made.out).toContain('AKIAMIGRATED');
    expect(made.out).not.toContain(secret);
    expect((await find('AKIAMIGRATED'))?.secretAccessKey).toBe(secret);
    expect(await run(args, secret)).toMatchObject({
      code: 1,
      err: 'zas: There is an access key AKIAMIGRATED already.',
    });
  });

  it('lists those of one user', async () => {
    await run(['create', '--user', 'alice']);
    const { out } = await run(['create', '--user', 'bob']);
    expect(out).toMatch(/^Access key: +ZAS\w{17}\nSecret key: +[\w-]{40}\nUser: +bob\n/);
    const listed = await run(['list', '--user', 'bob']);
    expect(listed.out.split('\n')).toHaveLength(2);
    expect(listed.out).toContain('bob');
  });

  it.each([
    [['create']],
    [['create', '--user', 'alice', '--access-key', 'AKIA']],
    [['create', '--user', 'alice', '--secret-key-stdin']],
    [['disable']],
    [['rotate', 'AKIA']],
  ])('has %j for wrong usage', async (args) => {
    expect(await run(args)).toMatchObject({ code: 2, out: '' });
  });

  it('says what cannot be a key, and that the name of root is one already', async () => {
    const create = (id: string, secret: string) =>
      run(['create', '--user', 'alice', '--access-key', id, '--secret-key-stdin'], secret);
    expect((await create('a/b', 'long-enough')).err).toContain('An access key has 3 to 128 letters');
    expect((await create('AKIA', 'short')).err).toContain('8 to 128 characters');
    expect((await create('root', 'long-enough')).err).toContain('root is the root user');
    expect((await run(['list'])).out.split('\n')).toHaveLength(1);
  });

  it('says that there is no store where there is none', async () => {
    await writeFile(join(folder, 'data'), '');
    expect((await run(['list'])).code).toBe(1);
  });

  it('asks a server when one is named, unless a store is', async () => {
    const server = await startApp({ config: { extensions: { s3: {} } } });
    try {
      const [, encoded = ''] = server.rootAuthorization.split(' ');
      const [, password = ''] = Buffer.from(encoded, 'base64').toString().split(':');
      const env = { ZAS_SERVER: server.url, ZAS_ROOT_PASSWORD: password };
      const made = await run(['create', '--user', 'alice', '--json'], '', env);
      expect(made).toMatchObject({ code: 0, err: '' });
      const { accessKeyId, secretAccessKey } = JSON.parse(made.out);
      expect(secretAccessKey).toMatch(/^[\w-]{40}$/);
      expect((await run(['list'], '', env)).out).toContain(accessKeyId);
      expect((await run(['disable', accessKeyId], '', env)).out).toContain('is disabled');
      expect((await run(['list'], '', env)).out).toContain('disabled');
      expect((await run(['delete', accessKeyId], '', env)).code).toBe(0);
      expect(await run(['delete', accessKeyId], '', env)).toMatchObject({
        code: 1,
        err: expect.stringContaining(`no access key ${accessKeyId}`),
      });
      const local = await run(['create', '--user', 'bob', '--data', 'data', '--json'], '', env);
      expect(await find(JSON.parse(local.out).accessKeyId)).toMatchObject({ user: 'bob' });
      const both = await run(['list', '--data', 'data', '--server', server.url], '', env);
      expect(both).toMatchObject({ code: 1, err: expect.stringContaining('either a server') });
    } finally {
      await server.close();
    }
  });
});
