import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { explainConfig } from './explain.ts';
import { configJsonSchema } from './json-schema.ts';
import { type ConfigInput, type LoadedConfig, loadConfig } from './load.ts';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'zas-config-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

const INPUT = { flags: {}, env: {}, cwd: '/', cores: 4, sections: {} };

async function load(
  content?: unknown,
  input: Partial<Omit<ConfigInput, 'file'>> = {},
): Promise<LoadedConfig> {
  const file = join(folder, 'config.yaml');
  if (content !== undefined) {
    await writeFile(file, typeof content === 'string' ? content : JSON.stringify(content));
  }
  return loadConfig({
    ...INPUT,
    file: content === undefined ? undefined : file,
    cwd: folder,
    ...input,
  });
}

async function usable(...args: Parameters<typeof load>): Promise<Extract<LoadedConfig, { ok: true }>> {
  const loaded = await load(...args);
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
  return loaded;
}

async function problemsOf(...args: Parameters<typeof load>): Promise<Record<string, string>> {
  const loaded = await load(...args);
  return loaded.ok ? {} : Object.fromEntries(loaded.problems.map(({ place, message }) => [place, message]));
}

describe('a configuration', () => {
  it('without a file serves on the loopback address, keeps its data in ./data and lets only root in', async () => {
    const { config } = await usable();
    expect(config.http).toMatchObject({ address: '127.0.0.1', port: 8080, dockerCompat: false });
    expect(config.storage.volumes).toEqual([
      {
        path: '',
        rootDirectory: join(folder, 'data'),
        gc: { enabled: true, delayMs: 3_600_000, intervalMs: 3_600_000 },
      },
    ]);
    expect(config.access).toMatchObject({ rootUser: 'root', unrestricted: [] });
    expect(config.access.rootPasswordPath).toBe(join(folder, 'data', 'root-password'));
    expect(config.workers).toBe(4);
  });

  it('is frozen to its last part, and survives JSON', async () => {
    const { config } = await usable({ storage: { subPaths: { '/a': { rootDirectory: 'a' } } } });
    expect(Object.isFrozen(config.storage.volumes[1]?.gc)).toBe(true);
    expect(JSON.parse(JSON.stringify(config))).toEqual(config);
  });

  it('takes options over the environment over the file, and tells where each value came from', async () => {
    const loaded = await usable(
      { http: { port: '1000', address: '127.0.0.2' }, storage: { rootDirectory: 'file-data' }, workers: 3 },
      { env: { ZAS_PORT: '2000', ZAS_HOST: '127.0.0.3', ZAS_DATA: '' }, flags: { port: '3000' } },
    );
    expect(loaded.config.http).toMatchObject({ port: 3000, address: '127.0.0.3' });
    expect(loaded.config.storage.volumes[0].rootDirectory).toBe(join(folder, 'file-data'));
    const sources = Object.fromEntries(explainConfig(loaded, {}).map(({ key, source }) => [key, source]));
    expect(sources).toMatchObject({
      'http.port': '--port',
      'http.address': 'ZAS_HOST',
      'storage.rootDirectory': 'file',
      'storage.gc': 'default',
      workers: 'file',
    });
  });

  it('names the option or the variable when that is what is wrong', async () => {
    expect(
      await problemsOf(undefined, { flags: { port: '70000', logLevel: 'loud' }, env: { ZAS_HOST: 'a b' } }),
    ).toEqual({
      '--port': 'must be a whole number from 0 to 65535',
      '--log-level': expect.stringContaining('must be "trace"'),
    });
  });

  it('takes the root user from the environment, and never shows the password', async () => {
    await writeFile(join(folder, 'secret'), 'from-a-file\n');
    const direct = await usable(undefined, { env: { ZAS_ROOT_USER: 'admin', ZAS_ROOT_PASSWORD: 'hunter2' } });
    expect(direct.config.access).toMatchObject({ rootUser: 'admin', rootPassword: 'hunter2' });
    expect(JSON.stringify(explainConfig(direct, {}))).not.toContain('hunter2');
    const file = await usable(undefined, { env: { ZAS_ROOT_PASSWORD_FILE: join(folder, 'secret') } });
    expect(file.config.access.rootPassword).toBe('from-a-file');
  });

  it('refuses root credentials that cannot work', async () => {
    const env = { ZAS_ROOT_USER: 'a:b', ZAS_ROOT_PASSWORD_FILE: join(folder, 'missing') };
    expect(Object.keys(await problemsOf(undefined, { env }))).toEqual([
      'ZAS_ROOT_USER',
      'ZAS_ROOT_PASSWORD_FILE',
    ]);
    const both = { ZAS_ROOT_PASSWORD: 'x', ZAS_ROOT_PASSWORD_FILE: 'y' };
    expect(Object.keys(await problemsOf(undefined, { env: both }))).toEqual(['ZAS_ROOT_PASSWORD']);
  });

  it('takes the file with the secret key from the environment, relative to the working directory', async () => {
    await writeFile(join(folder, 'key'), '00'.repeat(32));
    const given = await usable(undefined, { env: { ZAS_SECRET_KEY_FILE: 'key' } });
    expect(given.config.storage.secretKeyPath).toBe(join(folder, 'key'));
    const key = 'ZAS_SECRET_KEY_FILE';
    expect(explainConfig(given, {})).toContainEqual({ key, value: join(folder, 'key'), source: key });
    expect(await problemsOf(undefined, { env: { ZAS_SECRET_KEY_FILE: 'gone' } })).toEqual({
      [key]: expect.stringContaining('cannot be read (ENOENT)'),
    });
  });

  it('reads a file that is a pipe, as it comes', async () => {
    const script = `
      const { loadConfig } = await import(${JSON.stringify(new URL('./load.ts', import.meta.url).href)});
      const input = { file: '/dev/stdin', flags: {}, env: {}, cwd: '/', cores: 1, sections: {} };
      const loaded = await loadConfig(input);
      console.log(loaded.ok ? loaded.config.http.port : loaded.problems);`;
    const shell = '{ echo "http:"; echo "  port: 5000"; } | "$NODE" --input-type=module -e "$SCRIPT"';
    const env = { PATH: process.env.PATH, NODE: process.execPath, SCRIPT: script };
    expect(execFileSync('/bin/sh', ['-c', shell], { env, encoding: 'utf8' })).toBe('5000\n');
  });

  it('reports a file that is not there', async () => {
    const loaded = await loadConfig({
      file: 'gone.json',
      flags: {},
      env: {},
      cwd: folder,
      cores: 1,
      sections: {},
    });
    expect(loaded).toMatchObject({ ok: false, problems: [{ message: 'cannot be read (ENOENT)' }] });
  });
});

