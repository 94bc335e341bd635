import { lstat, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Digest, MediaType, parseRepositoryName, parseTag } from '@zot-artifact-store/spec';
import { LayoutBuilder, layerOf } from '@zot-artifact-store/testkit/layout-builder.ts';
import {
  alice,
  digestOf,
  imageIndex,
  imageManifest,
  json,
  once,
  type PushedImage,
  RegistryBench,
} from '@zot-artifact-store/testkit/registry-bench.ts';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { BlobDriver } from '../content/blob-driver.ts';
import { FilesystemBlobDriver } from '../drivers/filesystem/filesystem-blob-driver.ts';
import { type ExportSource, exportRepository } from './export-repository.ts';
import { exportTree } from './export-tree.ts';
import { importTree } from './import-tree.ts';
import { TransferLog, type TransferReport } from './transfer-log.ts';

let folder: string;
let out: string;
let bench: RegistryBench;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'zas-export-'));
  out = join(folder, 'out');
  await mkdir(out);
  bench = new RegistryBench();
});

afterEach(async () => {
  expect(await bench.problems()).toEqual([]);
  await bench.close();
  await rm(folder, { recursive: true });
});

function source(more: Partial<ExportSource> = {}): ExportSource {
  return { registry: bench.registry, mayLink: true, signal: new AbortController().signal, ...more };
}

async function run(tags: readonly string[] = [], more: Partial<ExportSource> = {}): Promise<TransferReport> {
  const log = new TransferLog();
  const what = { repository: bench.repository, tags: tags.map(parseTag), folder: out };
  await exportRepository(source(more), what, log);
  return log.report({ complete: true });
}

async function runTree(): Promise<TransferReport> {
  const log = new TransferLog();
  await exportTree({ ...source(), repositories: bench.registry.repositories }, out, log);
  return log.report({ complete: true });
}

interface Listed {
  readonly mediaType: string;
  readonly digest: Digest;
  readonly size: number;
  readonly annotations?: Readonly<Record<string, string>>;
}

async function index(of = out): Promise<{ readonly manifests: readonly Listed[] }> {
  return JSON.parse(await readFile(join(of, 'index.json'), 'utf8'));
}

/** `tag digest`, or the digest alone, for each entry of index.json. */
async function listed(of = out): Promise<readonly string[]> {
  return (await index(of)).manifests.map(({ digest, annotations }) =>
    [annotations?.['org.opencontainers.image.ref.name'], digest].filter(Boolean).join(' '),
  );
}

function file(digest: Digest, of = out): string {
  return join(of, 'blobs', digest.replace(':', '/'));
}

async function pushLarge(name: string, tags: readonly string[]): Promise<PushedImage> {
  const config = `{"image":"${name}"}`;
  await bench.pushBlob(config);
  await bench.pushBlob(layerOf(name));
  const manifest = imageManifest(config, [layerOf(name)]);
  const digest = await bench.pushManifest(manifest, tags);
  return {
    digest,
    size: json(manifest).length,
    config: digestOf(config),
    layer: digestOf(layerOf(name)),
  };
}

async function openOnDisk(): Promise<void> {
  await bench.close();
  const driver: BlobDriver = new FilesystemBlobDriver({
    root: join(folder, 'store'),
    reserveBytes: 0,
    onFatal: (error) => {
      throw error;
    },
  });
  await driver.open();
  bench = new RegistryBench({ driver });
}

