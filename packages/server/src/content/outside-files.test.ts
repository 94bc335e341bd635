import { randomBytes } from 'node:crypto';
import { lstat, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ContentBench } from '@zot-artifact-store/testkit/content-contract.ts';
import { digestOf, once } from '@zot-artifact-store/testkit/registry-bench.ts';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FilesystemBlobDriver } from '../drivers/filesystem/filesystem-blob-driver.ts';
import { MemoryBlobDriver } from '../drivers/memory/memory-blob-driver.ts';
import { MemoryMetadataStore } from '../metadata/memory/memory-metadata-store.ts';
import type { BlobDriver } from './blob-driver.ts';
import type { OutsideFile } from './content-store.ts';

const LARGE = randomBytes(100_000);

let folder: string;
let bench: ContentBench;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'zas-outside-'));
  const driver = new FilesystemBlobDriver({
    root: join(folder, 'store'),
    reserveBytes: 0,
    onFatal: (error) => {
      throw error;
    },
  });
  await driver.open();
  bench = new ContentBench({ metadata: new MemoryMetadataStore(), driver });
});

afterEach(async () => {
  await bench.hashing.close();
  await rm(folder, { recursive: true });
});

async function outside(bytes: Uint8Array): Promise<OutsideFile> {
  const path = join(folder, 'outside');
  await writeFile(path, bytes);
  return { path, sizeBytes: bytes.length, read: () => once(bytes) };
}

async function staged(driver: BlobDriver): Promise<number> {
  let count = 0;
  for await (const _ of driver.listStaged()) count++;
  return count;
}

describe('taking over a file', () => {
  it.each(['sha256', 'sha512'] as const)('links it and hashes every byte, with %s', async (algorithm) => {
    const expected = digestOf(LARGE, algorithm);
    const { prepared, linked } = await bench.store.takeOver(await outside(LARGE), {
      expected,
      mayLink: true,
    });
    expect(linked).toBe(true);
    expect(await bench.own(prepared)).toBe(expected);
    expect(await bench.read(expected)).toEqual(LARGE);
    expect((await lstat(join(folder, 'outside'))).nlink).toBe(2);
    expect(await staged(bench.driver)).toBe(0);
  });

  it('copies it when links are not wanted, or the driver has none', async () => {
    const expected = digestOf(LARGE);
    const copied = await bench.store.takeOver(await outside(LARGE), { expected, mayLink: false });
    expect(copied.linked).toBe(false);
    await bench.own(copied.prepared);
    expect((await lstat(join(folder, 'outside'))).nlink).toBe(1);
    expect(await bench.read(expected)).toEqual(LARGE);

    const memory = new ContentBench({ metadata: new MemoryMetadataStore(), driver: new MemoryBlobDriver() });
    const file = await outside(LARGE);
    const { prepared, linked } = await memory.store.takeOver(file, { expected, mayLink: true });
    expect(linked).toBe(false);
    await memory.own(prepared);
    expect(await memory.read(expected)).toEqual(LARGE);
    await memory.hashing.close();
  });

  it('keeps a small file in its record', async () => {
    const small = Buffer.from('{}');
    const file = await outside(small);
    const { prepared, linked } = await bench.store.takeOver(file, {
      expected: digestOf(small),
      mayLink: true,
    });
    expect(linked).toBe(false);
    expect(await bench.read(await bench.own(prepared))).toEqual(small);
  });

  it('refuses other bytes and another size, and leaves nothing staged', async () => {
    const file = await outside(LARGE);
    const other = digestOf('other');
    await expect(bench.store.takeOver(file, { expected: other, mayLink: true })).rejects.toMatchObject({
      kind: 'digest-mismatch',
      resource: other,
    });
    const longer = { ...file, sizeBytes: LARGE.length + 1 };
    await expect(bench.store.takeOver(longer, { mayLink: true })).rejects.toMatchObject({
      kind: 'size-invalid',
    });
    expect(await staged(bench.driver)).toBe(0);
    expect((await lstat(file.path)).nlink).toBe(1);
  });
});

describe('linking a blob out', () => {
  const path = () => join(folder, 'out');

  it.each(['sha256', 'sha512'] as const)('shares the bytes of a %s blob', async (algorithm) => {
    const digest = await bench.put(LARGE, 'keeper', algorithm);
    expect(await bench.store.linkOut(digest, path())).toEqual({ linked: true });
    expect(await readFile(path())).toEqual(LARGE);
    expect((await lstat(path())).nlink).toBe(2);
  });

  it('makes no file for a blob that is not one file', async () => {
    const inline = await bench.put(Buffer.from('small'));
    const part = await bench.put(LARGE);
    const whole = Buffer.concat([LARGE, LARGE]);
    const composite = bench.store.compose(
      digestOf(whole),
      [part, part].map((digest) => ({ digest, sizeBytes: LARGE.length })),
    );
    for (const digest of [inline, await bench.own(composite)]) {
      expect(await bench.store.linkOut(digest, path())).toBeUndefined();
    }
    await expect(lstat(path())).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('refuses a blob that is not there, and a file of another length', async () => {
    await expect(bench.store.linkOut(digestOf('none'), path())).rejects.toMatchObject({
      kind: 'blob-unknown',
    });
    const digest = await bench.put(LARGE);
    await bench.damage(digest, Buffer.from('short'));
    expect(await bench.store.linkOut(digest, path())).toBeUndefined();
  });
});
