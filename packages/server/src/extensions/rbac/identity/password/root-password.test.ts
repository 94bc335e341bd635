import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { keepRootPassword } from './root-password.ts';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'zas-root-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

describe('keepRootPassword', () => {
  it('makes 32 url-safe characters once, readable by the owner alone', async () => {
    const path = join(folder, 'data', 'root-password');
    const password = await keepRootPassword(path);
    expect(password).toMatch(/^[A-Za-z0-9_-]{32}$/);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(await readFile(path, 'utf8')).toBe(`${password}\n`);
    expect(await keepRootPassword(path)).toBe(password);
  });

  it('gives many starters at once the same password and leaves nothing else behind', async () => {
    const path = join(folder, 'root-password');
    const passwords = await Promise.all(Array.from({ length: 20 }, () => keepRootPassword(path)));
    expect(new Set(passwords).size).toBe(1);
    expect(await readdir(folder)).toEqual(['root-password']);
  });

  it('keeps a password that somebody put there', async () => {
    const path = join(folder, 'root-password');
    await writeFile(path, 'mine');
    expect(await keepRootPassword(path)).toBe('mine');
  });

  it('refuses an empty file, and a folder that cannot be made', async () => {
    const path = join(folder, 'root-password');
    await writeFile(path, '\n');
    await expect(keepRootPassword(path)).rejects.toMatchObject({ kind: 'unavailable' });
    await expect(keepRootPassword(join(path, 'below', 'x'))).rejects.toMatchObject({ kind: 'unavailable' });
  });
});
