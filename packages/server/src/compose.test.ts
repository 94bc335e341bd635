import { createHash } from 'node:crypto';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type RunningApp, type StartAppOptions, startApp } from '@zot-artifact-store/testkit';
import { request } from 'undici';
import { afterEach, describe, expect, it } from 'vitest';

const running: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const one of running.splice(0).reverse()) await one.close();
});

async function start(options?: StartAppOptions): Promise<RunningApp> {
  const app = await startApp(options);
  running.push(app);
  return app;
}

async function scratchFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'zas-compose-'));
  running.push({ close: () => rm(folder, { recursive: true, force: true }) });
  return folder;
}

async function pushBlob({ url }: RunningApp, repository: string, body: string): Promise<string> {
  const digest = `sha256:${createHash('sha256').update(body).digest('hex')}`;
  const reply = await fetch(`${url}/v2/${repository}/blobs/uploads/?digest=${digest}`, {
    method: 'POST',
    headers: { 'content-type': 'application/octet-stream' },
    body,
  });
  expect(reply.status).toBe(201);
  return digest;
}

describe('a composed server', () => {
  it('runs twice in one process, each with its own store', async () => {
    const [one, two] = [await start(), await start()];
    const digest = await pushBlob(one, 'a/b', 'only in one');
    expect((await fetch(`${one.url}/v2/a/b/blobs/${digest}`)).status).toBe(200);
    expect((await fetch(`${two.url}/v2/a/b/blobs/${digest}`)).status).toBe(404);
  });

  it('says live, started and ready to anybody, by GET and HEAD, and 405 to the rest', async () => {
    const { url } = await start({
      config: { http: { accessControl: { repositories: { '**': { anonymousPolicy: ['read'] } } } } },
    });
    for (const path of ['/livez', '/startupz', '/readyz']) {
      expect((await fetch(url + path)).status).toBe(200);
      const head = await fetch(url + path, { method: 'HEAD' });
      expect([head.status, await head.text()]).toEqual([200, '']);
      const post = await fetch(url + path, { method: 'POST', body: 'x' });
      expect([post.status, post.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
    }
    expect(await (await fetch(`${url}/readyz`)).json()).toEqual({ status: 'ready' });
    expect((await fetch(`${url}/-/healthz`)).status).toBe(404);
  });

  it('stays ready for pulls while its disk has less than the reserve, and says so without a path', async () => {
    const folder = await scratchFolder();
    const { url } = await start({
      config: {
        storage: {
          metadataDriver: 'memory',
          blobDriver: 'filesystem',
          rootDirectory: folder,
          reserveBytes: '4096TiB',
        },
      },
    });
    const reply = await fetch(`${url}/readyz`);
    expect(reply.status).toBe(200);
    const body = await reply.json();
    expect(body).toMatchObject({ status: 'ready', warnings: [{ name: 'space' }] });
    expect(JSON.stringify(body)).not.toContain(folder);
    expect((await fetch(`${url}/livez`)).status).toBe(200);
  });

  it('keeps the repositories of a sub-path in its own folder', async () => {
    const [main, team] = [await scratchFolder(), await scratchFolder()];
    const app = await start({
      config: {
        storage: {
          metadataDriver: 'lmdb',
          blobDriver: 'filesystem',
          rootDirectory: main,
          subPaths: { '/team': { rootDirectory: team } },
        },
      },
    });
    const objects = async (root: string) =>
      (await readdir(join(root, 'objects'), { recursive: true, withFileTypes: true })).filter((entry) =>
        entry.isFile(),
      );
    await pushBlob(app, 'team/app', 'x'.repeat(10_000));
    expect([await objects(main), await objects(team)]).toMatchObject([[], [{}]]);
    await pushBlob(app, 'teams/app', 'x'.repeat(10_000));
    await pushBlob(app, 'team', 'y'.repeat(10_000));
    expect((await objects(main)).length).toBe(1);
    expect((await objects(team)).length).toBe(2);
  });

  it('asks the protocols of extensions before the registry, and their fallbacks last', async () => {
    const folder = await scratchFolder();
    const source = `
      const protocol = (name, claims, fallback) => ({
        name, claims, ...(fallback && { fallback }),
        classify: () => ({ name: name + '.All', permissions: [] }),
        run: async () => ({ status: 200, headers: {}, body: name }),
        renderError: () => ({ status: 500, headers: {} }),
      });
      export default {
        name: 'shop',
        config: { safeParse: (data) => ({ success: true, data }) },
        setup: () => ({
          protocols: [
            protocol('rest', () => true, true),
            protocol('by-host', ({ headers }) => headers.host?.startsWith('bucket.')),
          ],
        }),
      };`;
    await writeFile(join(folder, 'shop.mjs'), source);
    const { url } = await start({ config: { extensions: { shop: { module: join(folder, 'shop.mjs') } } } });
    const answer = async (path: string, host = 'localhost') =>
      (await request(url + path, { headers: { host } })).body.text();
    expect(await answer('/v2/', 'bucket.example.com')).toBe('by-host');
    expect(await answer('/v2/')).toBe('{}');
    expect(await answer('/livez')).toContain('live');
    expect(await answer('/anything?else')).toBe('rest');
  });

  it('lets a request finish and takes no more once it is closing', async () => {
    const app = await start();
    await pushBlob(app, 'a', 'content');
    await app.app.close({ deadlineMs: 1_000 });
    await expect(fetch(`${app.url}/livez`)).rejects.toThrow();
  });
});
