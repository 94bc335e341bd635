import { lstat, mkdir, mkdtemp, rename, rm, symlink, truncate, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Digest, MediaType, parseTag, StoreError } from '@zot-artifact-store/spec';
import { LayoutBuilder, layerOf } from '@zot-artifact-store/testkit/layout-builder.ts';
import {
  alice,
  descriptor,
  digestOf,
  GRACE_MS,
  imageIndex,
  imageManifest,
  json,
  RegistryBench,
  textOf,
} from '@zot-artifact-store/testkit/registry-bench.ts';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { BlobDriver } from '../content/blob-driver.ts';
import { FilesystemBlobDriver } from '../drivers/filesystem/filesystem-blob-driver.ts';
import type { Vetoes } from '../extension/contract.ts';
import { type ImportTarget, importLayout } from './import-layout.ts';
import { readLayout } from './read-layout.ts';
import { TransferLog, type TransferReport } from './transfer-log.ts';

let folder: string;
let layout: LayoutBuilder;
let bench: RegistryBench;
let vetoes: Vetoes;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'zas-import-'));
  layout = new LayoutBuilder(join(folder, 'layout'));
  vetoes = {};
  open();
});

function open(driver?: BlobDriver): void {
  bench = new RegistryBench({
    ...(driver === undefined ? {} : { driver }),
    vetoes: { beforeManifestPut: async (put) => vetoes.beforeManifestPut?.(put) },
  });
}

/** A store on the disk that the layout is on. */
async function openOnDisk(): Promise<void> {
  await bench.close();
  const driver = new FilesystemBlobDriver({
    root: join(folder, 'store'),
    reserveBytes: 0,
    onFatal: (error) => {
      throw error;
    },
  });
  await driver.open();
  open(driver);
}

afterEach(async () => {
  expect(await bench.problems()).toEqual([]);
  await bench.close();
  await rm(folder, { recursive: true });
});

/** Saves the layout as it is and imports it. */
async function run(
  target: Partial<ImportTarget> = {},
  source: { readonly tag?: string } = {},
): Promise<TransferReport> {
  await layout.save();
  return runSaved(target, source);
}

async function runSaved(
  target: Partial<ImportTarget> = {},
  { tag }: { readonly tag?: string } = {},
): Promise<TransferReport> {
  const log = new TransferLog();
  await importLayout(
    {
      registry: bench.registry,
      principal: alice,
      manifestMaxBytes: 4 * 1024 * 1024,
      mayLink: true,
      movesTags: false,
      signal: new AbortController().signal,
      ...target,
    },
    {
      layout: await readLayout(layout.folder),
      repository: bench.repository,
      ...(tag === undefined ? {} : { tag: parseTag(tag) }),
    },
    log,
  );
  return log.report({ complete: true });
}

async function tags(): Promise<Record<string, Digest>> {
  const page = await bench.registry.tags.list(bench.repository, { limit: 100 });
  return Object.fromEntries(page.items.map(({ tag, digest }) => [tag, digest]));
}

async function manifests(): Promise<readonly Digest[]> {
  const page = await bench.registry.manifests.list(bench.repository, { limit: 100 });
  return page.items.map(({ digest }) => digest);
}

async function read(digest: Digest): Promise<string> {
  return textOf(await bench.registry.blobs.read(bench.repository, digest));
}

const kinds = (report: TransferReport) => report.problems.map(({ kind }) => kind);

