import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { StoreError } from '@zot-artifact-store/spec';
import { LayoutBuilder } from '@zot-artifact-store/testkit/layout-builder.ts';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { TransferReport } from '../layout/transfer-log.ts';
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

const TRANSFERRED: TransferReport = {
  repositories: [
    { repository: 'a/b', manifests: 3, tags: 2, blobs: 5, linkedBytes: 70, copiedBytes: 8, alreadyThere: 1 },
  ],
  problems: [],
  problemCount: 0,
  notes: [],
  noteCount: 0,
  complete: true,
};

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
    provisionalBlobs: 0,
    edges: 1,
    objects: 1,
  }),
  importLayouts: async () => TRANSFERRED,
  exportLayouts: async () => TRANSFERRED,
  // Tested on a real store, in commands/key.test.ts.
  accessKeys: {
    create: notHere,
    list: notHere,
    enable: notHere,
    disable: notHere,
    delete: notHere,
  },
  // Tested on a real store, in commands/stat.test.ts.
  objects: { stat: notHere },
  audit: { verify: notHere },
  close: async () => {},
};

async function notHere(): Promise<never> {
  throw new StoreError('unavailable', 'There are no keys and no objects here.');
}

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
    readInput: async () => '',
  };
  const code = await runCli(args, terminal, {
    serve: async () => {},
    checkExtensions: async () => [],
    openStore: async () => EMPTY_STORE,
    ...services,
  });
  return { code, out, err };
}

