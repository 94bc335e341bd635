import { makeDigest } from '@zot-artifact-store/spec';
import { describe, expect, it } from 'vitest';
import {
  newStagedId,
  objectName,
  parseObjectName,
  parseStagedId,
  tryParseObjectName,
} from './object-name.ts';

const HEX = 'ab'.repeat(32);

describe('object names', () => {
  it('hold the digest and a generation, and give both back', () => {
    const digest = makeDigest('sha256', HEX);
    const name = objectName(digest, '0123456789abcdef');
    expect(name).toBe(`sha256/ab/${HEX}.0123456789abcdef`);
    expect(parseObjectName(name)).toEqual({ name, digest, generation: '0123456789abcdef' });
    const long = objectName(makeDigest('sha512', 'cd'.repeat(64)));
    expect(parseObjectName(long).digest).toBe(`sha512:${'cd'.repeat(64)}`);
  });

  it('are never the same twice', () => {
    const digest = makeDigest('sha256', HEX);
    expect(objectName(digest)).not.toBe(objectName(digest));
  });

  it.each([
    '',
    `sha256/ab/${HEX}`,
    `sha256/cd/${HEX}.0123456789abcdef`,
    `sha512/ab/${HEX}.0123456789abcdef`,
    `sha256/ab/${HEX}.0123456789ABCDEF`,
    `sha256/ab/${HEX}.0123456789abcdef\n`,
    `sha256/ab/../${HEX}.0123456789abcdef`,
    `sha256/ab/${HEX}ab.0123456789abcdef`,
  ])('refuse %j', (text) => {
    expect(tryParseObjectName(text)).toBeUndefined();
    expect(() => parseObjectName(text)).toThrow(expect.objectContaining({ kind: 'argument-invalid' }));
  });

  it('refuse a generation of another form', () => {
    expect(() => objectName(makeDigest('sha256', HEX), '../../../../etc1')).toThrow('generation');
  });
});

describe('staged ids', () => {
  it('are new each time and parse', () => {
    const id = newStagedId();
    expect(parseStagedId(id)).toBe(id);
    expect(newStagedId()).not.toBe(id);
  });

  it.each(['', '.', '..', 'a/b', 'a\0', 'a\n', 'x'.repeat(65)])('refuse %j', (text) => {
    expect(() => parseStagedId(text)).toThrow(expect.objectContaining({ kind: 'argument-invalid' }));
  });
});
