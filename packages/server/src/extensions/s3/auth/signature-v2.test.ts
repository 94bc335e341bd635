import { createHmac } from 'node:crypto';
import { requestHead, type TestHead } from '@zot-artifact-store/testkit/request-head.ts';
import { NOBODY_ELSE } from '@zot-artifact-store/testkit/s3-authentication.ts';
import { describe, expect, it } from 'vitest';
import type { Operation } from '../../../http/protocol.ts';
import { S3Error } from '../errors.ts';
import { parseQuery } from '../query.ts';
import { createS3Authenticator, type S3AuthenticatorDeps } from './authenticator.ts';
import { signedRequestOf } from './signed-request.ts';

const KEY = {
  accessKeyId: 'AKIAIOSFODNN7EXAMPLE',
  secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
};

async function authenticate(given: TestHead, changes: Partial<S3AuthenticatorDeps> = {}) {
  const head = requestHead(given);
  const { authenticate } = createS3Authenticator({
    root: { user: 'root', password: 'root-password' },
    keys: {
      find: async (accessKeyId) =>
        accessKeyId === KEY.accessKeyId ? { ...KEY, user: 'alice', createdAtMs: 0 } : undefined,
    },
    clock: { now: () => Date.UTC(2007, 2, 27, 19, 36, 42) },
    region: 'us-east-1',
    acceptAnyRegion: false,
    maxClockSkewSeconds: 86_400,
    signatureV2: 'all',
    domains: ['s3.amazonaws.com'],
    trustedProxies: [],
    ...NOBODY_ELSE,
    ...changes,
  });
  // What the authenticator uses of an operation.
  const operation = { name: 's3.GetObject', permissions: [], query: parseQuery(head.query) } as Operation;
  return { result: await authenticate(head, operation), signed: signedRequestOf(head) };
}

async function failure(head: TestHead, changes?: Partial<S3AuthenticatorDeps>): Promise<S3Error> {
  try {
    await authenticate(head, changes);
  } catch (error) {
    if (error instanceof S3Error) return error;
    throw error;
  }
  throw new Error('it was accepted');
}

const ALICE = { outcome: 'principal', principal: { name: 'alice', accessKeyId: KEY.accessKeyId } };
const authorization = (signature: string): string => `AWS ${KEY.accessKeyId}:${signature}`;

/** The examples of "Signing and authenticating REST requests". */
const EXAMPLES: readonly { name: string; head: TestHead }[] = [
  {
    name: 'object GET',
    head: {
      target: '/photos/puppy.jpg',
      headers: {
        Host: 'johnsmith.s3.amazonaws.com',
        Date: 'Tue, 27 Mar 2007 19:36:42 +0000',
        Authorization: authorization('bWq2s1WEIj+Ydj0vQ697zp+IXMU='),
      },
    },
  },
  {
    name: 'object PUT',
    head: {
      method: 'PUT',
      target: '/photos/puppy.jpg',
      headers: {
        'Content-Type': 'image/jpeg',
        'Content-Length': '94328',
        Host: 'johnsmith.s3.amazonaws.com',
        Date: 'Tue, 27 Mar 2007 21:15:45 +0000',
        Authorization: authorization('MyyxeRY7whkBe+bq8fHCL/2kKUg='),
      },
    },
  },
  {
    name: 'list',
    head: {
      target: '/?prefix=photos&max-keys=50&marker=puppy',
      headers: {
        'User-Agent': 'Mozilla/5.0',
        Host: 'johnsmith.s3.amazonaws.com',
        Date: 'Tue, 27 Mar 2007 19:42:41 +0000',
        Authorization: authorization('htDYFYduRNen8P9ZfE/s9SuKy0U='),
      },
    },
  },
  {
    name: 'fetch of an access control policy',
    head: {
      target: '/?acl',
      headers: {
        Host: 'johnsmith.s3.amazonaws.com',
        Date: 'Tue, 27 Mar 2007 19:44:46 +0000',
        Authorization: authorization('c2WLPFtWHVgbEmeEG93a4cG37dM='),
      },
    },
  },
  {
    name: 'upload with metadata',
    head: {
      method: 'PUT',
      target: '/static.johnsmith.net/db-backup.dat.gz',
      headers: [
        ['User-Agent', 'curl/7.15.5'],
        ['Host', 's3.amazonaws.com:8080'],
        ['Date', 'Tue, 27 Mar 2007 21:06:08 +0000'],
        ['x-amz-acl', 'public-read'],
        ['content-type', 'application/x-download'],
        ['Content-MD5', '4gJE4saaMU4BqNR0kLY+lw=='],
        ['X-Amz-Meta-ReviewedBy', 'joe@johnsmith.net'],
        ['X-Amz-Meta-ReviewedBy', 'jane@johnsmith.net'],
        ['X-Amz-Meta-FileChecksum', '0x02661779'],
        ['X-Amz-Meta-ChecksumAlgorithm', 'crc32'],
        ['Content-Disposition', 'attachment; filename=database.dat'],
        ['Content-Encoding', 'gzip'],
        ['Content-Length', '5913339'],
        ['Authorization', authorization('ilyl83RwaSoYIEdixDQcA4OnAnc=')],
      ],
    },
  },
  {
    name: 'list of all buckets',
    head: {
      target: '/',
      headers: {
        Host: 's3.amazonaws.com',
        Date: 'Wed, 28 Mar 2007 01:29:59 +0000',
        Authorization: authorization('qGdzdERIC03wnaRNKh6OqZehG9s='),
      },
    },
  },
  {
    name: 'unicode keys',
    head: {
      target: '/dictionary/fran%C3%A7ais/pr%c3%a9f%c3%a8re',
      headers: {
        Host: 's3.amazonaws.com',
        Date: 'Wed, 28 Mar 2007 01:49:49 +0000',
        Authorization: authorization('DNEZGsoieTZ92F3bUfSPQcbGmlM='),
      },
    },
  },
];