describe("zot's configuration file", () => {
  it('is accepted in any spelling of its keys, with numbers and booleans as strings', async () => {
    const { config } = await usable(
      'distspecversion: 1.1\nHTTP:\n  ADDRESS: 0.0.0.0\n  port: 5000\nstorage:\n  rootdirectory: /srv/x\n  GcDelay: 2h\n  gc: "true"\n',
    );
    expect(config.http).toMatchObject({ address: '0.0.0.0', port: 5000 });
    expect(config.storage.volumes[0]).toMatchObject({ rootDirectory: '/srv/x', gc: { delayMs: 7_200_000 } });
  });

  it('without an auth section lets everybody do everything, and says so', async () => {
    const { config, remarks } = await usable({ storage: { rootDirectory: 'x' } });
    expect(config.access.unrestricted).toEqual(['anonymous']);
    expect(remarks.map(({ place }) => place)).toContain('http.auth');
  });

  it('with an anonymous policy lets everybody do that and no more', async () => {
    const accessControl = { repositories: { '**': { anonymousPolicy: ['read', 'create'] } } };
    const { config } = await usable({ http: { accessControl } });
    expect(config.access.unrestricted).toEqual([]);
    expect(config.access.accessControl).toEqual({
      repositories: { '**': { policies: [], defaultPolicy: [], anonymousPolicy: ['read', 'create'] } },
      groups: {},
    });
  });

  it('with an htpasswd file lets its users do everything, or what the default policy says', async () => {
    await writeFile(join(folder, 'htpasswd'), '');
    const auth = { htpasswd: { path: 'htpasswd' }, failDelay: 5 };
    expect((await usable({ http: { auth } })).config.access).toMatchObject({
      htpasswdPath: join(folder, 'htpasswd'),
      failDelayMs: 5000,
      unrestricted: ['htpasswd'],
    });
    const accessControl = { repositories: { '**': { defaultPolicy: ['read'], anonymousPolicy: [] } } };
    const { access } = (await usable({ http: { auth, accessControl } })).config;
    expect(access.unrestricted).toEqual([]);
    expect(access.accessControl?.repositories['**']?.defaultPolicy).toEqual(['read']);
  });

  it("with zot's accessControl takes all of it", async () => {
    const accessControl = {
      Repositories: {
        'team-a/**': {
          policies: [
            {
              users: ['alice'],
              actions: ['read', 'create'],
              conditions: [{ expression: 'req.tls.enabled', message: 'use TLS' }],
            },
            { groups: ['devs'], actions: ['read'] },
          ],
        },
        '**': { defaultPolicy: ['read'] },
      },
      adminPolicy: { users: ['admin'], actions: ['read', 'create', 'update', 'delete'] },
      groups: { devs: { users: ['bob'] } },
    };
    const { config } = await usable({ http: { accessControl } });
    expect(config.access.accessControl).toMatchObject({
      repositories: {
        'team-a/**': {
          policies: [
            {
              users: ['alice'],
              groups: [],
              conditions: [{ expression: 'req.tls.enabled', message: 'use TLS' }],
            },
            { users: [], groups: ['devs'], actions: ['read'] },
          ],
        },
      },
      adminPolicy: { users: ['admin'], groups: [] },
      groups: { devs: ['bob'] },
    });
  });

  it('with an accessControl that gives nothing says so', async () => {
    const { remarks } = await usable({ http: { accessControl: {} } });
    expect(remarks.map(({ place }) => place)).toContain('http.accessControl');
  });

  it('says what has no effect', async () => {
    const { remarks } = await usable({
      distSpecVersion: '1.0.1',
      http: { readTimeout: '5m', writeTimeout: '2m', externalUrl: 'https://registry.example' },
      storage: { dedupe: false, commit: false, gc: false, gcInterval: '1h', fastRestart: true },
      extensions: { mgmt: { enable: true }, search: { enable: false } },
    });
    expect(remarks.map(({ place }) => place)).toEqual([
      'storage.dedupe',
      'storage.commit',
      'storage.gcInterval',
      'storage.fastRestart',
      'distSpecVersion',
      'http.readTimeout',
      'http.writeTimeout',
      'http.externalUrl',
      'extensions.mgmt',
      'http.auth',
    ]);
  });

  it('with what comes later is refused key by key, all at once', async () => {
    const problems = await problemsOf({
      storage: {
        maxRepos: 5,
        retention: { policies: [{ repositories: ['**'] }] },
        storageDriver: { name: 's3' },
        cacheDriver: { name: 'redis' },
        redirectBlobURL: true,
        gcTimeWindow: '01:00-02:00',
        subPaths: { '/a': { rootDirectory: 'a', remoteCache: true } },
      },
      http: {
        auth: {
          bearer: { awsSecretsManager: { region: 'x' } },
        },
        accessControl: {
          metrics: { users: ['a'] },
          repositories: { '**': { defaultPolicy: ['detectManifestCollision'] } },
        },
      },
      extensions: { search: {}, sync: { registries: [] }, ui: { enable: true } },
      cluster: { members: ['a'] },
      scheduler: { numWorkers: 3 },
    });
    expect(Object.keys(problems).sort()).toEqual([
      'cluster',
      'extensions.search',
      'extensions.sync',
      'extensions.ui',
      'http.accessControl.metrics',
      'http.accessControl.repositories["**"].defaultPolicy[0]',
      'http.auth.bearer.awsSecretsManager',
      'scheduler',
      'storage.cacheDriver',
      'storage.gcTimeWindow',
      'storage.maxRepos',
      'storage.redirectBlobURL',
      'storage.retention',
      'storage.storageDriver',
      'storage.subPaths["/a"].remoteCache',
    ]);
    for (const message of Object.values(problems)) expect(message).toContain('is not available yet');
  });

  it('with what comes later switched off is accepted', async () => {
    await usable({
      storage: { remoteCache: false, retention: {}, storageDriver: null, maxRepos: 0 },
      http: { ratelimit: {}, auth: { apikey: false } },
      extensions: { search: { enable: false, cve: { updateInterval: '2h' } }, sync: { enable: false } },
    });
  });
});

