import { link, lstat, mkdtemp, readdir, readFile, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeDigest } from '@zot-artifact-store/spec';
import { type FaultyFileSystem, faultyFileSystem } from '@zot-artifact-store/testkit/faulty-file-system.ts';
import { gather } from '@zot-artifact-store/testkit/gather.ts';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { newStagedId, objectName } from '../../content/object-name.ts';
import { FilesystemBlobDriver } from './filesystem-blob-driver.ts';

const newName = () => objectName(makeDigest('sha256', 'ab'.repeat(32)));

describe('LocalLinks', () => {
  let folder: string;
  let outside: string;
  let faulty: FaultyFileSystem;
  let driver: FilesystemBlobDriver;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'links-'));
    outside = join(folder, 'outside');
    await writeFile(outside, 'layer bytes');
    faulty = faultyFileSystem();
    driver = new FilesystemBlobDriver({
      root: join(folder, 'blobs'),
      fs: faulty.fs,
      reserveBytes: 0,
      onFatal: (error) => {
        throw error;
      },
    });
    await driver.open();
    faulty.calls.length = 0;
  });
  afterEach(() => rm(folder, { recursive: true }));

  it('takes a file over by a hard link, its bytes synced before its name', async () => {
    const [id, name] = [newStagedId(), newName()];
    expect(await driver.local.stageLink(id, outside)).toEqual({ sizeBytes: 11, linked: true });
    expect(faulty.calls).toEqual([
      'open outside',
      'datasync outside',
      'close outside',
      'link outside',
      'open staging',
      'sync staging',
      'close staging',
    ]);
    await driver.publish(id, name);
    expect((await lstat(outside)).nlink).toBe(2);
  });

  it('counts the age of a staged link from when it was made', async () => {
    await utimes(outside, 1, 1);
    await driver.local.stageLink(newStagedId(), outside);
    const staged = await gather(driver.listStaged());
    expect(staged).toHaveLength(1);
    expect(staged[0]?.modifiedAtMs).toBeGreaterThan(Date.parse('2020-01-01'));
    expect((await lstat(outside)).mtimeMs).toBe(1_000);
  });

  it.each(['EXDEV', 'EPERM', 'EMLINK'])('copies where link fails with %s', async (code) => {
    faulty.fail('link', code);
    const [id, name] = [newStagedId(), newName()];
    expect(await driver.local.stageLink(id, outside)).toEqual({ sizeBytes: 11, linked: false });
    await driver.publish(id, name);
    const out = join(folder, 'out');
    expect(await driver.local.linkOut(name, out)).toEqual({ linked: false });
    expect(await readFile(out, 'utf8')).toBe('layer bytes');
    expect((await lstat(outside)).nlink).toBe(1);
    expect(faulty.openHandles.size).toBe(0);
  });

  it('refuses what is not a regular file, and leaves nothing', async () => {
    const pointer = join(folder, 'pointer');
    await symlink(outside, pointer);
    await expect(driver.local.stageLink(newStagedId(), pointer)).rejects.toMatchObject({
      kind: 'unavailable',
    });
    await expect(driver.local.stageLink(newStagedId(), folder)).rejects.toMatchObject({
      kind: 'argument-invalid',
    });
    await expect(driver.local.stageLink(newStagedId(), join(folder, 'no'))).rejects.toMatchObject({
      kind: 'blob-unknown',
    });
    expect(await readdir(join(folder, 'blobs/staging'))).toEqual([]);
  });

  it('notices a file that was exchanged between the look and the link', async () => {
    faulty.before = async (call) => {
      if (call !== 'link') return;
      await rm(outside);
      await writeFile(outside, 'other bytes');
      // Keeps the inode from being used again.
      await link(outside, join(folder, 'other'));
    };
    await link(outside, join(folder, 'original'));
    await expect(driver.local.stageLink(newStagedId(), outside)).rejects.toMatchObject({ kind: 'conflict' });
    expect(await readdir(join(folder, 'blobs/staging'))).toEqual([]);
  });

  it('links an object out, and refuses to replace a file', async () => {
    const [id, name] = [newStagedId(), newName()];
    await driver.local.stageLink(id, outside);
    await driver.publish(id, name);
    const out = join(folder, 'out');
    expect(await driver.local.linkOut(name, out)).toEqual({ linked: true });
    expect(await readFile(out, 'utf8')).toBe('layer bytes');
    await writeFile(join(folder, 'taken'), 'mine');
    for (const code of ['', 'EXDEV']) {
      if (code !== '') faulty.fail('link', code);
      const linking = driver.local.linkOut(name, join(folder, 'taken'));
      await expect(linking).rejects.toMatchObject({ kind: 'conflict' });
      expect(await readFile(join(folder, 'taken'), 'utf8')).toBe('mine');
    }
    await expect(driver.local.linkOut(newName(), join(folder, 'x'))).rejects.toMatchObject({
      kind: 'blob-unknown',
    });
  });

  it('refuses an id that is staged already, and keeps what it holds', async () => {
    const id = newStagedId();
    await driver.local.stageLink(id, outside);
    await expect(driver.local.stageLink(id, outside)).rejects.toMatchObject({ kind: 'conflict' });
    expect(await readdir(join(folder, 'blobs/staging'))).toEqual([id]);
  });
});
