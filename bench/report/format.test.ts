import { describe, expect, it } from 'vitest';
import { mebibytes, milliseconds, rate, table } from './format.ts';

describe('figures', () => {
  it('show three digits and a dash for what is not known', () => {
    expect([12_345.6, 99.94, 1.5, Number.NaN].map(rate)).toEqual(['12,346', '99.9', '1.50', '-']);
    expect([0.1234, 12.34, 1234].map(milliseconds)).toEqual(['0.123', '12.3', '1,234']);
    expect([1_500_000, 500 * 2 ** 20, undefined].map(mebibytes)).toEqual(['1.4', '500', '-']);
  });
});

describe('table', () => {
  it('aligns the first column to the left and all others to the right', () => {
    expect(
      table([
        ['name', 'a'],
        ['x', '1,000'],
      ]),
    ).toBe('name      a\nx     1,000');
  });
});
