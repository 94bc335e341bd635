import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MediaType } from '@zot-artifact-store/spec';
import { startApp } from '@zot-artifact-store/testkit/in-process-app.ts';
import { LayoutBuilder, layerOf } from '@zot-artifact-store/testkit/layout-builder.ts';
import { imageManifest } from '@zot-artifact-store/testkit/registry-bench.ts';
import pino from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { OpenedStore } from '../cli/services.ts';
import type { Config } from '../config/config.ts';
import { loadConfig } from '../config/load.ts';
import type { ImportRequest } from '../layout/transfer.ts';
import { openStore } from './store-tools.ts';

const log = pino({ level: 'silent' });
const { signal } = new AbortController();

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'zas-layouts-'));
});
afterEach(() => rm(folder, { recursive: true }));

async function configOf(storage: object): Promise<Config> {
  const file = join(folder, 'config.json');
  await writeFile(file, JSON.stringify({ storage }));
  const loaded = await loadConfig({ file, flags: {}, env: {}, cwd: folder, cores: 1, sections: {} });
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
  return loaded.config;
}

async function withStore<T>(config: Config, work: (store: OpenedStore) => Promise<T>): Promise<T> {
  const store = await openStore(config, { log, createIfMissing: true });
  try {
    return await work(store);
  } finally {
    await store.close();
  }
}

function tree(root: string): ImportRequest {
  return { folder: root, what: { kind: 'tree', patterns: [] }, mayLink: true, movesTags: false };
}

async function zotTree(...names: readonly string[]): Promise<string> {
  const root = join(folder, 'zot');
  for (const name of names) {
    const layout = new LayoutBuilder(join(root, name));
    layout.list(await layout.image(name), 'v1');
    await layout.save();
  }
  return root;
}

describe('importing into a store on disk', () => {
  it('makes the data folder, brings each repository into its volume, and passes every check', async () => {
    const root = await zotTree('app', 'team/app');
    const storage = {
      rootDirectory: join(folder, 'main'),
      subPaths: { '/team': { rootDirectory: join(folder, 'team') } },
    };
    const config = await configOf(storage);
    const report = await withStore(config, (store) => store.importLayouts(tree(root), { signal }));
    expect(report).toMatchObject({ problemCount: 0, complete: true });
    expect(report.repositories.map(({ repository, linkedBytes }) => [repository, linkedBytes])).toEqual([
      ['app', layerOf('app').length],
      ['team/app', layerOf('team/app').length],
    ]);
    await withStore(config, async (store) => {
      for (const volume of ['', '/team']) {
        expect(await store.fsck(volume, { signal })).toMatchObject({
          errorCount: 0,
          noteCount: 0,
          objects: 1,
        });
        expect(await store.scrub(volume, { fromStart: true, signal })).toMatchObject({ damagedBlobs: 0 });
      }
    });
  });

  it('works beside a server, which serves what came at once, Docker manifests too', async () => {
    const root = await zotTree('app');
    const docker = new LayoutBuilder(join(root, 'docker'));
    await docker.blob('{}');
    const image = await docker.manifest({ ...imageManifest('{}', []), mediaType: MediaType.dockerManifest });
    docker.list(image, 'v1');
    await docker.save();
    const storage = { rootDirectory: join(folder, 'data'), metadataDriver: 'lmdb', blobDriver: 'filesystem' };
    const running = await startApp({ config: { storage } });
    try {
      const config = await configOf(storage);
      const report = await withStore(config, (store) => store.importLayouts(tree(root), { signal }));
      expect(report).toMatchObject({ problemCount: 0 });
      const get = (path: string) =>
        fetch(`${running.url}/v2/${path}`, { headers: { authorization: running.rootAuthorization } });
      expect((await get('app/manifests/v1')).status).toBe(200);
      const found = await get('docker/manifests/v1');
      expect(found.headers.get('content-type')).toBe(MediaType.dockerManifest);
      expect(found.headers.get('docker-content-digest')).toBe(image.digest);

      const out = join(folder, 'out');
      const all = { folder: out, what: { kind: 'tree' }, mayLink: true } as const;
      expect(await withStore(config, (store) => store.exportLayouts(all, { signal }))).toMatchObject({
        problemCount: 0,
        repositories: [{ repository: 'app' }, { repository: 'docker' }],
      });
      expect((await readdir(out)).sort()).toEqual(['app', 'docker']);
    } finally {
      await running.close();
    }
  });

  it('says that it was ended early', async () => {
    const root = await zotTree('app');
    const config = await configOf({ rootDirectory: join(folder, 'data') });
    const report = await withStore(config, (store) =>
      store.importLayouts(tree(root), { signal: AbortSignal.abort() }),
    );
    expect(report).toMatchObject({ complete: false, repositories: [] });
  });

  it('takes one layout under a name', async () => {
    const root = await zotTree('app');
    const config = await configOf({ rootDirectory: join(folder, 'data') });
    const one = {
      ...tree(join(root, 'app')),
      what: { kind: 'layout', repository: 'else/where', tag: 'v9' },
    } as const;
    expect(await withStore(config, (store) => store.importLayouts(one, { signal }))).toMatchObject({
      repositories: [{ repository: 'else/where', tags: 1 }],
    });
  });
});