describe('importing a layout', () => {
  it('brings an image with its tags and the bytes it has, its layers linked', async () => {
    await openOnDisk();
    const image = await layout.image('one');
    layout.list(image, 'v1');
    layout.list(image, 'latest');
    const report = await run();
    expect(report).toMatchObject({ problemCount: 0, noteCount: 0 });
    expect(report.repositories).toEqual([
      {
        repository: 'app/web',
        manifests: 1,
        tags: 2,
        blobs: 2,
        linkedBytes: layerOf('one').length,
        copiedBytes: '{"image":"one"}'.length,
        alreadyThere: 0,
      },
    ]);
    expect(await tags()).toEqual({ latest: image.digest, v1: image.digest });
    expect(await bench.registry.manifests.read(bench.repository, image.digest)).toHaveLength(image.size);
    expect(await read(digestOf(layerOf('one')))).toBe(layerOf('one'));
    expect((await lstat(layout.path(digestOf(layerOf('one'))))).nlink).toBe(2);
  });

  it('copies when it may not link', async () => {
    await openOnDisk();
    layout.list(await layout.image('one'), 'v1');
    expect((await run({ mayLink: false })).repositories).toMatchObject([{ linkedBytes: 0 }]);
    expect((await lstat(layout.path(digestOf(layerOf('one'))))).nlink).toBe(1);
    expect(await read(digestOf(layerOf('one')))).toBe(layerOf('one'));
  });

  it('changes nothing about the files of the layout', async () => {
    await openOnDisk();
    layout.list(await layout.image('one'), 'v1');
    const path = layout.path(digestOf(layerOf('one')));
    await utimes(path, 1, 1);
    const before = await lstat(path);
    await run();
    expect(await lstat(path)).toMatchObject({
      mtimeMs: before.mtimeMs,
      mode: before.mode,
      size: before.size,
    });
  });

  it('brings what an index names, whether or not index.json lists it, and what has no tag', async () => {
    const children = [await layout.image('amd64'), await layout.image('arm64')];
    const inner = await layout.manifest(imageIndex(children));
    const outer = await layout.manifest({ ...imageIndex([]), manifests: [inner] });
    const loose = await layout.image('loose');
    layout.list(outer, 'v1');
    layout.list(loose);
    const report = await run();
    expect(report).toMatchObject({ problemCount: 0, repositories: [{ manifests: 5, tags: 1, blobs: 6 }] });
    expect(await tags()).toEqual({ v1: outer.digest });
    expect(await manifests()).toEqual([...children, inner, outer, loose].map(({ digest }) => digest).sort());
  });

  it('brings referrers, so that the referrers API lists them', async () => {
    const image = await layout.image('one');
    const signature = await layout.image('signature', { subject: image, artifactType: 'a/signature' });
    layout.list(image, 'v1');
    layout.list(signature);
    await run();
    const page = await bench.registry.referrers.list(bench.repository, image.digest, {
      artifactTypes: ['a/signature'],
      limit: 10,
    });
    expect(page.items.map(({ digest }) => digest)).toEqual([signature.digest]);
  });

  it('keeps the digests of Docker manifests, and believes a manifest more than the list', async () => {
    await layout.blob('{}');
    const docker = { ...imageManifest('{}', []), mediaType: MediaType.dockerManifest };
    const image = await layout.manifest(docker);
    layout.list({ ...image, mediaType: MediaType.imageManifest }, 'v1');
    expect(await run()).toMatchObject({ problemCount: 0 });
    const found = await bench.registry.manifests.resolve(bench.repository, { tag: parseTag('v1') });
    expect(found).toMatchObject({ digest: image.digest, mediaType: MediaType.dockerManifest });
  });

  it('brings sha512 manifests and blobs', async () => {
    const layer = await layout.blob(layerOf('one'), { algorithm: 'sha512' });
    await layout.blob('{}');
    const document = imageManifest('{}', []);
    const layers = [{ mediaType: MediaType.layer, digest: layer, size: layerOf('one').length }];
    const image = await layout.manifest({ ...document, layers } as typeof document, { algorithm: 'sha512' });
    layout.list(image, 'v1');
    expect(await run()).toMatchObject({ problemCount: 0 });
    expect(await tags()).toEqual({ v1: image.digest });
    expect(await read(layer)).toBe(layerOf('one'));
  });

  it('brings blobs that an index names, and layers from elsewhere that happen to be there', async () => {
    const cache = await layout.blob('a cached layer');
    const foreign = { ...descriptor('a foreign layer'), urls: ['https://example.com/layer'] };
    await layout.blob('a foreign layer');
    await layout.blob('{}');
    const document = imageManifest('{}', []);
    const image = await layout.manifest({ ...document, layers: [foreign] } as typeof document);
    const list = [{ mediaType: MediaType.layer, digest: cache, size: 14 }, image];
    const index = await layout.manifest({ ...imageIndex([]), manifests: list });
    layout.list(index, 'cache');
    expect(await run()).toMatchObject({ problemCount: 0, noteCount: 0 });
    expect(await read(cache)).toBe('a cached layer');
    expect(await read(foreign.digest)).toBe('a foreign layer');
  });

  it('takes the blobs the store has without reading them again', async () => {
    await bench.registry.uploads.put(
      'another/repository' as typeof bench.repository,
      (async function* () {
        yield Buffer.from(layerOf('one'));
      })(),
      { digest: digestOf(layerOf('one')), principal: alice },
    );
    layout.list(await layout.image('one'), 'v1');
    expect(await run()).toMatchObject({ problemCount: 0, repositories: [{ blobs: 2, linkedBytes: 0 }] });
    expect(await read(digestOf(layerOf('one')))).toBe(layerOf('one'));
  });
});

