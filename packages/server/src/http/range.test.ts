import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ByteRange, contentRange, MAX_RANGES, parseRange, unsatisfiedRange } from './range.ts';

function ranges(...pairs: [number, number][]): unknown {
  return { kind: 'ranges', ranges: pairs.map(([start, end]) => ({ start, end })) };
}

describe('parseRange', () => {
  it.each([
    ['bytes=500-1499', ranges([500, 1499])],
    ['bytes=500-', ranges([500, 2999])],
    ['bytes=-500', ranges([2500, 2999])],
    ['bytes=-5000', ranges([0, 2999])],
    ['bytes=2000-5000', ranges([2000, 2999])],
    ['Bytes=0-0', ranges([0, 0])],
    ['bytes= 0-1 ,\t5-6', ranges([0, 1], [5, 6])],
    ['bytes=,0-1,,', ranges([0, 1])],
    ['bytes=0-99999999999999999999999999', ranges([0, 2999])],
  ])('reads %s of 3000 bytes', (header, expected) => {
    expect(parseRange(header, 3000)).toEqual(expected);
  });

  it.each([
    'bytes=500-0',
    'bytes=3000-4000',
    'bytes=99999999999999999999999999-',
    'bytes=-0',
    'bytes=',
    'bytes=,',
    'bytes=abc',
    'bytes=1-2-3',
    'bytes=-',
    'bytes=1.5-2',
    'bytes=+1-2',
    'bytes=0x1-2',
    'bytes=0-1,bytes=2-3',
    'bytes=0-1,9-3',
  ])('finds %s unsatisfiable', (header) => {
    expect(parseRange(header, 3000)).toEqual({ kind: 'unsatisfiable' });
  });

  it('ignores a missing header and units it does not know', () => {
    expect(parseRange(undefined, 10)).toEqual({ kind: 'none' });
    expect(parseRange('items=0-1', 10)).toEqual({ kind: 'none' });
    expect(parseRange('bytes 0-1', 10)).toEqual({ kind: 'none' });
  });

  it('satisfies nothing of an empty representation', () => {
    expect(parseRange('bytes=0-', 0)).toEqual({ kind: 'unsatisfiable' });
    expect(parseRange('bytes=-1', 0)).toEqual({ kind: 'unsatisfiable' });
  });

  it('leaves out ranges beyond the end while one lies inside', () => {
    expect(parseRange('bytes=50-60,0-1', 10)).toEqual(ranges([0, 1]));
  });

  it('merges ranges that overlap or touch, into the place of the first', () => {
    expect(parseRange('bytes=20-29,0-4,10-19', 100)).toEqual(ranges([10, 29], [0, 4]));
    expect(parseRange('bytes=0-9,20-29,5-24', 100)).toEqual(ranges([0, 29]));
    expect(parseRange('bytes=5-6,0-1', 100)).toEqual(ranges([5, 6], [0, 1]));
  });

  it(`refuses more than ${MAX_RANGES} ranges`, () => {
    const list = (n: number): string => Array.from({ length: n }, (_, i) => `${i * 10}-${i * 10}`).join(',');
    expect(parseRange(`bytes=${list(MAX_RANGES)}`, 10_000).kind).toBe('ranges');
    expect(parseRange(`bytes=${list(MAX_RANGES + 1)}`, 10_000)).toEqual({ kind: 'unsatisfiable' });
  });

  it('gives ranges inside the representation that cover exactly what was asked', () => {
    const pair = fc
      .tuple(fc.nat(60), fc.nat(60))
      .map(([a, b]): [number, number] => [Math.min(a, b), Math.max(a, b)]);
    fc.assert(
      fc.property(fc.array(pair, { minLength: 1, maxLength: MAX_RANGES }), fc.nat(50), (pairs, sizeBytes) => {
        const asked = new Set<number>();
        for (const [from, to] of pairs) for (let i = from; i <= to && i < sizeBytes; i++) asked.add(i);
        const result = parseRange(`bytes=${pairs.map(([a, b]) => `${a}-${b}`).join(',')}`, sizeBytes);
        const given: number[] = [];
        const list: readonly ByteRange[] = result.kind === 'ranges' ? result.ranges : [];
        for (const { start, end } of list) for (let i = start; i <= end; i++) given.push(i);
        expect(given.toSorted((a, b) => a - b)).toEqual([...asked].toSorted((a, b) => a - b));
      }),
    );
  });
});

it('spells Content-Range', () => {
  expect(contentRange({ start: 0, end: 9 }, 100)).toBe('bytes 0-9/100');
  expect(unsatisfiedRange(100)).toBe('bytes */100');
});
