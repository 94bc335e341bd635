import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseRepositoryName } from '@zot-artifact-store/spec';
import { LayoutBuilder, layerOf } from '@zot-artifact-store/testkit/layout-builder.ts';
import { alice, digestOf, RegistryBench, textOf } from '@zot-artifact-store/testkit/registry-bench.ts';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { importTree } from './import-tree.ts';
import { TransferLog, type TransferReport } from './transfer-log.ts';

let root: string;
let bench: RegistryBench;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'zas-tree-'));
  bench = new RegistryBench();
});

afterEach(async () => {
  expect(await bench.problems()).toEqual([]);
  await bench.close();
  await rm(root, { recursive: true });
});

/** A repository with one image, tagged v1, as zot keeps it. */
async function repository(name: string, image = name): Promise<LayoutBuilder> {
  const layout = new LayoutBuilder(join(root, name));
  layout.list(await layout.image(image), 'v1');
  await layout.save();
  return layout;
}

async function run(patterns: readonly string[] = []): Promise<TransferReport> {
  const log = new TransferLog();
  const target = {
    registry: bench.registry,
    principal: alice,
    manifestMaxBytes: 4 * 1024 * 1024,
    mayLink: true,
    movesTags: false,
    signal: new AbortController().signal,
  };
  await importTree(target, { root, patterns }, log);
  return log.report({ complete: true });
}

async function repositories(): Promise<readonly string[]> {
  return (await bench.registry.repositories.list({ limit: 100 })).items;
}

async function layerIn(name: string, image: string): Promise<string> {
  const from = parseRepositoryName(name);
  return textOf(await bench.registry.blobs.read(from, digestOf(layerOf(image))));
}

describe('importing a folder of layouts', () => {
  it('brings every repository under its name, nested ones too, each into its volume', async () => {
    for (const name of ['a', 'a/b', 'a/b/c/d', 'other/x', 'z']) await repository(name);
    expect(await run()).toMatchObject({ problemCount: 0, noteCount: 0 });
    expect(await repositories()).toEqual(['a', 'a/b', 'a/b/c/d', 'other/x', 'z']);
    expect(await layerIn('other/x', 'other/x')).toBe(layerOf('other/x'));
    let onOther = 0;
    for await (const _ of bench.otherDriver.list()) onOther++;
    expect(onOther).toBe(1);
  });

  it('passes over what zot keeps for itself', async () => {
    const kept = await repository('kept');
    await writeFile(join(root, 'meta.db'), 'not looked at');
    await writeFile(join(root, 'cache.db'), 'not looked at');
    await mkdir(join(kept.folder, '.uploads'));
    await writeFile(join(kept.folder, '.uploads/6f9f4c0c'), 'half a layer');
    for (const name of ['_trivy/db', 'kept/.sync/1/kept', '.hidden']) await repository(name);
    expect(await run()).toMatchObject({ problemCount: 0, noteCount: 0 });
    expect(await repositories()).toEqual(['kept']);
  });

  it('finds the bytes that an empty file stands for in any other repository', async () => {
    const first = await repository('first', 'same');
    await repository('second', 'same');
    await repository('third', 'same');
    const layer = digestOf(layerOf('same'));
    await writeFile(first.path(layer), '');
    await writeFile(join(root, 'third/blobs/sha256', layer.slice('sha256:'.length)), '');
    expect(await run()).toMatchObject({ problemCount: 0 });
    for (const name of ['first', 'second', 'third'])
      expect(await layerIn(name, 'same')).toBe(layerOf('same'));
  });

  it('finds them also where that repository itself is not to be imported', async () => {
    const first = await repository('first', 'same');
    await repository('second', 'same');
    await writeFile(first.path(digestOf(layerOf('same'))), '');
    expect(await run(['first'])).toMatchObject({ problemCount: 0 });
    expect(await repositories()).toEqual(['first']);
    expect(await layerIn('first', 'same')).toBe(layerOf('same'));
  });

  it('does not give a repository bytes of another because a manifest names them', async () => {
    const first = await repository('first', 'same');
    await repository('second', 'same');
    const layer = digestOf(layerOf('same'));
    await rm(first.path(layer));
    expect(await run()).toMatchObject({
      problems: [{ kind: 'blob-unknown', repository: 'first', digest: layer }],
      problemCount: 1,
    });
    await expect(layerIn('first', 'same')).rejects.toMatchObject({ kind: 'blob-unknown' });
  });

  it('says when nothing has the bytes', async () => {
    for (const name of ['first', 'second']) {
      const layout = await repository(name, 'same');
      await writeFile(layout.path(digestOf(layerOf('same'))), '');
    }
    const report = await run();
    expect(report.problems.map(({ kind, repository: name }) => [kind, name])).toEqual([
      ['placeholder-unresolved', 'first'],
      ['placeholder-unresolved', 'second'],
    ]);
  });

  it('leaves out names no registry takes, layouts that are not whole, and links', async () => {
    await repository('good');
    await repository('Bad/Name');
    const broken = await repository('broken');
    await writeFile(join(broken.folder, 'index.json'), '{');
    await mkdir(join(root, 'half'));
    await writeFile(join(root, 'half/oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
    await symlink(join(root, 'good'), join(root, 'linked'));
    const report = await run();
    expect(report.problems.map(({ kind, repository: name }) => [kind, name]).sort()).toEqual([
      ['layout-invalid', 'broken'],
      ['layout-invalid', 'half'],
      ['name-invalid', 'Bad/Name'],
    ]);
    expect(report.notes).toMatchObject([{ kind: 'symbolic-link', repository: 'linked' }]);
    expect(await repositories()).toEqual(['good']);
  });

  it('goes no deeper than a name can be long', async () => {
    await repository('good');
    await repository(Array.from({ length: 130 }, () => 'ab').join('/'));
    expect(await run()).toMatchObject({ problemCount: 0 });
    expect(await repositories()).toEqual(['good']);
  });

  it('brings only what matches', async () => {
    for (const name of ['team/a', 'team/b/c', 'tools', 'toolsmith']) await repository(name);
    await run(['team/*', 'tools']);
    expect(await repositories()).toEqual(['team/a', 'tools']);
    await run(['team/**']);
    expect(await repositories()).toEqual(['team/a', 'team/b/c', 'tools']);
    await expect(run(['nothing/**'])).rejects.toMatchObject({ kind: 'argument-invalid' });
  });

  it('refuses a folder that is one layout itself, or has none', async () => {
    await expect(run()).rejects.toMatchObject({ kind: 'argument-invalid' });
    await repository('.');
    await expect(run()).rejects.toMatchObject({
      kind: 'argument-invalid',
      message: expect.stringContaining('--repository'),
    });
  });
});
