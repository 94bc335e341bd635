import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { StoreError } from '@zot-artifact-store/spec';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runCli } from './run-cli.ts';
import type { OpenedStore, Services } from './services.ts';

const MAIN = fileURLToPath(new URL('../main.ts', import.meta.url));

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'zas-cli-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

interface Outcome {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** The real program in a process of its own. */
function spawnZas(...args: string[]): Promise<Outcome> {
  return new Promise((done, failed) => {
    const child = spawn(process.execPath, [MAIN, ...args], { cwd: folder, env: { PATH: process.env.PATH } });
    let out = '';
    let err = '';
    child.stdout.on('data', (chunk) => {
      out += chunk;
    });
    child.stderr.on('data', (chunk) => {
      err += chunk;
    });
    child.on('error', failed);
    child.on('close', (code) => done({ code, out, err }));
  });
}

const EMPTY_STORE: OpenedStore = {
  volumes: [''],
  collectGarbage: async () => ({
    examined: 3,
    kept: 1,
    collectedBlobs: 2,
    collectedBytes: 42,
    trashRemoved: 0,
    postponed: 0,
    failures: 0,
    complete: true,
    untaggedManifests: 0,
  }),
  scrub: async () => ({
    checkedBlobs: 1,
    checkedBytes: 42,
    damaged: [],
    damagedBlobs: 0,
    healed: 0,
    unreadable: 0,
    complete: true,
  }),
  fsck: async () => ({
    errors: [],
    errorCount: 0,
    notes: [],
    noteCount: 0,
    blobs: 1,
    blobBytes: 42,
    unownedBlobs: 0,
    edges: 1,
    objects: 1,
  }),
  close: async () => {},
};

/** The command line in this process, with the rest of the server replaced. */
async function run(
  args: readonly string[],
  services: Partial<Services> = {},
  env: Readonly<Record<string, string>> = {},
): Promise<Outcome> {
  let out = '';
  let err = '';
  const terminal = {
    env,
    cwd: folder,
    cores: 1,
    print: (text: string) => {
      out += `${text}\n`;
    },
    complain: (text: string) => {
      err += `${text}\n`;
    },
  };
  const code = await runCli(args, terminal, {
    serve: async () => {},
    openStore: async () => EMPTY_STORE,
    ...services,
  });
  return { code, out, err };
}

describe('zas', () => {
  it('prints help and version on standard output and ends with 0', async () => {
    const help = await spawnZas('--help');
    expect(help).toMatchObject({ code: 0, err: '' });
    for (const word of ['serve', 'verify', 'config', 'gc', 'scrub', 'fsck', 'Exit codes']) {
      expect(help.out).toContain(word);
    }
    expect(await spawnZas('--version')).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^\d+\.\d+\.\d+\n$/),
    });
  });

  it('ends with 2 for an unknown command or option, and suggests what was meant', async () => {
    expect(await spawnZas('serv')).toMatchObject({ code: 2, out: '', err: expect.stringContaining('serve') });
    expect(await run(['serve', '--prot', '1'])).toMatchObject({
      code: 2,
      err: expect.stringContaining('--port'),
    });
  });

  it('ends with 2 and the sentences of all problems for a bad configuration, and never with a stack', async () => {
    await writeFile(join(folder, 'bad.yaml'), 'http: {prot: 1}\nstorage: {retention: {delay: 1h}}\n');
    for (const args of [
      ['serve', 'bad.yaml'],
      ['verify', 'bad.yaml'],
    ]) {
      const { code, out, err } = await spawnZas(...args);
      expect(code).toBe(2);
      expect(out).toBe('');
      expect(err).toContain('http.prot is not a known key (did you mean "port"?).');
      expect(err).toContain('storage.retention is not available yet.');
      expect(err).not.toMatch(/^\s+at /m);
    }
  });

  it('checks a good configuration and says what has no effect', async () => {
    await writeFile(join(folder, 'zot.json'), '{"storage": {"rootDirectory": "x", "dedupe": false}}');
    const { code, out } = await run(['config', 'check', 'zot.json']);
    expect(code).toBe(0);
    expect(out).toContain('zot.json can be used.');
    expect(out).toContain('storage.dedupe has no effect');
  });

  it('judges the lines of the htpasswd file when it checks a configuration', async () => {
    await writeFile(join(folder, 'htpasswd'), 'alice:plain\n');
    await writeFile(join(folder, 'zot.yaml'), 'http: {auth: {htpasswd: {path: htpasswd}}}');
    expect(await run(['verify', 'zot.yaml'])).toMatchObject({
      code: 2,
      err: expect.stringContaining('line 1'),
    });
  });

  it('judges what is in the secret key file', async () => {
    await writeFile(join(folder, 'key'), 'guess me');
    expect(await run(['config', 'explain'], {}, { ZAS_SECRET_KEY_FILE: 'key' })).toMatchObject({
      code: 2,
      err: expect.stringMatching(/ZAS_SECRET_KEY_FILE names .*key, which must hold 64 hex digits/),
    });
  });

  it('explains a configuration as a table and as JSON', async () => {
    await writeFile(join(folder, 'zot.yaml'), 'http: {port: 5000}');
    expect((await run(['config', 'explain', 'zot.yaml'])).out).toMatch(/^http\.port +5000 +\(file\)$/m);
    const { settings } = JSON.parse((await run(['config', 'explain', '--json'])).out);
    expect(settings).toContainEqual({ key: 'http.port', value: '8080', source: 'default' });
  });

  it('prints the JSON Schema', async () => {
    expect(JSON.parse((await run(['config', 'schema'])).out)).toMatchObject({ type: 'object' });
  });
});

