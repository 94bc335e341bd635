import { requestHead, type TestHead } from '@zot-artifact-store/testkit/request-head.ts';
import {
  ALICE,
  AT,
  authenticate,
  deps,
  failure,
  KEY,
  operation,
  presigned,
  type SignedHead,
  signed,
} from '@zot-artifact-store/testkit/s3-authentication.ts';
import { EMPTY_SHA256 } from '@zot-artifact-store/testkit/s3-signer.ts';
import { describe, expect, it } from 'vitest';
import { S3Error } from '../errors.ts';
import { createS3Authenticator, type S3AuthenticatorDeps } from './authenticator.ts';
import { RootGuesses } from './root-guesses.ts';
import { signedRequestOf } from './signed-request.ts';

function authorization(
  signedHeaders: string,
  signature: string,
  scope = '20130524/us-east-1/s3/aws4_request',
): string {
  return `AWS4-HMAC-SHA256 Credential=${KEY.accessKeyId}/${scope},SignedHeaders=${signedHeaders},Signature=${signature}`;
}

/** The examples of "Signature calculations for the Authorization header: transferring payload in a single chunk". */
const EXAMPLES: readonly { name: string; head: TestHead }[] = [
  {
    name: 'GET Object',
    head: {
      target: '/test.txt',
      headers: {
        Host: 'examplebucket.s3.amazonaws.com',
        Range: 'bytes=0-9',
        'x-amz-content-sha256': EMPTY_SHA256,
        'x-amz-date': '20130524T000000Z',
        Authorization: authorization(
          'host;range;x-amz-content-sha256;x-amz-date',
          'f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41',
        ),
      },
    },
  },
  {
    name: 'PUT Object',
    head: {
      method: 'PUT',
      target: '/test$file.text',
      headers: {
        Host: 'examplebucket.s3.amazonaws.com',
        Date: 'Fri, 24 May 2013 00:00:00 GMT',
        'x-amz-content-sha256': '44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072',
        'x-amz-date': '20130524T000000Z',
        'x-amz-storage-class': 'REDUCED_REDUNDANCY',
        Authorization: authorization(
          'date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class',
          '98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd',
        ),
      },
    },
  },
  {
    name: 'GET Bucket Lifecycle',
    head: {
      target: '/?lifecycle',
      headers: {
        Host: 'examplebucket.s3.amazonaws.com',
        'x-amz-content-sha256': EMPTY_SHA256,
        'x-amz-date': '20130524T000000Z',
        Authorization: authorization(
          'host;x-amz-content-sha256;x-amz-date',
          'fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543',
        ),
      },
    },
  },
  {
    name: 'List Objects',
    head: {
      target: '/?max-keys=2&prefix=J',
      headers: {
        Host: 'examplebucket.s3.amazonaws.com',
        'x-amz-content-sha256': EMPTY_SHA256,
        'x-amz-date': '20130524T000000Z',
        Authorization: authorization(
          'host;x-amz-content-sha256;x-amz-date',
          '34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7',
        ),
      },
    },
  },
  {
    name: 'presigned URL',
    head: {
      target:
        '/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404',
      headers: { Host: 'examplebucket.s3.amazonaws.com' },
    },
  },
];

describe('the examples of the reference', () => {
  it.each(EXAMPLES)('accepts $name', async ({ head }) => {
    expect(await authenticate(requestHead(head))).toEqual(ALICE);
  });

  it.each(EXAMPLES)('refuses $name when one byte of its path differs', async ({ head }) => {
    const altered = requestHead({ ...head, target: head.target.replace('/', '/x') });
    expect((await failure(altered)).code).toBe('SignatureDoesNotMatch');
  });
});

const HOUR_MS = 3_600_000;
const at = (ms: number): Partial<S3AuthenticatorDeps> => ({ clock: { now: () => AT.getTime() + ms } });

