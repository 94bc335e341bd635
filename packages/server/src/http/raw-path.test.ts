import { isStoreError } from '@zot-artifact-store/spec';
import { expect, it } from 'vitest';
import { decodeName } from './raw-path.ts';

it('decodes what was encoded without need', () => {
  expect(decodeName('lib/al%70ine')).toBe('lib/alpine');
  expect(decodeName('a%3Ab')).toBe('a:b');
  expect(decodeName('plain')).toBe('plain');
});

it.each(['a%2fb', 'a%2Fb/c', 'a%5cb', 'a%00b', 'a%0ab', 'a%7f', 'a%', 'a%g0', '%ff'])('refuses %s', (raw) => {
  expect(() => decodeName(raw)).toThrow(expect.toSatisfy((error) => isStoreError(error, 'name-invalid')));
});

it('fails with the kind it is given', () => {
  expect(() => decodeName('a%2fb', 'tag-invalid')).toThrow(
    expect.toSatisfy((error) => isStoreError(error, 'tag-invalid')),
  );
});