describe('a second import', () => {
  it('leaves what is there', async () => {
    const image = await layout.image('one');
    layout.list(await layout.manifest(imageIndex([image])), 'v1');
    await run();
    expect((await run()).repositories).toMatchObject([
      { manifests: 0, tags: 0, blobs: 0, linkedBytes: 0, copiedBytes: 0, alreadyThere: 2 },
    ]);
  });

  it('finishes one that was ended', async () => {
    const names = Array.from({ length: 20 }, (_, index) => `image-${index}`);
    for (const name of names) layout.list(await layout.image(name), name);
    const ended = new AbortController();
    let puts = 0;
    vetoes.beforeManifestPut = async () => {
      if (++puts === 8) ended.abort();
    };
    await expect(run({ signal: ended.signal })).rejects.toMatchObject({ name: 'AbortError' });
    const before = Object.keys(await tags()).length;
    expect(before).toBeGreaterThan(0);
    expect(before).toBeLessThan(names.length);
    expect(await run()).toMatchObject({ problemCount: 0, repositories: [{ alreadyThere: before }] });
    expect(Object.keys(await tags()).sort()).toEqual([...names].sort());
  });

  it('has nothing under way any more when it ends', async () => {
    for (const name of ['a', 'b', 'c', 'd']) layout.list(await layout.image(name), name);
    const ended = new AbortController();
    let running = 0;
    const takeOver: ImportTarget['registry']['takeOver'] = async (blob) => {
      running++;
      ended.abort();
      try {
        await new Promise(setImmediate);
        return await bench.registry.takeOver(blob);
      } finally {
        running--;
      }
    };
    const registry = { ...bench.registry, takeOver };
    await expect(run({ registry, signal: ended.signal })).rejects.toMatchObject({ name: 'AbortError' });
    expect(running).toBe(0);
    for await (const { id } of bench.driver.listStaged()) throw new Error(`${id} was left`);
  });

  it('brings a layer that was missing at the first', async () => {
    layout.list(await layout.image('one'), 'v1');
    const layer = digestOf(layerOf('one'));
    await layout.save();
    await rename(layout.path(layer), join(folder, 'away'));
    expect(await runSaved()).toMatchObject({
      problems: [{ kind: 'blob-unknown', digest: layer, reason: 'the file is missing' }],
      repositories: [{ manifests: 1, tags: 1, blobs: 1 }],
    });
    await rename(join(folder, 'away'), layout.path(layer));
    expect(await runSaved()).toMatchObject({ problemCount: 0, repositories: [{ manifests: 0, blobs: 1 }] });
    expect(await read(layer)).toBe(layerOf('one'));
  });

  it('moves a tag only when asked to', async () => {
    const [old, now] = [await layout.image('old'), await layout.image('now')];
    layout.list(old, 'v1');
    await run();
    layout.entries.length = 0;
    layout.list(now, 'v1');
    layout.list(now, 'v2');
    expect(await run()).toMatchObject({
      problems: [{ kind: 'tag-differs', tag: 'v1', digest: now.digest }],
      problemCount: 1,
    });
    expect(await tags()).toEqual({ v1: old.digest, v2: now.digest });
    expect(await run({ movesTags: true })).toMatchObject({ problemCount: 0, repositories: [{ tags: 1 }] });
    expect(await tags()).toEqual({ v1: now.digest, v2: now.digest });
  });

  it('does not move a tag that a client sets meanwhile', async () => {
    const pushed = await bench.pushImage('pushed');
    const image = await layout.image('one');
    layout.list(image, 'v1');
    vetoes.beforeManifestPut = async () => {
      vetoes = {};
      const bytes = await bench.registry.manifests.read(bench.repository, pushed.digest);
      await bench.pushManifest(bytes, ['v1']);
    };
    expect(kinds(await run())).toEqual(['tag-differs']);
    expect(await tags()).toEqual({ v1: pushed.digest });
    expect(await manifests()).toContain(image.digest);
  });

  it('brings blobs again that a collector took before the manifest held them', async () => {
    layout.list(await layout.image('one'), 'v1');
    vetoes.beforeManifestPut = async () => {
      vetoes = {};
      bench.nowMs += 3 * GRACE_MS;
      await bench.sweepAll();
    };
    expect(await run()).toMatchObject({ problemCount: 0 });
    expect(await read(digestOf(layerOf('one')))).toBe(layerOf('one'));
  });
});

