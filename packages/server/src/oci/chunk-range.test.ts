import { isStoreError } from '@zot-artifact-store/spec';
import { describe, expect, it } from 'vitest';
import { parseChunkRange } from './chunk-range.ts';

function parse(contentRange: string | undefined, declaredBytes: number | undefined) {
  const body = {
    declaredBytes,
    collect: () => Promise.reject(new Error('not read')),
    [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(new Error('not read')) }),
  };
  const head = {
    id: 'r',
    method: 'PATCH',
    target: '/',
    path: '/',
    query: '',
    headers: { 'content-range': contentRange },
    rawHeaders: [],
    remoteAddress: '',
  };
  return parseChunkRange({ head, body });
}

describe('the range of a chunk', () => {
  it.each([
    ['0-0', 1, { at: 0, lengthBytes: 1 }],
    ['512-1023', 512, { at: 512, lengthBytes: 512 }],
    ['512-1023', undefined, { at: 512, lengthBytes: 512 }],
    ['bytes 0-9/10', 10, { at: 0, lengthBytes: 10 }],
    ['bytes 0-9/*', 10, { at: 0, lengthBytes: 10 }],
    [undefined, 7, { lengthBytes: 7 }],
    [undefined, undefined, {}],
  ])('of Content-Range %s with %s bytes is %j', (header, declared, range) => {
    expect(parse(header, declared)).toEqual(range);
  });

  it.each([
    ['', 1],
    ['0', 1],
    ['-1', 1],
    ['5-4', 0],
    ['0-9', 9],
    ['0-9, 10-19', 20],
    [' 0-9', 10],
    ['0-9/10x', 10],
    ['1e1-19', 9],
    [`0-${'9'.repeat(400)}`, 1],
  ])('is refused when it is "%s" for %s bytes', (header, declared) => {
    let thrown: unknown;
    try {
      parse(header, declared);
    } catch (error) {
      thrown = error;
    }
    expect(isStoreError(thrown, 'upload-out-of-order')).toBe(true);
  });
});