describe('the examples of the reference', () => {
  it.each(EXAMPLES)('accepts $name', async ({ head }) => {
    expect((await authenticate(head)).result).toMatchObject(ALICE);
  });

  it.each(EXAMPLES)('refuses $name for another object', async ({ head }) => {
    const altered = { ...head, target: head.target.replace('/', '/x') };
    expect(await failure(altered)).toMatchObject({ code: 'SignatureDoesNotMatch', status: 403 });
  });
});

const NOW_S = Date.UTC(2007, 2, 27, 19, 36, 42) / 1000;

/** Independent of the code under test: what botocore signs. */
function presign(lines: string, resource: string, expires: number | string = NOW_S + 60): string {
  const message = `${lines}\n${expires}\n${resource}`;
  const signature = createHmac('sha1', KEY.secretAccessKey).update(message).digest('base64');
  return `AWSAccessKeyId=${KEY.accessKeyId}&Signature=${encodeURIComponent(signature)}&Expires=${expires}`;
}

describe('a presigned URL', () => {
  const path = '/bucket/a%20b';
  const query = presign('GET\n\n', path);

  it('is accepted until it ends', async () => {
    const { result, signed } = await authenticate({ target: `${path}?${query}` }, { signatureV2: true });
    expect(result).toMatchObject(ALICE);
    expect(signed).toMatchObject({
      scheme: 'v2-query',
      signedAtMs: undefined,
      payload: { kind: 'unstated' },
    });
    const later = { clock: { now: () => (NOW_S + 60) * 1000 } };
    expect(await failure({ target: `${path}?${query}` }, later)).toMatchObject({
      code: 'AccessDenied',
      message: 'Request has expired',
      fields: { Expires: '2007-03-27T19:37:42Z', ServerTime: '2007-03-27T19:37:42Z' },
    });
  });

  it('may have the plus signs of its signature bare', async () => {
    let expires = NOW_S;
    let plain = '';
    // One in a few signatures has a plus sign.
    while (!plain.includes('+')) {
      expires += 1;
      plain = decodeURIComponent(presign('GET\n\n', path, expires));
    }
    expect((await authenticate({ target: `${path}?${plain}` })).result).toMatchObject(ALICE);
  });

  it('counts sub-resources and their decoded values, in order, and other parameters not', async () => {
    const signed = presign('GET\n\n', `${path}?response-content-type=text/plain&versionId=x`);
    const target = `${path}?versionId=x&${signed}&response-content-type=text%2Fplain&x-id=GetObject`;
    expect((await authenticate({ target })).result).toMatchObject(ALICE);
    const without = presign('GET\n\n', path);
    const retention = { target: `${path}?retention&${without}` };
    expect((await authenticate(retention)).result).toMatchObject(ALICE);
    const counted = { target: `${path}?retention=&${presign('GET\n\n', `${path}?retention`)}` };
    expect((await authenticate(counted)).result).toMatchObject(ALICE);
    expect((await failure({ target: `${path}?acl&${without}` })).code).toBe('SignatureDoesNotMatch');
  });

  it('may have signed a bucket with a slash that it did not send', async () => {
    const target = `/bucket?list-type=2&${presign('GET\n\n', '/bucket/')}`;
    expect((await authenticate({ target })).result).toMatchObject(ALICE);
    expect((await authenticate({ target: `/bucket?${presign('GET\n\n', '/bucket')}` })).result).toMatchObject(
      ALICE,
    );
  });

  it('may have taken its headers along in the query', async () => {
    const lines = 'PUT\n\ntext/plain';
    const signed = presign(lines, `x-amz-acl:private\nx-amz-meta-a:é\n${path}`);
    const target = `${path}?content-type=text%2Fplain&x-amz-acl=private&x-amz-meta-a=%C3%A9&${signed}`;
    expect((await authenticate({ method: 'PUT', target })).result).toMatchObject(ALICE);
    const sent = { 'x-amz-acl': 'private' };
    expect((await authenticate({ method: 'PUT', target, headers: sent })).result).toMatchObject(ALICE);
    const other = { method: 'PUT', target, headers: { 'x-amz-acl': 'public-read' } };
    expect((await failure(other)).code).toBe('SignatureDoesNotMatch');
  });

  it('cannot be given headers in its query that were not signed', async () => {
    const target = `${path}?${query}&x-amz-acl=public-read`;
    expect((await failure({ target })).code).toBe('SignatureDoesNotMatch');
  });

  it.each(['AWSAccessKeyId', 'Signature', 'Expires'])('needs its %s', async (name) => {
    const target = `${path}?${query.replace(`${name}=`, 'x=')}`;
    expect(await failure({ target })).toMatchObject({ code: 'AccessDenied', status: 403 });
  });

  it.each(['soon', '', '1e99', '-1000'])('does not end at "%s"', async (expires) => {
    expect(await failure({ target: `${path}?${presign('GET\n\n', path, expires)}` })).toMatchObject({
      code: 'AccessDenied',
      status: 403,
    });
  });

  it('is refused when version 2 is off', async () => {
    expect(await failure({ target: `${path}?${query}` }, { signatureV2: false })).toMatchObject({
      code: 'InvalidRequest',
      status: 400,
    });
  });
});