describe('what an import leaves out', () => {
  it('is a manifest without its config, or without its file; the rest comes', async () => {
    const [broken, gone, whole] = [
      await layout.image('broken'),
      await layout.image('gone'),
      await layout.image('whole'),
    ];
    layout.list(broken, 'broken');
    layout.list(gone, 'gone');
    layout.list(whole, 'whole');
    const config = digestOf('{"image":"broken"}');
    await rm(layout.path(config));
    await rm(layout.path(gone.digest));
    const report = await run();
    expect(report.problems).toHaveLength(3);
    expect(report.problems).toContainEqual(expect.objectContaining({ kind: 'blob-unknown', digest: config }));
    expect(report.problems).toContainEqual(
      expect.objectContaining({ kind: 'manifest-blob-unknown', digest: broken.digest, tag: 'broken' }),
    );
    expect(report.problems).toContainEqual(
      expect.objectContaining({ kind: 'blob-unknown', digest: gone.digest, tag: 'gone' }),
    );
    expect(await tags()).toEqual({ whole: whole.digest });
  });

  it('is a child that an index names and the layout does not have, as a note', async () => {
    const [here, gone] = [await layout.image('here'), await layout.image('gone')];
    const index = await layout.manifest(imageIndex([here, gone]));
    layout.list(index, 'v1');
    await rm(layout.path(gone.digest));
    expect(await run()).toMatchObject({
      problemCount: 0,
      notes: expect.arrayContaining([
        expect.objectContaining({ kind: 'manifest-unknown', digest: gone.digest }),
      ]),
    });
    expect(await tags()).toEqual({ v1: index.digest });
  });

  it('is a file whose bytes are not what its name says', async () => {
    const layer = layerOf('one').replace('l', 'L');
    const image = await layout.image('one');
    await layout.blob(layerOf('one'), { bytes: layer });
    layout.list(image, 'v1');
    const other = await layout.image('other');
    await layout.blob(json(imageManifest('{}', [])), { bytes: '{}' });
    layout.list({ ...other, digest: digestOf(json(imageManifest('{}', []))) }, 'v2');
    const report = await run();
    expect(kinds(report).sort()).toEqual(['digest-mismatch', 'digest-mismatch']);
    await expect(read(digestOf(layerOf('one')))).rejects.toMatchObject({ kind: 'blob-unknown' });
    expect(Object.keys(await tags())).toEqual(['v1']);
  });

  it('is a file of another length than the manifest says', async () => {
    layout.list(await layout.image('one'), 'v1');
    await layout.blob(layerOf('one'), { bytes: `${layerOf('one')}and more` });
    expect(await run()).toMatchObject({
      problems: [{ kind: 'size-invalid', reason: expect.stringContaining('bytes; the manifest says') }],
    });
  });

  it('is an empty file where nothing can tell what it stands for', async () => {
    layout.list(await layout.image('one'), 'v1');
    await layout.blob(layerOf('one'), { bytes: '' });
    expect(kinds(await run())).toEqual(['placeholder-unresolved']);
  });

  it('is what links lead to, and what is no file', async () => {
    for (const name of ['linked', 'folder']) layout.list(await layout.image(name), name);
    const secret = join(folder, 'secret');
    await writeFile(secret, layerOf('linked'));
    await rm(layout.path(digestOf(layerOf('linked'))));
    await symlink(secret, layout.path(digestOf(layerOf('linked'))));
    await rm(layout.path(digestOf(layerOf('folder'))));
    await mkdir(layout.path(digestOf(layerOf('folder'))));
    expect(await run()).toMatchObject({
      problems: expect.arrayContaining([
        expect.objectContaining({
          kind: 'argument-invalid',
          reason: expect.stringContaining('symbolic link'),
        }),
        expect.objectContaining({ kind: 'argument-invalid', reason: 'it is not a regular file' }),
      ]),
      problemCount: 2,
    });
  });

  it('is everything when a folder on the way is a link', async () => {
    const image = await layout.image('one');
    layout.list(image, 'v1');
    await layout.save();
    await rename(join(layout.folder, 'blobs/sha256'), join(folder, 'elsewhere'));
    await symlink(join(folder, 'elsewhere'), join(layout.folder, 'blobs/sha256'));
    expect(await runSaved()).toMatchObject({ problems: [{ kind: 'blob-unknown', digest: image.digest }] });
    expect(await manifests()).toEqual([]);
  });

  it('is a second manifest for a tag, and an entry that is no descriptor', async () => {
    const [first, second] = [await layout.image('first'), await layout.image('second')];
    layout.list(first, 'v1');
    layout.list(second, 'v1');
    layout.entries.push(
      'text',
      { mediaType: MediaType.imageManifest, digest: 'sha256:../../etc/passwd' },
      {},
    );
    const report = await run();
    expect(report.problems).toContainEqual(
      expect.objectContaining({ kind: 'tag-repeated', tag: 'v1', digest: second.digest }),
    );
    expect(kinds(report).filter((kind) => kind === 'descriptor-invalid')).toHaveLength(3);
    expect(await tags()).toEqual({ v1: first.digest });
    expect(await manifests()).toHaveLength(2);
  });

  it('is a manifest of a kind that no registry takes, one that is too large, and one no veto lets in', async () => {
    const text = await layout.blob('<xml/>');
    layout.list({ mediaType: 'application/xml', digest: text, size: 6 }, 'xml');
    layout.list(await layout.image('large', { annotations: { text: 'x'.repeat(2_000) } }), 'large');
    layout.list(await layout.image('refused'), 'refused');
    vetoes.beforeManifestPut = async () => {
      throw new StoreError('denied', 'it is not signed');
    };
    const report = await run({ manifestMaxBytes: 1_000 });
    expect(Object.fromEntries(report.problems.map(({ tag, kind }) => [tag, kind]))).toEqual({
      xml: 'manifest-invalid',
      large: 'body-too-large',
      refused: 'denied',
    });
  });

  it('is an index in more indexes than anybody needs', async () => {
    let inner = await layout.image('one');
    for (let depth = 0; depth < 30; depth++) {
      inner = await layout.manifest({ ...imageIndex([]), manifests: [inner] });
    }
    layout.list(inner, 'v1');
    expect(kinds(await run())).toEqual(['manifest-invalid']);
  });

  it('is, as a note, a blob that nothing names and a file that is no blob', async () => {
    layout.list(await layout.image('one'), 'v1');
    const loose = await layout.blob('nobody names it');
    await layout.save();
    await writeFile(join(layout.folder, 'blobs/sha256/README'), '');
    expect(await runSaved()).toMatchObject({
      problemCount: 0,
      notes: expect.arrayContaining([
        expect.objectContaining({ kind: 'unreferenced', digest: loose }),
        expect.objectContaining({ kind: 'file-unknown' }),
      ]),
      noteCount: 2,
    });
  });

  it('is counted when it is too much to list', async () => {
    for (let index = 0; index < 1_200; index++) layout.entries.push(index);
    const report = await run();
    expect(report.problemCount).toBe(1_200);
    expect(report.problems).toHaveLength(1_000);
  });
});