describe('exporting a repository', () => {
  it('writes every byte as a file of its own, the layers linked', async () => {
    await openOnDisk();
    const image = await pushLarge('one', ['v1']);
    const report = await run();
    expect(report).toMatchObject({
      problemCount: 0,
      repositories: [
        { manifests: 1, tags: 1, blobs: 2, linkedBytes: layerOf('one').length, alreadyThere: 0 },
      ],
    });
    expect(await readFile(file(image.layer), 'utf8')).toBe(layerOf('one'));
    expect((await lstat(file(image.layer))).nlink).toBe(2);
    expect(await readFile(file(image.config), 'utf8')).toBe('{"image":"one"}');
    expect(digestOf(await readFile(file(image.digest)))).toBe(image.digest);
    expect(JSON.parse(await readFile(join(out, 'oci-layout'), 'utf8'))).toEqual({
      imageLayoutVersion: '1.0.0',
    });
    expect(await index()).toMatchObject({
      schemaVersion: 2,
      mediaType: MediaType.imageIndex,
      manifests: [{ mediaType: MediaType.imageManifest, digest: image.digest, size: image.size }],
    });
    expect((await readdir(out)).sort()).toEqual(['blobs', 'index.json', 'oci-layout']);
    expect((await lstat(join(out, 'blobs'))).mode & 0o777).toBe(0o700);
  });

  it('copies when it may not link', async () => {
    await openOnDisk();
    const { layer } = await pushLarge('one', ['v1']);
    expect(await run([], { mayLink: false })).toMatchObject({ repositories: [{ linkedBytes: 0 }] });
    expect((await lstat(file(layer))).nlink).toBe(1);
    expect(await readFile(file(layer), 'utf8')).toBe(layerOf('one'));
  });

  it('lists each manifest once for every tag, and children, referrers and untagged ones without a name', async () => {
    const children = [await bench.pushImage('amd64'), await bench.pushImage('arm64')];
    const multi = await bench.pushManifest(imageIndex(children), ['b', 'a']);
    const subject = { mediaType: MediaType.imageIndex, digest: multi, size: 100 };
    const signature = await bench.pushImage('signature', [], { subject, artifactType: 'a/signature' });
    const loose = await bench.pushImage('loose');
    expect(await run()).toMatchObject({
      problemCount: 0,
      repositories: [{ manifests: 5, tags: 2, blobs: 8 }],
    });
    const untagged = [...children, signature, loose].map(({ digest }) => digest).sort();
    expect(await listed()).toEqual([`a ${multi}`, `b ${multi}`, ...untagged]);
    for (const digest of untagged) expect(digestOf(await readFile(file(digest)))).toBe(digest);
  });

  it('writes sha512 blobs and blobs of several parts as real files', async () => {
    await openOnDisk();
    const name = digestOf(layerOf('one'), 'sha512');
    await bench.registry.uploads.put(bench.repository, once(layerOf('one')), {
      digest: name,
      principal: alice,
    });
    await bench.pushBlob('{}');
    const layers = [{ mediaType: MediaType.layer, digest: name, size: layerOf('one').length }];
    await bench.pushManifest({ ...imageManifest('{}', []), layers }, ['v1']);
    expect(await run()).toMatchObject({ problemCount: 0 });
    expect(await readFile(file(name), 'utf8')).toBe(layerOf('one'));
  });

  it('goes through many pages of tags and manifests', async () => {
    const image = await bench.pushImage('one');
    const bytes = await bench.registry.manifests.read(bench.repository, image.digest);
    const many = Array.from({ length: 250 }, (_, at) => `t${String(at).padStart(3, '0')}`);
    await bench.pushManifest(bytes, many);
    for (let at = 0; at < 120; at++)
      await bench.pushManifest(imageIndex([], { annotations: { at: `${at}` } }));
    await run();
    const entries = await listed();
    expect(entries).toHaveLength(370);
    expect(entries.slice(0, 250)).toEqual(many.map((tag) => `${tag} ${image.digest}`));
    expect(new Set(entries).size).toBe(370);
  });

  it('keeps what is there and right, and replaces what is not', async () => {
    const image = await pushLarge('one', ['v1']);
    await run();
    expect((await run()).repositories).toMatchObject([
      { manifests: 0, blobs: 0, copiedBytes: 0, alreadyThere: 1 },
    ]);
    await writeFile(file(image.layer), layerOf('one').replace('l', 'L'));
    await writeFile(file(image.config), 'short');
    await rm(file(image.digest));
    await symlink('/etc/hostname', file(image.digest));
    expect((await run()).repositories).toMatchObject([{ manifests: 1, blobs: 2, alreadyThere: 0 }]);
    expect(await readFile(file(image.layer), 'utf8')).toBe(layerOf('one'));
    expect((await lstat(file(image.digest))).isFile()).toBe(true);
  });

  it('goes on where an export was cut off, and lists nothing before it is whole', async () => {
    for (const name of ['a', 'b', 'c']) await pushLarge(name, [name]);
    const ended = new AbortController();
    const registry = {
      ...bench.registry,
      manifests: {
        ...bench.registry.manifests,
        read: (...[name, digest]: Parameters<typeof bench.registry.manifests.read>) => {
          ended.abort();
          return bench.registry.manifests.read(name, digest);
        },
      },
    };
    await expect(run([], { registry, signal: ended.signal })).rejects.toMatchObject({ name: 'AbortError' });
    await expect(lstat(join(out, 'index.json'))).rejects.toMatchObject({ code: 'ENOENT' });
    await mkdir(join(out, '.partial'), { recursive: true });
    await writeFile(join(out, '.partial/left'), 'by a crash');
    expect(await run()).toMatchObject({ problemCount: 0 });
    expect(await listed()).toHaveLength(3);
    expect((await readdir(out)).sort()).toEqual(['blobs', 'index.json', 'oci-layout']);
  });

  it('adds to a layout: a tag moves, other entries and fields stay', async () => {
    const before = new LayoutBuilder(out);
    const [moved, stays] = [await before.image('moved'), await before.image('stays')];
    before.list(moved, 'v1');
    before.list(stays, 'other');
    before.list(stays);
    await before.save();
    const text = JSON.parse(await readFile(join(out, 'index.json'), 'utf8'));
    await writeFile(join(out, 'index.json'), json({ ...text, annotations: { kept: 'yes' } }));
    const image = await bench.pushImage('one', ['v1']);
    await run();
    expect(await listed()).toEqual([`v1 ${image.digest}`, `other ${stays.digest}`, stays.digest]);
    expect(await index()).toMatchObject({ annotations: { kept: 'yes' } });
  });

  it('does not replace an index.json that it cannot read, nor write through links', async () => {
    await bench.pushImage('one', ['v1']);
    await writeFile(join(out, 'index.json'), '{');
    await expect(run()).rejects.toMatchObject({ kind: 'conflict' });
    expect(await readFile(join(out, 'index.json'), 'utf8')).toBe('{');
    await rm(join(out, 'index.json'));
    await rm(join(out, 'blobs'), { recursive: true });
    await mkdir(join(folder, 'elsewhere'));
    await symlink(join(folder, 'elsewhere'), join(out, 'blobs'));
    await expect(run()).rejects.toMatchObject({ kind: 'conflict' });
    expect(await readdir(join(folder, 'elsewhere'))).toEqual([]);
  });

  it('refuses a repository that is not there', async () => {
    await expect(run()).rejects.toMatchObject({ kind: 'repository-unknown' });
  });
});