describe('a rate limit', () => {
  it('is taken as zot has it', async () => {
    const { config } = await usable({
      http: { ratelimit: { rate: 10, methods: [{ method: 'put', rate: '2' }] } },
    });
    expect(config.http.rateLimit).toEqual({ perSecond: 10, methods: [{ method: 'PUT', perSecond: 2 }] });
    expect((await usable({ http: { ratelimit: {} } })).config.http.rateLimit).toBeUndefined();
  });
});

describe('an unknown key', () => {
  it('is an error that names its path and the nearest key', async () => {
    expect(
      await problemsOf({
        storge: {},
        http: { prot: 1, tls: { certificate: 'x' } },
        storage: { subPaths: { '/a': { rootDir: 'x', gcUntagged: true } } },
        zzzzzzzz: 1,
      }),
    ).toMatchObject({
      storge: 'is not a known key (did you mean "storage"?)',
      'http.prot': 'is not a known key (did you mean "port"?)',
      'storage.subPaths["/a"].rootDir': expect.stringContaining('is not a known key'),
      zzzzzzzz: 'is not a known key',
    });
  });

  it('is found in two spellings of one key', async () => {
    expect(await problemsOf('http: {port: 1, Port: 2}')).toEqual({
      'http.Port': 'is given twice, in different spellings of "port"',
    });
  });

  it('cannot reach a prototype', async () => {
    const problems = await problemsOf('{"__proto__": {"a": 1}, "http": {"constructor": 1}}');
    expect(Object.keys(problems)).toEqual(expect.arrayContaining(['http.constructor']));
    expect(({} as Record<string, unknown>).a).toBeUndefined();
  });
});

