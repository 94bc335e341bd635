import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type DataFolder, openDataFolder } from './data-folder.ts';
import { deriveSecret, newSecretKey, parseSecretKey, secretKeyId } from './secret-key.ts';

describe('the secret key of a data folder', () => {
  let root: string;
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'zas-key-'));
  });
  afterEach(() => rm(root, { recursive: true, force: true }));

  const keyFile = () => join(root, 'secret.key');
  const data = () => join(root, 'data');

  async function open(givenPath?: string, path = root): Promise<DataFolder> {
    const secretKey = givenPath === undefined ? {} : { givenPath };
    const folder = await openDataFolder(path, { createIfMissing: true, lock: 'exclusive', secretKey });
    folder.close();
    return folder;
  }

  it('is made once with the folder, for its owner alone, and stays the same', async () => {
    const first = await open();
    expect(first.secretKey).toHaveLength(32);
    expect((await stat(keyFile())).mode & 0o777).toBe(0o600);
    expect(await readFile(keyFile(), 'utf8')).toBe(`${Buffer.from(first.secretKey ?? []).toString('hex')}\n`);
    expect((await open()).secretKey).toEqual(first.secretKey);
    const beside = await openDataFolder(root, { createIfMissing: false, lock: 'shared', secretKey: {} });
    expect(beside.secretKey).toEqual(first.secretKey);
    expect(beside.id).toBe(first.id);
  });

  it('is not made for a folder that needs none', async () => {
    (await openDataFolder(root, { createIfMissing: true, lock: 'exclusive' })).close();
    expect(await readdir(root)).not.toContain('secret.key');
  });

  it('comes later to a folder that never had one, with the exclusive lock alone', async () => {
    const before = await openDataFolder(root, { createIfMissing: true, lock: 'exclusive' });
    before.close();
    const beside = openDataFolder(root, { createIfMissing: false, lock: 'shared', secretKey: {} });
    await expect(beside).rejects.toMatchObject({ kind: 'unavailable' });
    const after = await open();
    expect([after.id, after.secretKey?.length]).toEqual([before.id, 32]);
  });

  it('survives a start that was interrupted before the folder was ours', async () => {
    const { secretKey } = await open();
    await rm(join(root, 'zas.json'));
    await rm(join(root, 'metadata'), { recursive: true });
    await writeFile(join(root, '.secret.key.new'), 'ab');
    expect((await open()).secretKey).toEqual(secretKey);
  });

  it('that is gone is an error, and never a new key', async () => {
    await open();
    await rm(keyFile());
    await expect(open()).rejects.toMatchObject({
      kind: 'unavailable',
      message: expect.stringContaining('restore it from a backup'),
    });
    expect(await readdir(root)).not.toContain('secret.key');
  });

  it('that is another one, or none at all, is an error', async () => {
    await open();
    await writeFile(keyFile(), Buffer.from(newSecretKey()).toString('hex'));
    await expect(open()).rejects.toMatchObject({
      kind: 'unavailable',
      message: expect.stringContaining('put back the one'),
    });
    for (const text of ['', 'secret', 'ab'.repeat(31), 'ab'.repeat(33), `0x${'ab'.repeat(31)}`]) {
      await writeFile(keyFile(), text);
      await expect(open()).rejects.toMatchObject({
        kind: 'unavailable',
        message: expect.stringContaining('64 hex digits'),
      });
    }
    await rm(keyFile());
    await chmod(root, 0o700);
    await expect(open(root)).rejects.toMatchObject({
      kind: 'unavailable',
      message: expect.stringContaining('cannot be read (EISDIR)'),
    });
  });

  it('may lie in a file of its own, and move there', async () => {
    const given = join(root, 'given');
    await writeFile(given, `${'AB'.repeat(32)}\r\n`);
    const { secretKey } = await open(given, data());
    expect(secretKey).toEqual(Buffer.alloc(32, 0xab));
    expect(await readdir(data())).not.toContain('secret.key');
    await expect(open(undefined, data())).rejects.toMatchObject({ kind: 'unavailable' });
    await writeFile(join(data(), 'secret.key'), 'ab'.repeat(32));
    expect((await open(undefined, data())).secretKey).toEqual(secretKey);
    await writeFile(given, 'cd'.repeat(32));
    await expect(open(given, data())).rejects.toMatchObject({ kind: 'unavailable' });
    await expect(open(join(root, 'missing'), join(root, 'other'))).rejects.toMatchObject({
      kind: 'unavailable',
      message: expect.stringContaining('is not there'),
    });
  });
});

describe('a derived secret', () => {
  const key = parseSecretKey('00'.repeat(32)) ?? new Uint8Array();

  it('is the same every time, for one purpose of one extension', () => {
    const secret = deriveSecret(key, { extension: 's3', purpose: 'access keys' });
    // HKDF-SHA-256 with 32 zero bytes, no salt and the info "zot-artifact-store\0extension\0s3\0access keys": it must
    // never change, because what it encrypted is stored.
    expect(Buffer.from(secret).toString('hex')).toBe(
      '2e2f5b76330af7a8ab2959950896fa85b54b7fb43d1079f29108e6fb9eb2b84e',
    );
    expect(deriveSecret(key, { extension: 's3', purpose: 'access keys' })).toEqual(secret);
  });

  it('differs by key, extension and purpose', () => {
    const secrets = [
      deriveSecret(key, { extension: 's3', purpose: 'a' }),
      deriveSecret(key, { extension: 's3', purpose: 'b' }),
      deriveSecret(key, { extension: 's', purpose: '3\0a' }),
      deriveSecret(newSecretKey(), { extension: 's3', purpose: 'a' }),
    ].map((secret) => Buffer.from(secret).toString('hex'));
    expect(new Set([...secrets, secretKeyId(key)]).size).toBe(5);
    expect(secrets.every((secret) => secret.length === 64)).toBe(true);
  });
});
