import { describe, expect, it } from 'vitest';
import { GlobProblem, parseGlob } from './glob.ts';

/** Facts of the doublestar patterns that zot uses: pattern, name, whether they match. */
const CASES: readonly (readonly [pattern: string, name: string, matches: boolean])[] = [
  ['**', 'a', true],
  ['**', 'a/b/c', true],
  ['*', 'a', true],
  ['*', 'a/b', false],
  ['a/**', 'a', true],
  ['a/**', 'a/b', true],
  ['a/**', 'a/b/c', true],
  ['a/**', 'ab', false],
  ['a/**', 'ab/c', false],
  ['a/*', 'a', false],
  ['a/*', 'a/b', true],
  ['a/*', 'a/b/c', false],
  ['**/c', 'c', true],
  ['**/c', 'a/b/c', true],
  ['**/c', 'abc', false],
  ['a/**/c', 'a/c', true],
  ['a/**/c', 'a/x/y/c', true],
  ['a/**/c', 'a/xc', false],
  ['a/**/**/c', 'a/c', true],
  ['a**', 'abc', true],
  ['a**', 'a/b', false],
  ['**a', 'b/a', false],
  ['team-*/app', 'team-a/app', true],
  ['team-*/app', 'team-a/b/app', false],
  ['infra/*/prod', 'infra/x/prod', true],
  ['a?c', 'abc', true],
  ['a?c', 'a/c', false],
  ['[a-c]x', 'bx', true],
  ['[a-c]x', 'dx', false],
  ['[^a-c]x', 'dx', true],
  ['[!a-c]x', 'ax', false],
  ['a[^b]c', 'a/c', false],
  ['[-x]', '-', true],
  ['{a,b/c}/d', 'b/c/d', true],
  ['{a,b/c}/d', 'b/d', false],
  ['{a,}b', 'b', true],
  ['x{a,{b,c}}', 'xc', true],
  ['{tools,infra}/**', 'infra/a/b', true],
  ['a\\*', 'a*', true],
  ['a\\*', 'ab', false],
  ['', '', true],
  ['', 'a', false],
];

describe('patterns of repository names', () => {
  it.each(CASES)('%j and %j: %j', (pattern, name, matches) => {
    expect(parseGlob(pattern).matches(name)).toBe(matches);
  });

  it.each(['[a', '[', '[^', '{a,b', 'a\\', '[]a]', 'x'.repeat(1025)])(
    'refuses %j, which means nothing',
    (pattern) => {
      expect(() => parseGlob(pattern)).toThrow(GlobProblem);
    },
  );

  it('looks at each character once, however many stars there are', () => {
    let asked = 0;
    const text = 'a'.repeat(250);
    const counted = {
      *[Symbol.iterator]() {
        for (const char of text) {
          asked += 1;
          yield char;
        }
      },
    };
    const glob = parseGlob(`${'*a'.repeat(200)}b`);
    expect(glob.matches(counted as unknown as string)).toBe(false);
    expect(asked).toBeLessThanOrEqual(text.length);
  });
});