describe('zas', () => {
  it('prints help and version on standard output and ends with 0', async () => {
    const help = await spawnZas('--help');
    expect(help).toMatchObject({ code: 0, err: '' });
    for (const word of [
      'serve',
      'verify',
      'config',
      'gc',
      'scrub',
      'fsck',
      'import',
      'export',
      'key',
      'stat',
      'Exit codes',
    ]) {
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

  it('judges the extensions it names', async () => {
    await writeFile(join(folder, 'extended.json'), '{"extensions": {"mine": {"module": "./mine.ts"}}}');
    const problem = 'extensions.mine.module: there is no file ./mine.ts';
    const broken = await run(['verify', 'extended.json'], { checkExtensions: async () => [problem] });
    expect(broken).toMatchObject({ code: 2, out: '', err: expect.stringContaining(problem) });
    expect(await run(['verify', 'extended.json'])).toMatchObject({ code: 0, err: '' });
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

describe('zas import and export', () => {
  const asked: unknown[] = [];
  const store: OpenedStore = {
    ...EMPTY_STORE,
    importLayouts: async (request) => {
      asked.push(request);
      return TRANSFERRED;
    },
    exportLayouts: async (request) => {
      asked.push(request);
      return TRANSFERRED;
    },
  };
  const opened: unknown[] = [];
  const openStore: Services['openStore'] = async (_config, { createIfMissing }) => {
    opened.push(createIfMissing);
    return store;
  };
  beforeEach(() => {
    asked.length = 0;
    opened.length = 0;
  });

  it('hand over what is asked, and only an import makes a data folder', async () => {
    for (const args of [
      ['import', 'zot', '/srv/zot'],
      ['import', 'zot', '--repository', 'a/**', '--repository', 'b', 'here', '--copy', '--move-tags'],
      ['import', 'oci-layout', 'tree'],
      ['import', 'oci-layout', 'one', '--repository', 'a/b', '--tag', 'v1'],
      ['export', 'oci-layout', 'tree', '--copy'],
      ['export', 'oci-layout', '--tag', 'v1', '--tag', 'v2', 'one', '--repository', 'a/b'],
    ]) {
      expect(await run(args, { openStore })).toMatchObject({ code: 0, err: '' });
    }
    const importing = { mayLink: true, movesTags: false };
    expect(asked).toEqual([
      { folder: '/srv/zot', what: { kind: 'tree', patterns: [] }, ...importing },
      {
        folder: join(folder, 'here'),
        what: { kind: 'tree', patterns: ['a/**', 'b'] },
        mayLink: false,
        movesTags: true,
      },
      { folder: join(folder, 'tree'), what: { kind: 'tree', patterns: [] }, ...importing },
      {
        folder: join(folder, 'one'),
        what: { kind: 'layout', repository: 'a/b', tag: 'v1' },
        ...importing,
      },
      { folder: join(folder, 'tree'), what: { kind: 'tree' }, mayLink: false },
      {
        folder: join(folder, 'one'),
        what: { kind: 'repository', repository: 'a/b', tags: ['v1', 'v2'] },
        mayLink: true,
      },
    ]);
    expect(opened).toEqual([true, true, true, true, false, false]);
  });

  it('refuse a tag without a repository, and a missing folder', async () => {
    for (const args of [
      ['import', 'oci-layout', 'one', '--tag', 'v1'],
      ['export', 'oci-layout', 'one', '--tag', 'v1'],
      ['import', 'zot'],
      ['export', 'oci-layout'],
      ['import', 'tar', 'x'],
    ]) {
      expect(await run(args, { openStore })).toMatchObject({ code: 2, out: '' });
    }
    expect(asked).toEqual([]);
  });

  it('print a table with a total, what was left out without control characters, or JSON', async () => {
    const [row] = TRANSFERRED.repositories;
    if (row === undefined) throw new Error('there is a row');
    const report: TransferReport = {
      ...TRANSFERRED,
      repositories: [row, { ...row, repository: 'c' }],
      problems: [{ kind: 'name-invalid', repository: 'A\u001b[2J', reason: 'not a name' }],
      problemCount: 4,
      notes: [{ kind: 'unreferenced', repository: 'c', digest: 'sha256:00', reason: 'nobody names it' }],
      noteCount: 1,
    };
    const services = { openStore: async () => ({ ...store, importLayouts: async () => report }) };
    const { code, out } = await run(['import', 'zot', 'x'], services);
    expect(code).toBe(1);
    expect(out).toMatch(/^a\/b +3 +2 +5 +70 +8 +1$/m);
    expect(out).toMatch(/^total +6 +4 +10 +140 +16 +2$/m);
    expect(out).toContain('left out: A?[2J: not a name (name-invalid)');
    expect(out).toContain('note: c sha256:00: nobody names it (unreferenced)');
    expect(out).toContain('and 3 more (4 left out, 1 notes in all)');
    const json = await run(['import', 'zot', 'x', '--json'], services);
    expect(json.code).toBe(1);
    expect(JSON.parse(json.out)).toEqual(report);
  });

  it('do what they say, ask the extensions, and end with 1 when something was left out', async () => {
    for (const name of ['app', 'secret']) {
      const layout = new LayoutBuilder(join(folder, 'zot', name));
      layout.list(await layout.image(name), 'v1');
      await layout.save();
    }
    const [zod, spec] = ['zod', '@zot-artifact-store/spec'].map((name) => import.meta.resolve(name));
    await writeFile(
      join(folder, 'gate.mjs'),
      `import { z } from ${JSON.stringify(zod)};
       import { StoreError } from ${JSON.stringify(spec)};
       const vetoes = {
         async beforeManifestPut({ repository, principal }) {
           if (repository === 'secret' || !principal.isRoot) throw new StoreError('denied', 'not this one');
         },
       };
       export default { name: 'gate', config: z.object({}), setup: () => ({ vetoes }) };`,
    );
    await writeFile(join(folder, 'zas.yaml'), 'extensions: {gate: {module: ./gate.mjs}}');
    const { code, out, err } = await spawnZas('import', 'zot', 'zot', '--config', 'zas.yaml', '--json');
    expect([code, err]).toEqual([1, '']);
    expect(JSON.parse(out)).toMatchObject({
      repositories: [
        { repository: 'app', manifests: 1 },
        { repository: 'secret', manifests: 0 },
      ],
      problems: [{ kind: 'denied', repository: 'secret', tag: 'v1' }],
    });
    const exported = await spawnZas('export', 'oci-layout', 'out/app', '--repository', 'app');
    expect(exported).toMatchObject({ code: 0, err: '', out: expect.stringMatching(/^app +1 +1 +2 /m) });
    expect(await spawnZas('export', 'oci-layout', 'data/app')).toMatchObject({
      code: 1,
      out: '',
      err: expect.stringContaining('one in the other'),
    });
  });

  it('end with 1 when they were ended early', async () => {
    const ended = { ...TRANSFERRED, complete: false };
    const services = { openStore: async () => ({ ...store, exportLayouts: async () => ended }) };
    expect(await run(['export', 'oci-layout', 'x'], services)).toMatchObject({
      code: 1,
      err: 'zas: ended before it was done.\n',
    });
  });
});

/** Its log goes to a file, so that the test's output stays clean. */
async function quietConfig(): Promise<string> {
  const path = join(folder, 'quiet.yaml');
  await writeFile(path, `log: {output: ${JSON.stringify(join(folder, 'log'))}}`);
  return path;
}
