import { randomBytes } from 'node:crypto';
import { lstat, mkdir, mkdtemp, readdir, readFile, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeDigest, type StoreError } from '@zot-artifact-store/spec';
import { type FaultyFileSystem, faultyFileSystem } from '@zot-artifact-store/testkit/faulty-file-system.ts';
import { gather } from '@zot-artifact-store/testkit/gather.ts';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { newStagedId, objectName } from '../../content/object-name.ts';
import { ByteBudget } from '../../work/byte-budget.ts';
import { FilesystemBlobDriver, type FilesystemBlobDriverOptions } from './filesystem-blob-driver.ts';

const HEX = 'ab'.repeat(32);
const newName = () => objectName(makeDigest('sha256', HEX));

async function* chunked(bytes: Uint8Array, chunkBytes = 65_536): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += chunkBytes) yield bytes.subarray(at, at + chunkBytes);
}

async function collect(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  return Buffer.concat(await gather(source));
}

describe('FilesystemBlobDriver', () => {
  let folder: string;
  let root: string;
  let faulty: FaultyFileSystem;
  let driver: FilesystemBlobDriver;
  let fatal: StoreError[];

  function newDriver(options: Partial<FilesystemBlobDriverOptions> = {}): FilesystemBlobDriver {
    return new FilesystemBlobDriver({
      root,
      fs: faulty.fs,
      reserveBytes: 0,
      onFatal: (error) => fatal.push(error),
      ...options,
    });
  }

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'blobs-'));
    root = join(folder, 'deep', 'blobs');
    faulty = faultyFileSystem();
    fatal = [];
    driver = newDriver();
    await driver.open();
    faulty.calls.length = 0;
  });
  afterEach(async () => {
    faulty.heal();
    await driver.close();
    await rm(folder, { recursive: true });
  });

  async function stored(bytes: Uint8Array) {
    const [id, name] = [newStagedId(), newName()];
    await driver.stage(id, chunked(bytes));
    await driver.publish(id, name);
    return name;
  }

  describe('layout', () => {
    it('lays objects out by algorithm and first digits, readable for the owner alone', async () => {
      const name = await stored(randomBytes(10));
      const path = join(root, 'objects', name);
      expect(path).toContain(`objects/sha256/ab/${HEX}.`);
      expect((await lstat(path)).mode & 0o777).toBe(0o600);
      for (const part of ['', 'objects', 'objects/sha256', 'objects/sha256/ab', 'staging', 'quarantine']) {
        expect((await lstat(join(root, part))).mode & 0o777).toBe(0o700);
      }
    });

    it('makes all 256 folders at open and syncs every new folder into its parent', async () => {
      const other = newDriver({ root: join(folder, 'new', 'store') });
      await other.open();
      expect(await readdir(join(folder, 'new/store/objects/sha256'))).toHaveLength(256);
      const synced = faulty.calls.filter((call) => call.startsWith('sync '));
      for (const parent of [basenameOf(folder), 'new', 'store', 'objects', 'sha256']) {
        expect(synced).toContain(`sync ${parent}`);
      }
    });

    it('syncs a folder that it makes for a rare algorithm before it answers anybody who uses it', async () => {
      const gate = Promise.withResolvers<void>();
      const ids = [newStagedId(), newStagedId()];
      for (const id of ids) await driver.stage(id, chunked(Buffer.from('x')));
      faulty.calls.length = 0;
      faulty.before = (call, path) =>
        call === 'sync' && basenameOf(path) === 'sha512' ? gate.promise : undefined;
      const digest = makeDigest('sha512', 'cd'.repeat(64));
      let published = 0;
      const publishing = ids.map((id) => driver.publish(id, objectName(digest)).then(() => published++));
      while (!faulty.calls.includes('sync sha512')) await new Promise(setImmediate);
      for (let turn = 0; turn < 50; turn++) await new Promise(setImmediate);
      expect(published).toBe(0);
      gate.resolve();
      await Promise.all(publishing);
    });

    it('moves a corrupt object to the quarantine folder, with its bytes', async () => {
      const name = await stored(Buffer.from('rotten'));
      await driver.quarantine(name);
      const kept = join(root, 'quarantine/sha256', basenameOf(name));
      expect(await readFile(kept, 'utf8')).toBe('rotten');
    });

    it('lists only files whose names it understands', async () => {
      const name = await stored(Buffer.from('x'));
      await writeFile(join(root, 'objects/sha256/ab/notes.txt'), 'x');
      await writeFile(join(root, 'objects/sha256/cd', basenameOf(name)), 'x');
      await writeFile(join(root, 'staging/.hidden'), 'x');
      await mkdir(join(root, 'staging/folder'));
      expect((await gather(driver.list())).map((listed) => listed.name)).toEqual([name]);
      expect(await gather(driver.listStaged())).toEqual([]);
    });

    it('does not follow a symbolic link in the place of an object', async () => {
      const name = newName();
      await symlink('/etc/passwd', join(root, 'objects', name));
      await expect(collect(driver.read(name))).rejects.toMatchObject({ kind: 'unavailable' });
      expect(await driver.stat(name)).toBeUndefined();
    });

    it('makes a missing fan-out folder again', async () => {
      await rm(join(root, 'objects/sha256/ab'), { recursive: true });
      const name = await stored(Buffer.from('x'));
      expect((await collect(driver.read(name))).toString()).toBe('x');
    });
  });

  describe('write order', () => {
    it('syncs the bytes before the name, and each name before it answers', async () => {
      const [id, name] = [newStagedId(), newName()];
      await driver.stage(id, chunked(Buffer.from('x')));
      await driver.publish(id, name);
      expect(faulty.calls).toEqual([
        `open ${id}`,
        `write ${id}`,
        `datasync ${id}`,
        `close ${id}`,
        'open staging',
        'sync staging',
        'close staging',
        `rename ${id}`,
        'open ab',
        'sync ab',
        'close ab',
      ]);
    });

    it('shares folder syncs between those who wait for one', async () => {
      const gate = Promise.withResolvers<void>();
      faulty.before = (call) => (call === 'sync' ? gate.promise : undefined);
      const ids = Array.from({ length: 50 }, newStagedId);
      const staging = Promise.all(ids.map((id) => driver.stage(id, chunked(Buffer.from('x')))));
      while (faulty.calls.filter((call) => /^close (?!staging)/.test(call)).length < 50) {
        await new Promise(setImmediate);
      }
      for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
      gate.resolve();
      await staging;
      expect(faulty.calls.filter((call) => call === 'sync staging').length).toBeLessThanOrEqual(3);
    });

    it('does not let a folder sync that began before a name speak for that name', async () => {
      const gate = Promise.withResolvers<void>();
      faulty.before = (call) => (call === 'sync' ? gate.promise : undefined);
      const done: string[] = [];
      const first = driver.stage(newStagedId(), chunked(Buffer.from('x'))).then(() => done.push('first'));
      while (!faulty.calls.includes('sync staging')) await new Promise(setImmediate);
      const id = newStagedId();
      const second = driver.stage(id, chunked(Buffer.from('y'))).then(() => done.push('second'));
      while (!faulty.calls.includes(`close ${id}`)) await new Promise(setImmediate);
      gate.resolve();
      await Promise.all([first, second]);
      expect(done).toEqual(['first', 'second']);
      expect(faulty.calls.filter((call) => call === 'sync staging')).toHaveLength(2);
    });

    it('goes on when the kernel takes only a part of a write', async () => {
      faulty = faultyFileSystem({ writeAtMostBytes: 1000 });
      driver = newDriver();
      const bytes = randomBytes(12_345);
      const name = await stored(bytes);
      expect((await collect(driver.read(name))).equals(bytes)).toBe(true);
    });
  });

  describe('failures', () => {
    it.each(['ENOSPC', 'EDQUOT'])('answers storage-full on %s and goes on afterwards', async (code) => {
      for (const call of ['open', 'write', 'datasync'] as const) {
        faulty.fail(call, code);
        const staging = driver.stage(newStagedId(), chunked(randomBytes(10)));
        await expect(staging).rejects.toMatchObject({ kind: 'storage-full' });
        faulty.heal();
        expect(await readdir(join(root, 'staging'))).toEqual([]);
      }
      expect(fatal).toEqual([]);
      await stored(randomBytes(10));
    });

    it.each([
      ['write', 'EIO'],
      ['open', 'EROFS'],
      ['datasync', 'EIO'],
      ['datasync', 'EINVAL'],
      ['close', 'EIO'],
      ['sync', 'EIO'],
      ['sync', 'ENOSPC'],
    ] as const)('stops writing for good when %s fails with %s, and still reads', async (call, code) => {
      const name = await stored(Buffer.from('before'));
      faulty.fail(call, code);
      const failed = driver.stage(newStagedId(), chunked(randomBytes(10)));
      await expect(failed).rejects.toMatchObject({ kind: 'unavailable' });
      faulty.heal();
      expect(await readdir(join(root, 'staging'))).toEqual([]);
      const refused = { kind: 'unavailable' };
      await expect(driver.stage(newStagedId(), chunked(randomBytes(10)))).rejects.toMatchObject(refused);
      await expect(driver.publish(newStagedId(), newName())).rejects.toMatchObject(refused);
      await expect(driver.remove(name)).rejects.toMatchObject(refused);
      expect(fatal).toHaveLength(1);
      expect((await collect(driver.read(name))).toString()).toBe('before');
    });

    it('stops writing when a rename fails', async () => {
      const id = newStagedId();
      await driver.stage(id, chunked(randomBytes(10)));
      faulty.fail('rename', 'EACCES');
      await expect(driver.publish(id, newName())).rejects.toMatchObject({ kind: 'unavailable' });
      expect(fatal).toHaveLength(1);
    });

    it('publishes a copy of what is kept staged where there are no hard links', async () => {
      const bytes = randomBytes(100_000);
      const [id, name] = [newStagedId(), newName()];
      await driver.stage(id, chunked(bytes));
      faulty.fail('link', 'EPERM');
      await driver.publish(id, name, { keepStaged: true });
      expect((await collect(driver.read(name))).equals(bytes)).toBe(true);
      expect((await collect(driver.readStaged(id))).equals(bytes)).toBe(true);
      expect(await readdir(join(root, 'staging'))).toEqual([id]);
      expect(fatal).toEqual([]);
    });

    it.each(['link', 'rename'] as const)(
      'leaves nothing but what is kept staged when %s fails',
      async (call) => {
        const [id, name] = [newStagedId(), newName()];
        await driver.stage(id, chunked(randomBytes(10)));
        faulty.fail(call, 'ENOSPC');
        const publishing = driver.publish(id, name, { keepStaged: true });
        await expect(publishing).rejects.toMatchObject({ kind: 'storage-full' });
        expect(await readdir(join(root, 'staging'))).toEqual([id]);
        expect(fatal).toEqual([]);
        faulty.heal();
        await driver.publish(id, name);
      },
    );

    it('survives too many open files', async () => {
      faulty.fail('open', 'EMFILE');
      const staging = driver.stage(newStagedId(), chunked(randomBytes(10)));
      await expect(staging).rejects.toMatchObject({ kind: 'unavailable' });
      faulty.heal();
      expect(fatal).toEqual([]);
      await stored(randomBytes(10));
    });

    it('answers unavailable to one read that fails, and blob-corrupt for a file cut short', async () => {
      const name = await stored(randomBytes(1_000_000));
      faulty.fail('read', 'EIO');
      await expect(collect(driver.read(name))).rejects.toMatchObject({ kind: 'unavailable' });
      faulty.heal();
      expect(fatal).toEqual([]);
      const reading = async () => {
        for await (const _ of driver.read(name)) await truncate(join(root, 'objects', name), 100);
      };
      await expect(reading()).rejects.toMatchObject({ kind: 'blob-corrupt' });
    });

    it('refuses new bytes early when they would eat into the reserve', async () => {
      const { availableBytes } = (await driver.space()) ?? { availableBytes: 0 };
      const careful = newDriver({ reserveBytes: availableBytes * 2 });
      let isPulled = false;
      async function* source(): AsyncGenerator<Uint8Array> {
        isPulled = true;
        yield randomBytes(10);
      }
      await expect(careful.stage(newStagedId(), source())).rejects.toMatchObject({ kind: 'storage-full' });
      expect(isPulled).toBe(false);
      expect(await readdir(join(root, 'staging'))).toEqual([]);
    });

    it('counts what it writes between two looks at the free space', async () => {
      const asked = { bavail: 1000, blocks: 2000, bsize: 1024 };
      const statfs = (async () => asked) as unknown as typeof faulty.fs.statfs;
      const careful = newDriver({ fs: { ...faulty.fs, statfs }, reserveBytes: 500 * 1024, now: () => 0 });
      await careful.stage(newStagedId(), chunked(randomBytes(400 * 1024)));
      const staging = careful.stage(newStagedId(), chunked(randomBytes(200 * 1024)));
      await expect(staging).rejects.toMatchObject({ kind: 'storage-full' });
    });

    it('refuses writes after close', async () => {
      await driver.close();
      const staging = driver.stage(newStagedId(), chunked(randomBytes(1)));
      await expect(staging).rejects.toMatchObject({ kind: 'unavailable' });
    });
  });

  describe('readers', () => {
    it('close their file at the end, when they leave, on errors and on abort', async () => {
      const name = await stored(randomBytes(1_000_000));
      await collect(driver.read(name));
      expect(faulty.openHandles.size).toBe(0);
      for await (const _ of driver.read(name)) break;
      expect(faulty.openHandles.size).toBe(0);
      const badRange = collect(driver.read(name, { range: { start: 0, end: 1e9 } }));
      await expect(badRange).rejects.toMatchObject({ kind: 'range-unsatisfiable' });
      expect(faulty.openHandles.size).toBe(0);
      const abort = new AbortController();
      const silent = driver.read(name, { signal: abort.signal });
      await silent.next();
      expect(faulty.openHandles.size).toBe(1);
      // The reader never comes back; the abort alone must close the file.
      abort.abort(new Error('gone'));
      expect(faulty.openHandles.size).toBe(0);
    });

    it('grow their chunks while the shared budget has room, and go on small when it has none', async () => {
      const bytes = randomBytes(4_000_000);
      const name = await stored(bytes);
      const budget = new ByteBudget(1_100_000);
      const roomy = newDriver({ readBudget: budget });
      const sizes = (await gather(roomy.read(name))).map((chunk) => chunk.length);
      expect(sizes.slice(0, 4)).toEqual([65_536, 262_144, 1_048_576, 1_048_576]);
      expect(budget.usedBytes).toBe(0);
      expect(budget.tryTake(1_100_000)).toBe(true);
      const small = (await gather(roomy.read(name))).map((chunk) => chunk.length);
      expect(Math.max(...small)).toBe(65_536);
      expect(small.reduce((sum, size) => sum + size, 0)).toBe(bytes.length);
    });

    it('give their part of the budget back when they leave early', async () => {
      const name = await stored(randomBytes(4_000_000));
      const budget = new ByteBudget(10_000_000);
      const reader = newDriver({ readBudget: budget }).read(name);
      for (let pulls = 0; pulls < 3; pulls++) await reader.next();
      expect(budget.usedBytes).toBe(1_048_576);
      await reader.return();
      expect(budget.usedBytes).toBe(0);
    });
  });
});

function basenameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}
