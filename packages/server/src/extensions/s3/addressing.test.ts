import { requestHead } from '@zot-artifact-store/testkit/request-head.ts';
import { describe, expect, it } from 'vitest';
import { bucketsInHost } from './addressing.ts';

describe('the bucket in the Host', () => {
  const bucketOf = bucketsInHost({
    domains: ['example.com', 's3.example.com'],
    trustedProxies: ['10.0.0.0/8'],
  });
  const inHost = (host: string, forwarded?: string, remoteAddress = '10.1.2.3') =>
    bucketOf(
      requestHead({
        target: '/key',
        headers: { host, ...(forwarded !== undefined && { 'x-forwarded-host': forwarded }) },
        remoteAddress,
      }),
    );

  it.each([
    ['bucket.s3.example.com', 'bucket'],
    ['My.Bucket.S3.example.com:9000', 'my.bucket'],
    ['bucket.example.com', 'bucket'],
    ['s3.example.com', undefined],
    ['example.com', undefined],
    ['.example.com', undefined],
    ['badexample.com', undefined],
    ['localhost', undefined],
    ['[::1]:9000', undefined],
    ['', undefined],
  ])('%s is %s', (host, bucket) => {
    expect(inHost(host)).toBe(bucket);
  });

  it("may be in the Host that a trusted proxy was sent, and in nobody else's", () => {
    expect(inHost('backend:8080', 'bucket.s3.example.com')).toBe('bucket');
    expect(inHost('backend:8080', 'bucket.s3.example.com:443, inner')).toBe('bucket');
    expect(inHost('other.s3.example.com', 'bucket.s3.example.com')).toBe('other');
    expect(inHost('backend:8080', 'bucket.s3.example.com', '192.0.2.1')).toBeUndefined();
  });

  it('is never there without a domain of ours', () => {
    const none = bucketsInHost({ domains: [], trustedProxies: [] });
    expect(none(requestHead({ target: '/', headers: { host: 'a.b' } }))).toBeUndefined();
  });
});