describe('exporting tags', () => {
  it('brings what they need and what refers to them, and nothing else', async () => {
    const children = [await bench.pushImage('amd64'), await bench.pushImage('arm64')];
    const multi = await bench.pushManifest(imageIndex(children), ['v1', 'same']);
    const [child] = children;
    if (child === undefined) throw new Error('there are children');
    const subject = { mediaType: MediaType.imageManifest, digest: child.digest, size: child.size };
    const sbom = await bench.pushImage('sbom', [], { subject });
    const signed = { mediaType: MediaType.imageManifest, digest: sbom.digest, size: sbom.size };
    const signature = await bench.pushImage('signature', [], { subject: signed });
    const cosign = await bench.pushImage('cosign', [`${multi.replace(':', '-')}.sig`]);
    await bench.pushImage('unrelated', ['v2']);
    expect(await run(['v1'])).toMatchObject({ problemCount: 0 });
    const entries = await listed();
    expect(entries.slice(0, 2)).toEqual([`v1 ${multi}`, `${multi.replace(':', '-')}.sig ${cosign.digest}`]);
    expect(entries.slice(2).sort()).toEqual(
      [...children, sbom, signature].map(({ digest }) => digest).sort(),
    );
  });

  it('takes several, of one manifest too, and refuses one that is not there before it writes', async () => {
    const image = await bench.pushImage('one', ['v1', 'v2', 'v3']);
    await expect(run(['v1', 'v9'])).rejects.toMatchObject({ kind: 'manifest-unknown', resource: 'v9' });
    expect(await readdir(out)).toEqual([]);
    await run(['v1', 'v3']);
    expect(await listed()).toEqual([`v1 ${image.digest}`, `v3 ${image.digest}`]);
  });
});

