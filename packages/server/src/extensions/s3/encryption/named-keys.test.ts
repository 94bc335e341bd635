import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readNamedKeys } from './named-keys.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'zas-keys-'));
});
afterEach(() => rm(folder, { recursive: true }));

describe('the keys of extensions.s3.kmsKeys', () => {
  it('are read from their files', async () => {
    const path = join(folder, 'key');
    await writeFile(path, `${'ab'.repeat(32)}\n`);
    expect(await readNamedKeys({ payroll: path })).toEqual(new Map([['payroll', Buffer.alloc(32, 0xab)]]));
  });

  it('are all needed, and say which file is wrong without showing it', async () => {
    const path = join(folder, 'key');
    const read = () => readNamedKeys({ payroll: path });
    await expect(read()).rejects.toThrow(/"payroll".*cannot be read from/);
    await writeFile(path, 'abcd');
    await expect(read()).rejects.toThrow(/must hold 64 hex digits/);
    await expect(read()).rejects.not.toThrow(/abcd/);
  });
});
