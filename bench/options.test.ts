import { describe, expect, it } from 'vitest';
import { parseOptions } from './options.ts';

describe('parseOptions', () => {
  it('measures against the default peer in three rounds', () => {
    expect(parseOptions([], {})).toMatchObject({
      peer: { kind: 'default' },
      rounds: 3,
      filters: [],
      scale: [],
    });
    expect(parseOptions(['--quick'], {})).toMatchObject({ rounds: 1, scaleCount: 20_000 });
  });

  it('takes one peer and several filters', () => {
    const options = parseOptions(['--peer-binary', '/x/zot', '--filter', 'Pull', '--filter', 'Push'], {});
    expect(options).toMatchObject({ peer: { kind: 'binary', path: '/x/zot' }, filters: ['Pull', 'Push'] });
    expect(() => parseOptions(['--no-peer', '--peer-url', 'http://h:1'], {})).toThrow('give one of');
  });

  it('measures over S3 without a peer unless one is named, and takes the keys of one at a URL', () => {
    expect(parseOptions(['--s3'], {})).toMatchObject({ s3: true, peer: { kind: 'none' } });
    const env = { AWS_ACCESS_KEY_ID: 'key', AWS_SECRET_ACCESS_KEY: 'secret' };
    expect(parseOptions(['--s3', '--peer-url', 'http://h:1'], env).access).toEqual({
      accessKeyId: 'key',
      secretAccessKey: 'secret',
      region: 'us-east-1',
    });
    expect(() => parseOptions(['--s3', '--peer-url', 'http://h:1'], {})).toThrow('AWS_ACCESS_KEY_ID');
  });

  it('refuses numbers out of bounds and options there are none of', () => {
    expect(() => parseOptions(['--rounds', '0'], {})).toThrow('--rounds takes a whole number from 1 to 50');
    expect(() => parseOptions(['--workers', 'two'], {})).toThrow('--workers');
    expect(() => parseOptions(['--fast'], {})).toThrow('--fast');
  });
});