describe('the tags of a layout', () => {
  it('are taken from whole references too', async () => {
    const image = await layout.image('one');
    for (const name of ['alpine:3.20', 'docker.io/library/alpine:latest', 'localhost:5000/a/b:c', '1.0']) {
      layout.list(image, name);
    }
    expect(await run()).toMatchObject({ problemCount: 0 });
    expect(Object.keys(await tags())).toEqual(['1.0', '3.20', 'c', 'latest']);
  });

  it('are left out, and the image comes, when a name has none', async () => {
    const image = await layout.image('one');
    for (const name of ['localhost:5000/a/b', 'a/b@sha256:abc', ':x', 'a b', 'é', ''])
      layout.list(image, name);
    const report = await run();
    expect(kinds(report)).toEqual(Array.from({ length: 6 }, () => 'tag-invalid'));
    expect(await manifests()).toEqual([image.digest]);
    expect(await tags()).toEqual({});
  });

  it('can be given from outside when there is one image', async () => {
    const image = await layout.image('one');
    layout.list(image);
    await run({}, { tag: 'v7' });
    expect(await tags()).toEqual({ v7: image.digest });
    layout.list(await layout.image('two'));
    await expect(run({}, { tag: 'v8' })).rejects.toMatchObject({ kind: 'argument-invalid' });
  });
});

