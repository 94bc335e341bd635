import { describe, expect, it } from 'vitest';
import { s3Section } from './config.ts';

function problemsOf(section: Readonly<Record<string, unknown>>): Record<string, string> {
  const issues = s3Section.safeParse(section).error?.issues ?? [];
  return Object.fromEntries(issues.map(({ path, message }) => [path.join('.'), message]));
}

describe('the section extensions.s3', () => {
  it('has defaults for everything, as AWS has them', () => {
    expect(s3Section.parse({})).toEqual({
      enable: true,
      region: 'us-east-1',
      acceptAnyRegion: false,
      domains: [],
      trustedProxies: [],
      signatureV2: true,
      maxClockSkewSeconds: 900,
      lifecycleDaySeconds: 86_400,
      minPartBytes: 5 * 1024 * 1024,
      defaultOwnership: 'BucketOwnerEnforced',
      kmsKeys: {},
      customerKeysOverHttp: false,
    });
  });

  it('gives the same when what it gives is parsed again', () => {
    const parsed = s3Section.parse({
      region: 'eu-west-3',
      domains: ['S3.Example.COM', 'localhost'],
      publicUrl: 'https://S3.example.com:443/storage/',
      trustedProxies: ['10.0.0.0/8', '127.0.0.1', '::1', 'fd00::/8'],
      signatureV2: 'false',
      maxClockSkewSeconds: '60',
      lifecycleDaySeconds: 2,
      minPartBytes: '1MiB',
    });
    expect(parsed).toMatchObject({
      domains: ['s3.example.com', 'localhost'],
      publicUrl: 'https://s3.example.com/storage',
      signatureV2: false,
      maxClockSkewSeconds: 60,
      minPartBytes: 1_048_576,
    });
    expect(s3Section.parse(JSON.parse(JSON.stringify(parsed)))).toEqual(parsed);
  });

  it.each([
    ['region', ['', 'us/east', ' eu', 'a'.repeat(64), 1]],
    [
      'publicUrl',
      ['s3.example.com', 'ftp://s3.example.com', 'https://a/b#c', 'https://a/?b', 'https://u:p@a/'],
    ],
    ['maxClockSkewSeconds', [0, -1, 1.5, 86_401, '15m']],
    ['lifecycleDaySeconds', [0, 86_401]],
    ['minPartBytes', [0, '6GiB', '5 parts']],
    ['signatureV2', ['yes', 1, 'All']],
  ])('refuses a %s that cannot work', (key, values) => {
    for (const value of values) expect(Object.keys(problemsOf({ [key]: value }))).toEqual([key]);
  });

  it.each([
    ['domains', ['*.example.com', '.example.com', 'a_b', 'example.com:9000', '127.0.0.1', '']],
    ['trustedProxies', ['10.0.0.0/33', '10.0.0/8', 'proxy', '::1/129', 'fe80::1%eth0', '10.0.0.0/8/8', '/8']],
  ])('refuses %s that cannot be one, and names which', (key, values) => {
    for (const value of values) expect(Object.keys(problemsOf({ [key]: [value] }))).toEqual([`${key}.0`]);
  });
});
