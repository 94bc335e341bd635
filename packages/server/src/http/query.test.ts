import { isStoreError } from '@zot-artifact-store/spec';
import { describe, expect, it } from 'vitest';
import { allValues, firstValue, parseQuery } from './query.ts';

const isArgumentInvalid = expect.toSatisfy((error) => isStoreError(error, 'argument-invalid'));

describe('parseQuery', () => {
  it('keeps order and repetition, and decodes names and values', () => {
    expect(parseQuery('tag=a&tag=b&x%2Fy=%C3%A9&empty=&bare&&eq=a=b')).toEqual([
      ['tag', 'a'],
      ['tag', 'b'],
      ['x/y', 'é'],
      ['empty', ''],
      ['bare', ''],
      ['eq', 'a=b'],
    ]);
    expect(parseQuery('')).toEqual([]);
  });

  it('reads a plus as a space, or as itself where asked', () => {
    expect(parseQuery('a=b+c%2B')).toEqual([['a', 'b c+']]);
    expect(parseQuery('a=b+c%2B', { plus: 'literal' })).toEqual([['a', 'b+c+']]);
  });

  it.each(['a=%', 'a=%2', 'a=%zz', '%ff=1', 'a=%c3%28'])('refuses the broken encoding %s', (raw) => {
    expect(() => parseQuery(raw)).toThrow(isArgumentInvalid);
  });

  it('refuses more pairs than allowed', () => {
    expect(parseQuery('a&'.repeat(100))).toHaveLength(100);
    expect(() => parseQuery('a&'.repeat(101))).toThrow(isArgumentInvalid);
    expect(() => parseQuery('a&b&c', { maxPairs: 2 })).toThrow(isArgumentInvalid);
  });

  it('treats the names of object properties as any other', () => {
    const pairs = parseQuery('__proto__=1&constructor=2');
    expect(firstValue(pairs, '__proto__')).toBe('1');
    expect(firstValue(pairs, 'toString')).toBeUndefined();
  });
});

it('finds first and all values', () => {
  const pairs = parseQuery('tag=a&n=1&tag=b');
  expect(firstValue(pairs, 'tag')).toBe('a');
  expect(allValues(pairs, 'tag')).toEqual(['a', 'b']);
  expect(allValues(pairs, 'none')).toEqual([]);
});
