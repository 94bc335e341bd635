import { expect, it } from 'vitest';
import { warning } from './warning.ts';

it('writes a warning as the spec wants it', () => {
  expect(warning('This image is deprecated.')).toBe('299 - "This image is deprecated."');
});

it('cannot be made to end early or to hold what a header must not', () => {
  expect(warning('a "b" \\ c\r\nx: y ü')).toBe('299 - "a \\"b\\" \\\\ c??x: y ?"');
});

it('stays below 4096 bytes', () => {
  expect(warning('"'.repeat(10_000)).length).toBeLessThan(4096);
});