describe('reading a layout', () => {
  it('says which part is missing, or wrong', async () => {
    layout.list(await layout.image('one'), 'v1');
    await layout.save();
    const broken = async (name: string, content: string | undefined) => {
      await rm(layout.folder, { recursive: true });
      await layout.save();
      await rm(join(layout.folder, name), { recursive: true });
      if (content !== undefined) await writeFile(join(layout.folder, name), content);
      const error = await readLayout(layout.folder).catch((thrown: unknown) => thrown);
      return error instanceof StoreError ? `${error.kind}: ${error.message}` : error;
    };
    expect(await broken('index.json', undefined)).toBe('blob-unknown: index.json: the file is missing');
    expect(await broken('index.json', '{')).toBe('manifest-invalid: index.json is not JSON in UTF-8');
    expect(await broken('index.json', '[]')).toBe('manifest-invalid: index.json is not a JSON object');
    expect(await broken('index.json', '{"manifests":{}}')).toContain('manifests in index.json is not a list');
    expect(await broken('index.json', '['.repeat(100))).toContain('nested deeper');
    expect(await broken('oci-layout', '{"imageLayoutVersion":"2.0.0"}')).toContain(
      'imageLayoutVersion 1.0.0',
    );
    expect(await broken('oci-layout', ' '.repeat(5_000))).toContain('body-too-large');
    expect(await broken('blobs', undefined)).toContain('blobs is missing');
    expect(await broken('blobs', 'a file')).toContain('blobs is missing');
  });

  it('takes an empty list as Go writes it', async () => {
    await layout.save();
    await writeFile(join(layout.folder, 'index.json'), '{"schemaVersion":2,"manifests":null}');
    expect((await readLayout(layout.folder)).entries).toEqual([]);
  });

  it('does not read an index.json without bound, nor through a link', async () => {
    await layout.save();
    const index = join(layout.folder, 'index.json');
    await truncate(index, 65 * 1024 * 1024);
    await expect(readLayout(layout.folder)).rejects.toMatchObject({ kind: 'body-too-large' });
    await rm(index);
    await symlink('/etc/hostname', index);
    await expect(readLayout(layout.folder)).rejects.toMatchObject({ kind: 'argument-invalid' });
  });
});