describe('requests of the JavaScript SDK', () => {
  it.each([
    '/bucket/key',
    '/bucket/a//b/../c/%2e%2E/./d',
    '/bucket/%E2%82%AC%20%25%2B',
    '/bucket/~tilde',
    '/bucket?list-type=2&prefix=a%2Fb&delimiter=%2F&x=&x=1',
    '/bucket?uploads=',
    '/',
  ])('are accepted for %s', async (target) => {
    expect(await authenticate(requestHead(await signed(target)))).toEqual(ALICE);
    const url = await presigned(target);
    expect(await authenticate(requestHead(url))).toEqual(ALICE);
  });

  it('leave what they signed to the operation', async () => {
    const head = requestHead(await signed('/bucket/key', { payloadHash: 'UNSIGNED-PAYLOAD' }));
    await authenticate(head);
    expect(signedRequestOf(head)).toMatchObject({
      accessKeyId: KEY.accessKeyId,
      user: 'alice',
      scheme: 'v4-header',
      signedAtMs: AT.getTime(),
      payload: { kind: 'unsigned' },
    });
  });

  it('may carry headers that are not signed, unless they are x-amz- headers', async () => {
    const request = await signed('/bucket/key', { method: 'PUT' });
    const typed = {
      ...request,
      headers: { ...request.headers, 'content-type': 'text/plain', 'x-amz-cf-id': 'abc' },
    };
    expect(await authenticate(requestHead(typed))).toEqual(ALICE);
    const extended = { ...request, headers: { ...request.headers, 'X-Amz-Acl': 'public-read' } };
    expect(await failure(requestHead(extended))).toMatchObject({
      code: 'AccessDenied',
      fields: { HeadersNotSigned: 'x-amz-acl' },
    });
    const url = await presigned('/bucket/key');
    const withHeader = { ...url, headers: { ...url.headers, 'x-amz-meta-a': '1' } };
    expect((await failure(requestHead(withHeader))).code).toBe('AccessDenied');
  });

  it('are refused when the Host is not signed', async () => {
    const { headers, ...request } = await signed('/bucket/key');
    const unsigned = { ...headers, authorization: (headers.authorization ?? '').replace('=host;', '=') };
    expect(await failure(requestHead({ ...request, headers: unsigned }))).toMatchObject({
      code: 'AccessDenied',
      fields: { HeadersNotSigned: 'host' },
    });
  });

  it('may repeat headers and have runs of spaces in them', async () => {
    const request = await signed('/bucket/key', { headers: { 'x-amz-meta-a': 'one  two,three' } });
    const { 'x-amz-meta-a': _, ...headers } = request.headers;
    const repeated: [string, string][] = [
      ...Object.entries(headers),
      ['X-Amz-Meta-A', ' one    two '],
      ['x-amz-meta-a', 'three'],
    ];
    expect(await authenticate(requestHead({ ...request, headers: repeated }))).toEqual(ALICE);
  });

  it('may have signed UTF-8 that was sent as latin1', async () => {
    const request = await signed('/bucket/key', { headers: { 'x-amz-meta-a': 'é' } });
    expect(await authenticate(requestHead(request))).toEqual(ALICE);
    const asUtf8 = { ...request.headers, 'x-amz-meta-a': Buffer.from('é').toString('latin1') };
    expect(await authenticate(requestHead({ ...request, headers: asUtf8 }))).toEqual(ALICE);
  });
});

