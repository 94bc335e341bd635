import { expect, it } from 'vitest';
import { claimedName } from './claimed-name.ts';
import type { RequestHead } from './protocol.ts';

function named(authorization: string | undefined, query = ''): string | undefined {
  const headers = authorization === undefined ? {} : { authorization };
  const head: Omit<RequestHead, 'id' | 'query' | 'headers'> = {
    method: 'GET',
    target: '/',
    path: '/',
    rawHeaders: [],
    remoteAddress: '',
  };
  return claimedName({ id: 'r', ...head, query, headers });
}
const basic = (text: string): string => `Basic ${Buffer.from(text).toString('base64')}`;

it.each<[what: string, name: string | undefined, authorization: string | undefined, query?: string]>([
  ['the user of Basic', 'alice', basic('alice:secret')],
  ['nobody in what has no colon, which may be a password', undefined, basic('secret')],
  ['nobody in a token', undefined, 'Bearer abc'],
  [
    'the access key of a signature',
    'AKID',
    'AWS4-HMAC-SHA256 Credential=AKID/20250101/us-east-1/s3/aws4_request, X=y',
  ],
  ['the access key of an old signature', 'AKID', 'AWS AKID:c2ln'],
  ['the access key of a signed URL', 'AKID', undefined, 'a=b&X-Amz-Credential=AKID%2F20250101'],
  ['the access key of an old signed URL', 'AKID', undefined, 'AWSAccessKeyId=AKID&Signature=x'],
  ['nobody without credentials', undefined, undefined],
])('finds %s', (_what, name, authorization, query) => {
  expect(named(authorization, query)).toBe(name);
});
