import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { ExtensionProblems, type LoadedExtension } from './load.ts';
import { prepareExtensions } from './order.ts';

function loaded(
  name: string,
  options: { dependsOn?: string[]; config?: z.ZodType; section?: unknown; source?: string } = {},
): LoadedExtension {
  const { dependsOn = [], config = z.object({}), section = {}, source = 'a test' } = options;
  return {
    extension: { name, dependsOn, config, setup: () => ({}) },
    section,
    configPath: `extensions.${name}`,
    source,
  };
}

const names = (...extensions: LoadedExtension[]) =>
  prepareExtensions(extensions).map(({ extension }) => extension.name);

function problemsOf(...extensions: LoadedExtension[]): readonly string[] {
  try {
    prepareExtensions(extensions);
  } catch (error) {
    if (error instanceof ExtensionProblems) return error.problems;
    throw error;
  }
  return [];
}

describe('prepareExtensions', () => {
  it('puts each after what it depends on, and keeps the given order else', () => {
    expect(names(loaded('a'), loaded('b', { dependsOn: ['d'] }), loaded('c'), loaded('d'))).toEqual([
      'a',
      'd',
      'b',
      'c',
    ]);
  });

  it('names a dependency that is missing', () => {
    expect(problemsOf(loaded('a', { dependsOn: ['gone'] }))).toEqual([
      expect.stringContaining('"a" depends on "gone", which is not loaded'),
    ]);
  });

  it('shows a circle of dependencies once, whole', () => {
    expect(
      problemsOf(
        loaded('start', { dependsOn: ['a'] }),
        loaded('a', { dependsOn: ['b'] }),
        loaded('b', { dependsOn: ['a'] }),
      ),
    ).toEqual(['extensions depend on each other in a circle: a -> b -> a']);
  });

  it('refuses two extensions of one name and says where both come from', () => {
    const [problem] = problemsOf(loaded('a', { source: 'built in' }), loaded('a', { source: './a.ts' }));
    expect(problem).toContain('"a" is there twice: built in');
    expect(problem).toContain('./a.ts');
  });

  it('gives each its checked config, with defaults', () => {
    const config = z.object({ size: z.number().default(3) });
    expect(prepareExtensions([loaded('a', { config })])[0]?.config).toEqual({ size: 3 });
  });

  it('reports the problems of all config sections at once, by path', () => {
    const config = z.strictObject({ size: z.number(), deep: z.object({ list: z.array(z.string()) }) });
    const section = { size: 'big', deep: { list: ['a', 2] } };
    expect(
      problemsOf(loaded('a', { config, section }), loaded('b', { config, section: { size: 1 } })),
    ).toEqual([
      expect.stringMatching(/^extensions\.a\.size: /),
      expect.stringMatching(/^extensions\.a\.deep\.list\.1: /),
      expect.stringMatching(/^extensions\.b\.deep: /),
    ]);
  });
});