describe('the Authorization header', () => {
  const [{ head } = { head: { target: '/' } }] = EXAMPLES;

  it('is refused unless version 2 is on for headers too', async () => {
    expect((await failure(head, { signatureV2: true })).code).toBe('InvalidRequest');
    expect((await failure(head, { signatureV2: false })).code).toBe('InvalidRequest');
  });

  it('tells its date, which the clock is held against', async () => {
    expect((await authenticate(head)).signed).toMatchObject({
      scheme: 'v2-header',
      signedAtMs: NOW_S * 1000,
    });
    const later = { clock: { now: () => (NOW_S + 86_401) * 1000 } };
    expect((await failure(head, later)).code).toBe('RequestTimeTooSkewed');
  });

  it('has an empty line where x-amz-date replaces the date', async () => {
    const date = 'Tue, 27 Mar 2007 19:36:41 +0000';
    const message = `DELETE\n\n\n\nx-amz-date:${date}\n/bucket/key`;
    const signature = createHmac('sha1', KEY.secretAccessKey).update(message).digest('base64');
    const headers = { date: 'nonsense', 'x-amz-date': date, authorization: authorization(signature) };
    expect((await authenticate({ method: 'DELETE', target: '/bucket/key', headers })).result).toMatchObject(
      ALICE,
    );
  });

  it.each([
    ['AWS HAHAHA', 'InvalidArgument'],
    ['AWS', 'InvalidArgument'],
    ['AWS :signature', 'InvalidArgument'],
    ['AWS nobody:c2lnbmF0dXJl', 'InvalidAccessKeyId'],
  ])('"%s" is %s', async (text, code) => {
    const headers = { date: 'Tue, 27 Mar 2007 19:36:42 +0000', authorization: text };
    expect((await failure({ target: '/bucket', headers })).code).toBe(code);
  });

  it.each([
    ['Bad Date', 'AccessDenied'],
    ['', 'AccessDenied'],
    ['Tue, 07 Jul 2010 21:53:04 GMT', 'RequestTimeTooSkewed'],
    ['Tue, 07 Jul 1950 21:53:04 GMT', 'AccessDenied'],
    ['Tue, 07 Jul 9999 21:53:04 GMT', 'RequestTimeTooSkewed'],
  ])('with the date "%s" is %s', async (date, code) => {
    const headers = { 'x-amz-date': date, authorization: authorization('x') };
    expect(await failure({ target: '/bucket', headers })).toMatchObject({ code, status: 403 });
  });
});
