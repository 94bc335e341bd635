import { describe, expect, it } from 'vitest';
import { median, percentile } from './statistics.ts';

describe('percentile', () => {
  it('is a number that occurs, by the nearest rank', () => {
    const ascending = Array.from({ length: 200 }, (_, index) => index + 1);
    expect([1, 50, 99, 100].map((percent) => percentile(ascending, percent))).toEqual([2, 100, 198, 200]);
    expect(percentile([7], 99)).toBe(7);
    expect(percentile([], 50)).toBeNaN();
  });
});

describe('median', () => {
  it('is the middle one, or the mean of the middle two', () => {
    expect(median([3, 1, 2])).toBe(2);
    expect(median([4, 1, 3, 2])).toBe(2.5);
    expect(median([5])).toBe(5);
    expect(median([])).toBeNaN();
  });
});
