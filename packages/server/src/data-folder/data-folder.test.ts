import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { openDataFolder } from './data-folder.ts';

const create = { createIfMissing: true, lock: 'exclusive' } as const;

describe('openDataFolder', () => {
  let parent: string;
  let root: string;
  beforeEach(async () => {
    parent = await mkdtemp(join(tmpdir(), 'zas-folder-'));
    root = join(parent, 'a', 'data');
  });
  afterEach(() => rm(parent, { recursive: true, force: true }));

  it('makes a folder for its owner alone, with the sentinel and the metadata folder', async () => {
    const folder = await openDataFolder(root, { ...create, clock: { now: () => 0 } });
    expect((await stat(root)).mode & 0o777).toBe(0o700);
    const sentinel = JSON.parse(await readFile(join(root, 'zas.json'), 'utf8'));
    expect(sentinel).toEqual({ format: 2, id: folder.id, createdAt: '1970-01-01T00:00:00.000Z' });
    expect(folder.metadataPath).toBe(join(root, 'metadata'));
    expect((await stat(folder.metadataPath)).isDirectory()).toBe(true);
    folder.close();
    expect((await readdir(root)).sort()).toEqual(['metadata', 'zas.json', 'zas.lock']);
  });

  it('opens the same store again', async () => {
    const first = await openDataFolder(root, create);
    first.close();
    const second = await openDataFolder(root, { createIfMissing: false, lock: 'exclusive' });
    expect(second.id).toBe(first.id);
    second.close();
  });

  it('takes an empty folder, also with lost+found and what an interrupted start left', async () => {
    await mkdir(join(root, 'lost+found'), { recursive: true });
    await writeFile(join(root, '.zas.json.new'), '{');
    (await openDataFolder(root, create)).close();
  });

  it('refuses a second server and names the process of the first', async () => {
    const first = await openDataFolder(root, create);
    await expect(openDataFolder(root, create)).rejects.toMatchObject({
      kind: 'unavailable',
      message: expect.stringContaining(`process ${process.pid}`),
    });
    const beside = await openDataFolder(root, { createIfMissing: false, lock: 'shared' });
    expect(beside.id).toBe(first.id);
    beside.close();
    await expect(openDataFolder(root, create)).rejects.toMatchObject({ kind: 'unavailable' });
    first.close();
    (await openDataFolder(root, create)).close();
  });

  it('opens on a disk that is too full for the process id, which is for people only', async () => {
    (await openDataFolder(root, create)).close();
    await symlink('/dev/full', join(root, 'zas.pid'));
    (await openDataFolder(root, create)).close();
  });

  it('frees the lock when the process that held it is killed', async () => {
    const child = await startChild(`
      await openDataFolder(${JSON.stringify(root)}, ${JSON.stringify(create)});
      setInterval(() => {}, 1_000);
      process.send('locked');`);
    await once(child, 'message');
    await expect(openDataFolder(root, create)).rejects.toMatchObject({ kind: 'unavailable' });
    child.kill('SIGKILL');
    await once(child, 'exit');
    (await openDataFolder(root, create)).close();
  });

  it('lets one of many who start at once win, and makes one store', async () => {
    const all = await Promise.allSettled(Array.from({ length: 8 }, () => openDataFolder(root, create)));
    const won = all.filter((each) => each.status === 'fulfilled');
    expect(won).toHaveLength(1);
    for (const { value } of won) value.close();
  });

  it('does not make a folder unless asked, nor with a shared lock', async () => {
    const refused = { kind: 'argument-invalid' };
    await expect(openDataFolder(root, { createIfMissing: false, lock: 'exclusive' })).rejects.toMatchObject(
      refused,
    );
    await expect(openDataFolder(root, { createIfMissing: true, lock: 'shared' })).rejects.toMatchObject(
      refused,
    );
    expect(await readdir(parent)).toEqual([]);
    await mkdir(root, { recursive: true });
    await expect(openDataFolder(root, { createIfMissing: false, lock: 'exclusive' })).rejects.toMatchObject(
      refused,
    );
    expect(await readdir(root)).toEqual([]);
  });

  it('refuses a file, and a path through a file', async () => {
    const file = join(parent, 'file');
    await writeFile(file, '');
    await expect(openDataFolder(file, create)).rejects.toMatchObject({ kind: 'argument-invalid' });
    await expect(openDataFolder(join(file, 'below'), create)).rejects.toMatchObject({
      kind: 'argument-invalid',
    });
  });

  it('refuses a folder with other content and leaves it as it was', async () => {
    await mkdir(root, { recursive: true });
    await writeFile(join(root, 'thesis.txt'), '');
    await expect(openDataFolder(root, create)).rejects.toMatchObject({
      kind: 'argument-invalid',
      message: expect.stringContaining('not empty'),
    });
    expect(await readdir(root)).toEqual(['thesis.txt']);
  });

  it('points to the import when the folder holds a zot store', async () => {
    const repository = join(root, 'team', 'app');
    await mkdir(repository, { recursive: true });
    await writeFile(join(repository, 'oci-layout'), '{}');
    await writeFile(join(repository, 'index.json'), '{}');
    const refused = {
      kind: 'argument-invalid',
      message: expect.stringContaining('zas import zot'),
    };
    await expect(openDataFolder(root, create)).rejects.toMatchObject(refused);
    await rm(join(root, 'team'), { recursive: true });
    await writeFile(join(root, 'meta.db'), '');
    await expect(openDataFolder(root, create)).rejects.toMatchObject(refused);
  });

  it('refuses a newer or older format and a damaged sentinel', async () => {
    (await openDataFolder(root, create)).close();
    const sentinel = join(root, 'zas.json');
    await writeFile(sentinel, JSON.stringify({ format: 3, id: 'x', createdAt: '' }));
    await expect(openDataFolder(root, create)).rejects.toMatchObject({
      kind: 'unavailable',
      message: expect.stringContaining('newer'),
    });
    await writeFile(sentinel, JSON.stringify({ format: 1, id: 'x', createdAt: '' }));
    await expect(openDataFolder(root, create)).rejects.toMatchObject({
      kind: 'unavailable',
      message: expect.stringContaining('before the first release'),
    });
    for (const damaged of ['', '{', '{"format":"1"}', '[]']) {
      await writeFile(sentinel, damaged);
      await expect(openDataFolder(root, create)).rejects.toMatchObject({
        kind: 'unavailable',
        message: expect.stringContaining('damaged'),
      });
    }
  });

  it('refuses a folder it may not write', async () => {
    await mkdir(root, { recursive: true });
    await chmod(parent, 0o755);
    await chmod(root, 0o500);
    // The superuser may write everywhere, so the child gives that up first.
    const message = await runChild(`
      if (process.getuid() === 0) process.setuid(65534);
      await openDataFolder(${JSON.stringify(root)}, ${JSON.stringify(create)}).then(
        () => process.send('opened'),
        (error) => process.send(error.kind + ': ' + error.message),
      );
      process.disconnect();`);
    expect(message).toMatch(/^unavailable: .*not writable/);
  });

  it('refuses a place where nobody can make a folder', async () => {
    await expect(openDataFolder('/proc/zas/data', create)).rejects.toMatchObject({ kind: 'unavailable' });
  });

  it('refuses a folder of another user', async () => {
    (await openDataFolder(root, create)).close();
    const ownUid = process.getuid?.() ?? 0;
    const getuid = vi.spyOn(process, 'getuid').mockReturnValue(ownUid + 1);
    await expect(openDataFolder(root, create)).rejects.toMatchObject({
      kind: 'unavailable',
      message: expect.stringContaining(`belongs to user ${ownUid}`),
    });
    getuid.mockRestore();
  });

  async function runChild(code: string): Promise<unknown> {
    const child = await startChild(code);
    const [message] = await once(child, 'message');
    await once(child, 'exit');
    return message;
  }

  async function startChild(code: string): Promise<ChildProcess> {
    const script = join(parent, 'child.mjs');
    const module = JSON.stringify(import.meta.resolve('./data-folder.ts'));
    await writeFile(script, `import { openDataFolder } from ${module};\n${code}`);
    return fork(script);
  }
});
