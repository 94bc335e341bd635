import { describe, expect, it } from 'vitest';
import { checkFile, findImports } from './dependency-rule.ts';

const server = (path: string) => `packages/server/src/${path}`;
const rules = (file: string, specifier: string) =>
  checkFile(file, `import { x } from '${specifier}';\n`).map((violation) => violation.rule);

describe('findImports', () => {
  it('finds static, type-only, multi-line, side-effect and dynamic imports and re-exports with their lines', () => {
    const source = [
      "import a from 'a';",
      "import type { B } from './b.ts';",
      'import {',
      '  c,',
      '  d as e,',
      "} from '../c.ts';",
      "import './side.ts';",
      "export * from './f.ts';",
      "const g = await import('./g.ts');",
      "type H = import('./h.ts').H;",
    ].join('\n');
    expect(findImports(source)).toEqual([
      { line: 1, specifier: 'a' },
      { line: 2, specifier: './b.ts' },
      { line: 3, specifier: '../c.ts' },
      { line: 7, specifier: './side.ts' },
      { line: 8, specifier: './f.ts' },
      { line: 9, specifier: './g.ts' },
      { line: 10, specifier: './h.ts' },
    ]);
  });

  it('does not count comments or plain exports', () => {
    const source =
      "// import x from 'x';\n/* import y from 'y'; */\nexport const z = 'z';\nexport { z as w };\nconst v = 'v';\n";
    expect(findImports(source)).toEqual([]);
  });
});

describe('the dependency rule', () => {
  it('keeps the registry away from drivers and http', () => {
    expect(rules(server('registry/manifests.ts'), '../drivers/memory/memory-blob-driver.ts')).toHaveLength(1);
    expect(rules(server('registry/manifests.ts'), '../http/reply.ts')).toHaveLength(1);
    expect(rules(server('registry/manifests.ts'), '../content/content-store.ts')).toEqual([]);
  });

  it('keeps an extension away from other extensions, drivers and the composition', () => {
    const file = server('extensions/health/extension.ts');
    expect(rules(file, '../rbac/extension.ts')).toEqual([
      'the folders of extensions/ do not know each other',
    ]);
    expect(rules(file, '../../drivers/memory/memory-blob-driver.ts')).toHaveLength(1);
    expect(rules(file, '../../compose.ts')).toHaveLength(1);
    expect(rules(file, '../../extension/contract.ts')).toEqual([]);
    expect(rules(file, './readiness.ts')).toEqual([]);
  });

  it('keeps metadata drivers apart while they share the contract', () => {
    expect(rules(server('metadata/lmdb/store.ts'), '../memory/memory-metadata-store.ts')).toHaveLength(1);
    expect(rules(server('metadata/lmdb/store.ts'), '../metadata-store.ts')).toEqual([]);
  });

  it('lets only the composition know every class', () => {
    expect(rules(server('compose.ts'), './drivers/memory/memory-blob-driver.ts')).toEqual([]);
    expect(rules(server('cluster/primary.ts'), '../drivers/memory/memory-blob-driver.ts')).toHaveLength(1);
  });

  it('keeps spec pure, lmdb in one folder and the testkit out of the product', () => {
    expect(rules('packages/spec/src/digest.ts', 'node:crypto')).toHaveLength(1);
    expect(rules(server('registry/tags.ts'), 'lmdb')).toEqual([
      'the package lmdb is known only to metadata/lmdb/',
    ]);
    expect(rules(server('metadata/lmdb/store.ts'), 'lmdb')).toEqual([]);
    expect(rules(server('registry/tags.ts'), '@zot-artifact-store/testkit/x.ts')).toHaveLength(1);
    expect(rules(server('registry/tags.test.ts'), '@zot-artifact-store/testkit/x.ts')).toEqual([]);
  });

  it('refuses paths into another package, and a folder that no rule speaks of', () => {
    expect(rules(server('registry/tags.ts'), '../../../spec/src/digest.ts')).toHaveLength(1);
    expect(rules(server('brand-new/thing.ts'), './other.ts')).toHaveLength(1);
  });
});