describe('the clock', () => {
  it('may differ by fifteen minutes and no more', async () => {
    const head = requestHead(await signed('/bucket/key'));
    expect(await authenticate(head, at(900_000))).toEqual(ALICE);
    expect(await authenticate(head, at(-900_000))).toEqual(ALICE);
    expect(await failure(head, at(900_001))).toMatchObject({
      code: 'RequestTimeTooSkewed',
      status: 403,
      fields: {
        RequestTime: '20130524T000000Z',
        ServerTime: '2013-05-24T00:15:00Z',
        MaxAllowedSkewMilliseconds: '900000',
      },
    });
    expect((await failure(head, at(-900_001))).code).toBe('RequestTimeTooSkewed');
  });

  it.each(['', 'yesterday', '20131399T000000Z', 'Tue, 07 Jul 1950 21:53:04 GMT'])(
    'cannot be read from "%s"',
    async (date) => {
      const request = await signed('/bucket/key');
      const head = requestHead({ ...request, headers: { ...request.headers, 'x-amz-date': date } });
      expect(await failure(head)).toMatchObject({ code: 'AccessDenied', status: 403 });
    },
  );

  it('ends presigned URLs when they say', async () => {
    const head = requestHead(await presigned('/bucket/key', { expiresIn: 3600 }));
    expect(await authenticate(head, at(HOUR_MS - 1))).toEqual(ALICE);
    expect(await failure(head, at(HOUR_MS))).toMatchObject({
      code: 'AccessDenied',
      message: 'Request has expired',
      fields: {
        'X-Amz-Expires': '3600',
        Expires: '2013-05-24T01:00:00Z',
        ServerTime: '2013-05-24T01:00:00Z',
      },
    });
    expect((await failure(head, at(-900_001))).message).toBe('Request is not valid yet');
    expect((await failure(requestHead(await presigned('/bucket/key', { expiresIn: 0 })))).code).toBe(
      'AccessDenied',
    );
  });

  it.each([
    ['604801', 403],
    ['-7', 403],
    ['soon', 400],
    ['', 400],
    ['1e3', 400],
  ])('does not know the lifetime "%s"', async (expires, status) => {
    const { target, ...rest } = await presigned('/bucket/key');
    const head = requestHead({
      ...rest,
      target: target.replace('X-Amz-Expires=3600', `X-Amz-Expires=${expires}`),
    });
    expect(await failure(head)).toMatchObject({ code: 'AuthorizationQueryParametersError', status });
  });
});

describe('regions', () => {
  it('are ours, us-east-1, or any when that is allowed', async () => {
    const ours = requestHead(await signed('/bucket/key', { region: 'eu-west-1' }));
    expect(await authenticate(ours, { region: 'eu-west-1' })).toEqual(ALICE);
    const fallback = requestHead(await signed('/bucket/key'));
    expect(await authenticate(fallback, { region: 'eu-west-1' })).toEqual(ALICE);
    expect(await authenticate(ours, { acceptAnyRegion: true })).toEqual(ALICE);
  });

  it('tell the right one when they are wrong, so that clients try again with it', async () => {
    const head = requestHead(await signed('/bucket/key', { region: 'eu-west-1' }));
    expect(await failure(head)).toMatchObject({
      code: 'AuthorizationHeaderMalformed',
      status: 400,
      fields: { Region: 'us-east-1' },
    });
    const url = await presigned('/bucket/key');
    const elsewhere = requestHead({ ...url, target: url.target.replace('us-east-1', 'eu-west-1') });
    expect(await failure(elsewhere)).toMatchObject({
      code: 'AuthorizationQueryParametersError',
      fields: { Region: 'us-east-1' },
    });
  });
});

