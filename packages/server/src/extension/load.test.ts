import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ExtensionProblems, loadExtensions } from './load.ts';

const EXTENSION =
  "{ name: 'mine', config: { safeParse: (data) => ({ success: true, data }) }, setup: () => ({}) }";

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'zas-load-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

async function write(path: string, text: string): Promise<void> {
  await mkdir(dirname(join(folder, path)), { recursive: true });
  await writeFile(join(folder, path), text);
}

const load = (module: string) => loadExtensions([{ name: 'mine', module, section: { a: 1 } }], folder);

async function problemsOf(...modules: readonly string[]): Promise<readonly string[]> {
  try {
    await loadExtensions(
      modules.map((module, index) => ({ name: `ext${index}`, module, section: {} })),
      folder,
    );
  } catch (error) {
    if (error instanceof ExtensionProblems) return error.problems;
    throw error;
  }
  return [];
}

describe('loadExtensions', () => {
  it('takes a default export of a file beside the config file', async () => {
    await write('mine.mjs', `export default ${EXTENSION};`);
    expect(await load('./mine.mjs')).toEqual([
      {
        extension: expect.objectContaining({ name: 'mine' }),
        section: { a: 1 },
        configPath: 'extensions.mine',
        source: './mine.mjs',
      },
    ]);
  });

  it('takes an export named extension', async () => {
    await write('mine.mjs', `export const extension = ${EXTENSION};`);
    expect(await load(join(folder, 'mine.mjs'))).toHaveLength(1);
  });

  it.each([
    ['a file', { exports: './index.mjs' }],
    ['import alone', { exports: { '.': { types: './index.d.ts', import: './index.mjs' } } }],
    ['a main file', { main: 'index.mjs' }],
  ])('finds a package installed beside the config file that exports %s', async (_how, manifest) => {
    await write('node_modules/@me/mine/package.json', JSON.stringify({ name: '@me/mine', ...manifest }));
    await write('node_modules/@me/mine/index.mjs', `export default ${EXTENSION};`);
    expect(await load('@me/mine')).toHaveLength(1);
  });

  it('reports everything that cannot be loaded at once, each at its place', async () => {
    await write('throws.mjs', "throw new Error('no luck today');");
    await write('empty.mjs', 'export const other = 1;');
    await write('other.mjs', `export default ${EXTENSION};`);
    const problems = await problemsOf(
      './none.mjs',
      'no-such-package',
      './throws.mjs',
      './empty.mjs',
      './other.mjs',
    );
    expect(problems).toEqual([
      `extensions.ext0.module: there is no file ${join(folder, 'none.mjs')}`,
      expect.stringMatching(/^extensions\.ext1\.module: no package "no-such-package" is installed/),
      'extensions.ext2.module: "./throws.mjs" could not be loaded: no luck today',
      expect.stringMatching(/^extensions\.ext3\.module: "\.\/empty\.mjs" has no extension/),
      'extensions.ext4.module: "./other.mjs" is the extension "mine"; its section must be extensions.mine',
    ]);
  });
});
