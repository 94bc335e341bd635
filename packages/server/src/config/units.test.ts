import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatDuration, formatSize, parseDuration, parseSize } from './units.ts';

describe('parseDuration', () => {
  it.each([
    ['90s', 90_000],
    ['1h30m', 5_400_000],
    ['24h', 86_400_000],
    ['1.5h', 5_400_000],
    ['.5s', 500],
    ['250ms', 250],
    ['0', 0],
    [0, 0],
    ['+2m', 120_000],
    ['1500us', 2],
    ['1ns', 1],
  ])('reads %s as Go does, in whole milliseconds rounded up', (text, ms) => {
    expect(parseDuration(text)).toEqual({ ok: true, value: ms });
  });

  it.each([30, '30', '3600000000000', '-5'])(
    'refuses %s, a number without a unit, and says how to write it',
    (text) => {
      expect(parseDuration(text)).toMatchObject({ ok: false, why: expect.stringContaining('has no unit') });
    },
  );

  it.each(['', 's', '1d', '1h 30m', '1h30', 'h1', '1..5s', '-1s', '1e3s', '9'.repeat(500)])(
    'refuses "%s"',
    (text) => {
      expect(parseDuration(text).ok).toBe(false);
    },
  );

  it('refuses a duration no timer can hold', () => {
    expect(parseDuration('999999999h')).toMatchObject({
      ok: false,
      why: expect.stringContaining('too long'),
    });
  });

  it('reads back what formatDuration writes', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1e12 }), (ms) => {
        expect(parseDuration(formatDuration(ms))).toEqual({ ok: true, value: ms });
      }),
    );
  });
});

describe('parseSize', () => {
  it.each([
    ['64MiB', 67_108_864],
    ['10MB', 10_000_000],
    ['1.5 GiB', 1_610_612_736],
    ['512', 512],
    [512, 512],
    ['7b', 7],
  ])('reads %s', (text, bytes) => {
    expect(parseSize(text)).toEqual({ ok: true, value: bytes });
  });

  it.each(['', 'many', '-1', '1.5', '10 XB', 'MiB', '99999999TiB', '1e9'])('refuses "%s"', (text) => {
    expect(parseSize(text).ok).toBe(false);
  });

  it('reads back what formatSize writes', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), (bytes) => {
        expect(parseSize(formatSize(bytes))).toEqual({ ok: true, value: bytes });
      }),
    );
  });
});