describe('credentials', () => {
  it('of root are its name and password', async () => {
    const key = { accessKeyId: 'root', secretAccessKey: 'root-password' };
    expect(await authenticate(requestHead(await signed('/bucket/key', { key })))).toMatchObject({
      principal: { name: 'root', isRoot: true, via: 'access-key', accessKeyId: 'root' },
    });
    const wrong = { ...key, secretAccessKey: 'root-passwort' };
    const head = requestHead(await signed('/bucket/key', { key: wrong }));
    expect((await failure(head)).code).toBe('SignatureDoesNotMatch');
  });

  it('of root cannot be guessed fast from one address, and a right one ends the pause', async () => {
    let nowMs = AT.getTime();
    const clock = { now: () => nowMs };
    const authenticator = createS3Authenticator(deps({ clock, rootGuesses: new RootGuesses(clock) }));
    const key = { accessKeyId: 'root', secretAccessKey: 'root-password' };
    const right = await signed('/bucket/key', { key });
    const wrong = await signed('/bucket/key', { key: { ...key, secretAccessKey: 'guess' } });
    const attempt = async (request: SignedHead, remoteAddress = '192.0.2.1'): Promise<string> => {
      const head = requestHead({ ...request, remoteAddress });
      try {
        return (await authenticator.authenticate(head, operation(head))).outcome;
      } catch (error) {
        return error instanceof S3Error ? error.code : String(error);
      }
    };
    for (let guess = 0; guess < 10; guess++) expect(await attempt(wrong)).toBe('SignatureDoesNotMatch');
    expect(await attempt(wrong)).toBe('SlowDown');
    expect(await attempt(right)).toBe('SlowDown');
    expect(await attempt(right, '192.0.2.2')).toBe('principal');
    const alice = await signed('/bucket/key');
    expect(await attempt(alice)).toBe('principal');
    nowMs += 1_000;
    expect(await attempt(wrong)).toBe('SignatureDoesNotMatch');
    nowMs += 1_000;
    expect(await attempt(right)).toBe('SlowDown');
    nowMs += 1_000;
    expect(await attempt(right)).toBe('principal');
    expect(await attempt(wrong)).toBe('SignatureDoesNotMatch');
    expect(await attempt(right)).toBe('principal');
  });

  it('of an unknown or disabled access key are refused by their id', async () => {
    const key = { accessKeyId: 'ZASUNKNOWN', secretAccessKey: 'x'.repeat(40) };
    for (const head of [
      await signed('/bucket/key', { key }),
      await signed('/bucket', { key, method: 'HEAD' }),
    ]) {
      expect(await failure(requestHead(head))).toMatchObject({
        code: 'InvalidAccessKeyId',
        status: 403,
        fields: { AWSAccessKeyId: 'ZASUNKNOWN' },
      });
    }
  });

  it('with a session token need somebody who knows the token', async () => {
    const head = requestHead(await signed('/bucket/key', { sessionToken: 'token' }));
    expect((await failure(head)).code).toBe('InvalidToken');
    const stranger = { accessKeyId: 'ASIASTRANGER', secretAccessKey: 'x' };
    const foreign = requestHead(await signed('/bucket/key', { key: stranger, sessionToken: 'token' }));
    expect((await failure(foreign)).code).toBe('InvalidAccessKeyId');

    const bob = { kind: 'user', name: 'bob', groups: ['builders'], via: 'test', isRoot: false } as const;
    const lent = {
      ...stranger,
      principal: { ...bob, accessKeyId: stranger.accessKeyId },
      session: { role: 'self', name: 'session' },
      expiresAtMs: AT.getTime() + 1,
    };
    const sessionTokens = {
      open: async (token: string, accessKeyId: string) =>
        token === 'token' && accessKeyId === stranger.accessKeyId ? lent : undefined,
    };
    expect(await authenticate(foreign, { sessionTokens })).toMatchObject({
      principal: { name: 'bob', groups: ['builders'], accessKeyId: 'ASIASTRANGER' },
    });
    expect((await failure(foreign, { sessionTokens, ...at(1) })).code).toBe('ExpiredToken');
  });
});