describe('what an export leaves out', () => {
  it('is a layer that the repository does not have; the image is listed all the same', async () => {
    await bench.pushBlob('{}');
    const digest = await bench.pushManifest(imageManifest('{}', ['never pushed']), ['v1']);
    expect(await run()).toMatchObject({
      problems: [{ kind: 'blob-unknown', digest: digestOf('never pushed') }],
      problemCount: 1,
    });
    expect(await listed()).toEqual([`v1 ${digest}`]);
  });

  it.each([true, false])(
    'is a blob whose bytes are not what its digest says (linked: %s)',
    async (mayLink) => {
      await openOnDisk();
      const image = await pushLarge('one', ['v1']);
      const hex = image.layer.slice('sha256:'.length);
      const objects = join(folder, 'store/objects/sha256', hex.slice(0, 2));
      const [object = ''] = await readdir(objects);
      await writeFile(join(objects, object), layerOf('one').replace('l', 'L'));
      expect(await run([], { mayLink })).toMatchObject({
        problems: [{ kind: 'blob-corrupt', digest: image.layer }],
        problemCount: 1,
      });
      await expect(lstat(file(image.layer))).rejects.toMatchObject({ code: 'ENOENT' });
    },
  );

  it('is not the child of an index that was never there', async () => {
    const gone = { digest: digestOf('never pushed'), size: 12 };
    const digest = await bench.pushManifest(imageIndex([gone]), ['v1']);
    expect(await run()).toMatchObject({ problemCount: 0, noteCount: 0 });
    expect(await listed()).toEqual([`v1 ${digest}`]);
  });
});

describe('exporting everything', () => {
  it('makes a tree that can be imported again as it was', async () => {
    for (const name of ['a', 'a/b', 'other/x']) {
      const repository = parseRepositoryName(name);
      await bench.pushBlob('{}', repository);
      await bench.pushBlob(layerOf(name), repository);
      await bench.pushManifest(imageManifest('{}', [layerOf(name)]), ['v1'], { repository });
    }
    expect(await runTree()).toMatchObject({ problemCount: 0 });
    const second = new RegistryBench();
    const target = {
      registry: second.registry,
      principal: alice,
      manifestMaxBytes: 4 * 1024 * 1024,
      mayLink: true,
      movesTags: false,
      signal: new AbortController().signal,
    };
    const log = new TransferLog();
    await importTree(target, { root: out, patterns: [] }, log);
    expect(log.report({ complete: true })).toMatchObject({ problemCount: 0, noteCount: 0 });
    for (const name of ['a', 'a/b', 'other/x'].map(parseRepositoryName)) {
      const { items } = await second.registry.tags.list(name, { limit: 10 });
      expect(items).toEqual((await bench.registry.tags.list(name, { limit: 10 })).items);
    }
    expect(await second.problems()).toEqual([]);
    await second.close();
  });

  it('leaves out a repository whose folder would be a file of another', async () => {
    for (const name of ['a', 'a/blobs', 'a/index.json/b', 'blobs']) {
      const repository = parseRepositoryName(name);
      await bench.pushBlob('{}', repository);
      await bench.pushManifest(imageManifest('{}', []), ['v1'], { repository });
    }
    const report = await runTree();
    expect(report.problems.map(({ kind, repository }) => [kind, repository])).toEqual([
      ['name-reserved', 'a/blobs'],
      ['name-reserved', 'a/index.json/b'],
    ]);
    expect(await listed(join(out, 'a'))).toHaveLength(1);
    expect(await listed(join(out, 'blobs'))).toHaveLength(1);
  });
});