describe('values', () => {
  it('of data folders cannot be empty, which would be the working directory', async () => {
    const place = 'storage.rootDirectory';
    expect(await problemsOf({ storage: { rootDirectory: '' } })).toEqual({ [place]: 'must name a folder' });
    expect(await problemsOf(undefined, { flags: { data: '' } })).toEqual({ '--data': 'must name a folder' });
  });

  it('of the wrong kind are reported together, each in a sentence', async () => {
    expect(
      await problemsOf({
        http: { port: 'x', compat: ['docker1'], tls: 'yes', readTimeout: 30 },
        storage: { gc: 'maybe', reserveBytes: 'lots', rootDirectory: 7 },
        log: { level: 'loud' },
        workers: 0,
      }),
    ).toEqual({
      'http.port': 'must be a whole number from 0 to 65535',
      'http.compat[0]': 'must be "docker2s2"',
      'http.tls': 'must be a section with keys of its own',
      'http.readTimeout': expect.stringContaining('has no unit'),
      'storage.gc': 'must be true or false',
      'storage.reserveBytes': expect.stringContaining('not a size'),
      'storage.rootDirectory': 'must be a string',
      'log.level': expect.stringContaining('must be'),
      workers: 'must be a whole number from 1 to 256',
    });
  });

  it('of sub-paths must name one part of a repository and a folder apart from the others', async () => {
    await mkdir(join(folder, 'main'));
    await symlink(join(folder, 'main'), join(folder, 'link'));
    const problems = await problemsOf({
      storage: {
        rootDirectory: 'main',
        subPaths: {
          a: { rootDirectory: 'd1' },
          '/b/c': { rootDirectory: 'd2' },
          '/d': { rootDirectory: 'main/inner' },
          '/e': { rootDirectory: 'd2' },
          '/f': {},
          '/g': { rootDirectory: 'link' },
          '/h': { rootDirectory: 'd5', gcDelay: '0' },
        },
      },
    });
    expect(Object.keys(problems)).toEqual(
      expect.arrayContaining([
        'storage.subPaths.a',
        'storage.subPaths["/b/c"]',
        'storage.subPaths["/d"].rootDirectory',
        'storage.subPaths["/e"].rootDirectory',
        'storage.subPaths["/f"].rootDirectory',
        'storage.subPaths["/g"].rootDirectory',
        'storage.subPaths["/h"].gcDelay',
      ]),
    );
  });

  it('of sub-paths take garbage collection from the main volume', async () => {
    const { config } = await usable({
      storage: { rootDirectory: 'm', gcDelay: '3h', subPaths: { '/a': { rootDirectory: 'a', gc: false } } },
    });
    expect(config.storage.volumes[1]).toMatchObject({
      path: '/a',
      gc: { enabled: false, delayMs: 10_800_000 },
    });
  });

  it('that name files are checked against them', async () => {
    await writeFile(join(folder, 'not-a-cert.pem'), 'hello');
    const problems = await problemsOf({
      http: {
        tls: { cert: 'not-a-cert.pem', key: 'not-a-cert.pem', cacert: 'gone.pem' },
        auth: { htpasswd: { path: 'gone' } },
      },
    });
    expect(Object.keys(problems)).toEqual(['http.auth.htpasswd.path', 'http.tls.cert', 'http.tls.cacert']);
  });

  it('that need each other are missed', async () => {
    expect(await problemsOf({ http: { tls: { cert: 'x' } } })).toHaveProperty(['http.tls.key']);
    expect(await problemsOf({ http: { tls: { key: 'x' } } })).toHaveProperty(['http.tls.cert']);
    expect(await problemsOf({ http: { tls: { cacert: 'x' } } })).toHaveProperty(['http.tls.cacert']);
    expect(await problemsOf({ storage: { metadataDriver: 'memory' }, workers: 2 })).toHaveProperty([
      'workers',
    ]);
  });

  it('that go into headers and URLs are well-formed', async () => {
    const problems = await problemsOf({
      http: {
        realm: 'a\r\nb',
        externalUrl: 'registry',
        allowOrigin: 'https://a.example,b/c',
        address: 'a/b',
      },
    });
    expect(Object.keys(problems).sort()).toEqual([
      'http.address',
      'http.allowOrigin',
      'http.externalUrl',
      'http.realm',
    ]);
  });

  it('of memory drivers run in one process', async () => {
    expect((await usable({ storage: { blobDriver: 'memory' } })).config.workers).toBe(1);
  });
});

describe('extensions', () => {
  it('of third parties bring a module and keys of their own, which stay as written', async () => {
    const { config } = await usable({
      extensions: {
        'Pull-Counter': { Module: './counter.js', someKey: 1, Other: { Deep: true } },
        off: { module: 'x', enable: false },
      },
    });
    expect(config.extensions).toEqual([
      { name: 'pull-counter', module: './counter.js', options: { someKey: 1, Other: { Deep: true } } },
    ]);
    expect(config.baseDirectory).toBe(folder);
  });

  it('that nobody knows are refused with the nearest name', async () => {
    expect(await problemsOf({ extensions: { serch: { enable: true } } })).toEqual({
      'extensions.serch': expect.stringContaining('did you mean "search"?'),
    });
  });
});

describe('the JSON Schema', () => {
  it('describes what may be written and leaves out what is refused', () => {
    const text = JSON.stringify(configJsonSchema({}));
    for (const key of ['rootDirectory', 'gcUntagged', 'anonymousPolicy', 'docker2s2', 'module']) {
      expect(text).toContain(`"${key}"`);
    }
    for (const key of ['retention', 'awsSecretsManager', 'cluster', 'detectManifestCollision']) {
      expect(text).not.toContain(`"${key}"`);
    }
  });
});