describe('a malformed Authorization', () => {
  const date = '20130524/us-east-1/s3/aws4_request';
  it.each([
    ['AWS4-HMAC-SHA256', 'AuthorizationHeaderMalformed'],
    ['AWS4-HMAC-SHA256 nonsense', 'AuthorizationHeaderMalformed'],
    [`AWS4-HMAC-SHA256 Credential=a/${date}, SignedHeaders=host`, 'AuthorizationHeaderMalformed'],
    [`AWS4-HMAC-SHA256 Credential=a/${date}, SignedHeaders=, Signature=a`, 'AuthorizationHeaderMalformed'],
    [`AWS4-HMAC-SHA256 Credential=a, SignedHeaders=host, Signature=a`, 'AuthorizationHeaderMalformed'],
    [`AWS4-HMAC-SHA256 Credential=/${date}, SignedHeaders=host, Signature=a`, 'AuthorizationHeaderMalformed'],
    [
      'AWS4-HMAC-SHA256 Credential=a/2013/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=a',
      'AuthorizationHeaderMalformed',
    ],
    [
      'AWS4-HMAC-SHA256 Credential=a/20130524/us-east-1/ec2/aws4_request, SignedHeaders=host, Signature=a',
      'AuthorizationHeaderMalformed',
    ],
    [
      'AWS4-HMAC-SHA256 Credential=a/20130524/us-east-1/s3/aws3, SignedHeaders=host, Signature=a',
      'AuthorizationHeaderMalformed',
    ],
    [
      'AWS4-HMAC-SHA256 Credential=a/20130523/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=a',
      'AuthorizationHeaderMalformed',
    ],
    [
      `AWS4-HMAC-SHA256 Credential=a/${date}, Credential=a/${date}, SignedHeaders=host, Signature=a`,
      'AuthorizationHeaderMalformed',
    ],
    [`AWS4-ECDSA-P256-SHA256 Credential=a/${date}, SignedHeaders=host, Signature=a`, 'InvalidArgument'],
    ['AWS AKID:c2lnbmF0dXJl', 'InvalidRequest'],
    ['Bearer token', 'InvalidArgument'],
  ])('"%s" is %s', async (authorization, code) => {
    const headers = { 'x-amz-date': '20130524T000000Z', 'x-amz-content-sha256': EMPTY_SHA256, authorization };
    expect(await failure(requestHead({ target: '/bucket/key', headers }))).toMatchObject({
      code,
      status: 400,
    });
  });

  it('with a password is refused, whether it is right or wrong, and not repeated', async () => {
    const password = Buffer.from('root:root-password').toString('base64');
    const error = await failure(
      requestHead({ target: '/bucket', headers: { authorization: `Basic ${password}` } }),
    );
    expect(error).toMatchObject({ code: 'InvalidArgument', status: 400 });
    expect(JSON.stringify(error.fields)).not.toContain(password);
  });

  it('beside a presigned URL is one too many', async () => {
    const url = await presigned('/bucket/key');
    const both = requestHead({ ...url, headers: { ...url.headers, authorization: 'AWS4-HMAC-SHA256 x' } });
    expect((await failure(both)).code).toBe('InvalidArgument');
  });

  it('that is empty is none', async () => {
    const head = requestHead({ target: '/bucket/key', headers: { authorization: '' } });
    expect(await authenticate(head)).toEqual({ outcome: 'abstain' });
  });
});

describe('x-amz-content-sha256', () => {
  it('must come with a signature in the header', async () => {
    const request = await signed('/bucket/key');
    const { 'x-amz-content-sha256': _, ...headers } = request.headers;
    expect(await failure(requestHead({ ...request, headers }))).toMatchObject({
      code: 'InvalidRequest',
      status: 400,
    });
  });

  it.each(['UNSIGNED', 'STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD', EMPTY_SHA256.slice(1), 'constructor'])(
    'cannot be %s',
    async (payloadHash) => {
      const head = requestHead(await signed('/bucket/key', { payloadHash }));
      expect(await failure(head)).toMatchObject({
        code: 'InvalidArgument',
        fields: { ArgumentName: 'x-amz-content-sha256' },
      });
    },
  );

  it('names a stream for objects and parts only', async () => {
    const payloadHash = 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD';
    const head = requestHead(await signed('/bucket/key', { method: 'PUT', payloadHash }));
    expect(await authenticate(head, {}, 's3.PutObject')).toEqual(ALICE);
    expect(await authenticate(head, {}, 's3.UploadPart')).toEqual(ALICE);
    expect((await failure(head, {}, 's3.PutBucketPolicy')).code).toBe('InvalidRequest');
  });
});

describe('what is not for it', () => {
  it('are requests without a signature, preflights, and other protocols', async () => {
    expect(await authenticate(requestHead({ target: '/bucket/key' }))).toEqual({ outcome: 'abstain' });
    const url = await presigned('/bucket/key');
    const preflight = requestHead({ ...url, method: 'OPTIONS' });
    expect(await authenticate(preflight, {}, 's3.PreflightObject')).toEqual({ outcome: 'abstain' });
    const oci = requestHead({ target: '/v2/', headers: { authorization: 'Basic cm9vdDpyb290' } });
    expect(await authenticate(oci, {}, 'oci.Ping')).toEqual({ outcome: 'abstain' });
  });

  it('is a presigned URL with parameters missing', async () => {
    for (const name of [
      'X-Amz-Algorithm',
      'X-Amz-Date',
      'X-Amz-SignedHeaders',
      'X-Amz-Signature',
      'X-Amz-Credential',
    ]) {
      const url = await presigned('/bucket/key');
      const head = requestHead({ ...url, target: url.target.replace(`${name}=`, 'x=') });
      expect(await failure(head)).toMatchObject({ code: 'AuthorizationQueryParametersError', status: 400 });
    }
  });
});