describe('what cannot be imported from or exported to', () => {
  it('is said in a sentence', async () => {
    const root = await zotTree('app');
    const data = join(folder, 'data');
    await mkdir(data);
    await symlink(data, join(folder, 'alias'));
    await writeFile(join(folder, 'file'), '');
    const config = await configOf({ rootDirectory: data });
    await withStore(config, async (store) => {
      const importing = (request: Partial<ImportRequest>) =>
        store.importLayouts({ ...tree(root), ...request }, { signal });
      const exporting = (to: string, repository?: string) =>
        store.exportLayouts(
          {
            folder: to,
            what: repository === undefined ? { kind: 'tree' } : { kind: 'repository', repository, tags: [] },
            mayLink: true,
          },
          { signal },
        );
      const refused = (kind: string, message: string) => ({
        kind,
        message: expect.stringContaining(message),
      });
      const invalid = (message: string) => refused('argument-invalid', message);
      const named = { kind: 'layout', repository: 'a' } as const;
      await expect(importing({ folder: join(folder, 'none') })).rejects.toMatchObject(
        invalid('there is no folder'),
      );
      await expect(importing({ folder: join(folder, 'file') })).rejects.toMatchObject(
        invalid('is not a folder'),
      );
      await expect(importing({ what: named })).rejects.toMatchObject(invalid('is no OCI layout'));
      await expect(importing({ what: { ...named, repository: 'A' } })).rejects.toMatchObject(
        refused('name-invalid', 'is not a repository name'),
      );
      for (const overlapping of [data, folder, join(data, 'objects'), join(folder, 'alias')]) {
        await expect(importing({ folder: overlapping })).rejects.toMatchObject(invalid('one in the other'));
        await expect(exporting(overlapping)).rejects.toMatchObject(invalid('one in the other'));
      }
      await expect(exporting(join(folder, 'file'))).rejects.toMatchObject({ kind: 'unavailable' });
      await expect(exporting(join(folder, 'out'), 'not/there')).rejects.toMatchObject({
        kind: 'repository-unknown',
      });
    });
    expect(await readFile(join(root, 'app/oci-layout'), 'utf8')).toContain('1.0.0');
  });

  it('is a store in memory', async () => {
    const config = await configOf({ metadataDriver: 'memory', blobDriver: 'memory' });
    await withStore(config, async (store) => {
      await expect(store.importLayouts(tree(folder), { signal })).rejects.toMatchObject({
        kind: 'argument-invalid',
      });
    });
  });

  it('is a data folder that holds a zot', async () => {
    const config = await configOf({ rootDirectory: await zotTree('app') });
    await expect(withStore(config, async () => undefined)).rejects.toMatchObject({
      kind: 'argument-invalid',
      message: expect.stringContaining('zas import zot'),
    });
  });
});