describe('zas serve', () => {
  it('hands over the configuration of file and options', async () => {
    await writeFile(join(folder, 'zot.yaml'), 'http: {port: 5000, address: 127.0.0.9}');
    const served: unknown[] = [];
    const { code } = await run(['serve', 'zot.yaml', '--port', '0', '--data', 'there', '--workers', '2'], {
      serve: async (config) => void served.push(config),
    });
    expect(code).toBe(0);
    expect(served).toMatchObject([
      {
        http: { port: 0, address: '127.0.0.9' },
        storage: { volumes: [{ rootDirectory: join(folder, 'there') }] },
        workers: 2,
      },
    ]);
  });

  it('refuses two configuration files', async () => {
    expect(await run(['serve', 'a.yaml', '--config', 'b.yaml'])).toMatchObject({ code: 2 });
  });

  it('ends with 3 and one sentence when the port is taken', async () => {
    const cause = Object.assign(new Error('listen EADDRINUSE'), {
      code: 'EADDRINUSE',
      syscall: 'listen',
      address: '127.0.0.1',
      port: 8080,
    });
    const { code, err } = await run(
      ['serve', '--data', 'd', '--log-level', 'fatal', '--config', await quietConfig()],
      {
        serve: () => Promise.reject(cause),
      },
    );
    expect(code).toBe(3);
    expect(err).toBe(
      'zas: 127.0.0.1:8080 is in use by another program; end that one, or choose another port with --port.\n',
    );
  });

  it('ends with 1 and the sentence of the error when it cannot start, and tells a bug from it', async () => {
    const config = await quietConfig();
    const refused = await run(['serve', '--config', config], {
      serve: () => Promise.reject(new StoreError('unavailable', 'The data folder cannot be written.')),
    });
    expect(refused).toMatchObject({ code: 1, err: 'zas: The data folder cannot be written.\n' });
    const bug = await run(['serve', '--config', config], {
      serve: () => Promise.reject(new TypeError('x of undefined')),
    });
    expect(bug.code).toBe(1);
    expect(bug.err).toContain('this is a bug');
    expect(bug.err).not.toMatch(/^\s+at /m);
  });
});

describe('zas gc, scrub and fsck', () => {
  it('print a table for people and JSON for programs', async () => {
    expect((await run(['gc', '--dry-run'])).out).toContain('would remove blobs');
    expect(JSON.parse((await run(['gc', '--json'])).out)).toMatchObject({
      dryRun: false,
      volumes: [{ volume: '', collectedBlobs: 2 }],
    });
    expect((await run(['scrub'])).out).toMatch(/^main +1 +42 +0 +0 +0$/m);
    expect((await run(['fsck'])).out).toMatch(/^main +1 +42 +1 +1 +0 +0 +0$/m);
  });

  it('hand over their options, and close the store whatever happens', async () => {
    const asked: unknown[] = [];
    let closed = 0;
    const store: OpenedStore = {
      ...EMPTY_STORE,
      collectGarbage: async (_volume, { dryRun, untagged }) => {
        asked.push({ dryRun, untagged });
        throw new StoreError('unavailable', 'The disk is gone.');
      },
      close: async () => {
        closed += 1;
      },
    };
    expect(await run(['gc', '--untagged'], { openStore: async () => store })).toMatchObject({
      code: 1,
      err: 'zas: The disk is gone.\n',
    });
    expect(asked).toEqual([{ dryRun: false, untagged: true }]);
    expect(closed).toBe(1);
  });

  it('end with 1 when they find problems', async () => {
    const damaged: OpenedStore = {
      ...EMPTY_STORE,
      fsck: async () => ({
        ...(await EMPTY_STORE.fsck('', { signal: AbortSignal.abort() })),
        errors: [{ kind: 'object-missing', detail: 'the file of a blob is missing' }],
        errorCount: 3,
      }),
    };
    const { code, out } = await run(['fsck'], { openStore: async () => damaged });
    expect(code).toBe(1);
    expect(out).toContain('error: object-missing: the file of a blob is missing');
    expect(out).toContain('and 2 more in main');
  });
});

/** Its log goes to a file, so that the test's output stays clean. */
async function quietConfig(): Promise<string> {
  const path = join(folder, 'quiet.yaml');
  await writeFile(path, `log: {output: ${JSON.stringify(join(folder, 'log'))}}`);
  return path;
}
