import { createHmac } from 'node:crypto';
import { requestHead } from '@zot-artifact-store/testkit/request-head.ts';
import { NOBODY_ELSE } from '@zot-artifact-store/testkit/s3-authentication.ts';
import { describe, expect, it } from 'vitest';
import { S3Error } from '../errors.ts';
import type { S3AuthenticatorDeps } from './authenticator.ts';
import { createPostForms, type FormSender } from './post-forms.ts';
import { deriveSigningKey } from './signing-key.ts';

const KEY = {
  accessKeyId: 'AKIAIOSFODNN7EXAMPLE',
  secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
};
const NOW_MS = Date.UTC(2015, 11, 29);
const EXPIRATION = '2015-12-30T12:00:00.000Z';
type Conditions = readonly unknown[];

const CONDITIONS: Conditions = [
  { bucket: 'bucket' },
  ['starts-with', '$key', 'foo'],
  { acl: 'private' },
  ['starts-with', '$Content-Type', 'text/plain'],
  ['content-length-range', 0, 1024],
];
const FIELDS = { key: 'foo.txt', acl: 'private', 'content-type': 'text/plain' };

async function verify(
  fields: Readonly<Record<string, string>>,
  changes: Partial<S3AuthenticatorDeps> = {},
): Promise<FormSender> {
  const forms = createPostForms({
    root: { user: 'root', password: 'root-password' },
    keys: {
      find: async (accessKeyId) =>
        accessKeyId === KEY.accessKeyId ? { ...KEY, user: 'alice', createdAtMs: 0 } : undefined,
    },
    clock: { now: () => NOW_MS },
    region: 'us-east-1',
    acceptAnyRegion: false,
    maxClockSkewSeconds: 900,
    signatureV2: true,
    domains: [],
    trustedProxies: [],
    ...NOBODY_ELSE,
    ...changes,
  });
  const head = requestHead({ method: 'POST', target: '/bucket' });
  return forms.verify({ fields: new Map(Object.entries(fields)) }, { head, bucket: 'bucket' });
}

async function failure(verifying: Promise<unknown>): Promise<S3Error> {
  try {
    await verifying;
  } catch (error) {
    if (error instanceof S3Error) return error;
    throw error;
  }
  throw new Error('it was accepted');
}

function base64(document: unknown): string {
  return Buffer.from(typeof document === 'string' ? document : JSON.stringify(document)).toString('base64');
}

/** As ceph's tests and botocore sign a form in the old regions. */
function signV2(
  document: unknown = { expiration: EXPIRATION, conditions: CONDITIONS },
  fields: Readonly<Record<string, string>> = FIELDS,
): Record<string, string> {
  const policy = base64(document);
  const signature = createHmac('sha1', KEY.secretAccessKey).update(policy).digest('base64');
  return { ...fields, awsaccesskeyid: KEY.accessKeyId, policy, signature };
}

const V4 = {
  'x-amz-algorithm': 'AWS4-HMAC-SHA256',
  'x-amz-credential': `${KEY.accessKeyId}/20151229/us-east-1/s3/aws4_request`,
  'x-amz-date': '20151229T000000Z',
};

function signV4(
  document: unknown = {
    expiration: EXPIRATION,
    conditions: [...CONDITIONS, ...Object.entries(V4).map(([name, value]) => ({ [name]: value }))],
  },
  fields: Readonly<Record<string, string>> = { ...FIELDS, ...V4 },
): Record<string, string> {
  const policy = base64(document);
  const key = deriveSigningKey(KEY.secretAccessKey, {
    date: '20151229',
    region: 'us-east-1',
    service: 's3',
  });
  const signature = createHmac('sha256', key).update(policy).digest('hex');
  return { ...fields, policy, 'x-amz-signature': signature };
}

const ALICE = { principal: { kind: 'user', name: 'alice', via: 'access-key', accessKeyId: KEY.accessKeyId } };

describe('a signed form', () => {
  it.each([
    ['version 4', signV4],
    ['version 2', signV2],
  ])('of %s is from whoever owns the key', async (_name, sign) => {
    expect(await verify(sign())).toMatchObject({ ...ALICE, fileRange: { minBytes: 0, maxBytes: 1024 } });
    const { policy = '', ...rest } = sign();
    const altered = {
      ...rest,
      policy: base64(Buffer.from(policy, 'base64').toString().replace('1024', '9999')),
    };
    expect(await failure(verify(altered))).toMatchObject({
      code: 'SignatureDoesNotMatch',
      status: 403,
      fields: { AWSAccessKeyId: KEY.accessKeyId, StringToSign: altered.policy },
    });
  });

  it('is the example of the reference', async () => {
    // "Example: browser-based upload using HTTP POST (using AWS signature version 4)", its policy as printed there.
    const policy =
      'eyAiZXhwaXJhdGlvbiI6ICIyMDE1LTEyLTMwVDEyOjAwOjAwLjAwMFoiLA0KICAiY29uZGl0aW9ucyI6IFsNCiAgICB7ImJ1Y2tldCI6ICJzaWd2NGV4YW1wbGVidWNrZXQifSwNCiAgICBbInN0YXJ0cy13aXRoIiwgIiRrZXkiLCAidXNlci91c2VyMS8iXSwNCiAgICB7ImFjbCI6ICJwdWJsaWMtcmVhZCJ9LA0KICAgIHsic3VjY2Vzc19hY3Rpb25fcmVkaXJlY3QiOiAiaHR0cDovL3NpZ3Y0ZXhhbXBsZWJ1Y2tldC5zMy5hbWF6b25hd3MuY29tL3N1Y2Nlc3NmdWxfdXBsb2FkLmh0bWwifSwNCiAgICBbInN0YXJ0cy13aXRoIiwgIiRDb250ZW50LVR5cGUiLCAiaW1hZ2UvIl0sDQogICAgeyJ4LWFtei1tZXRhLXV1aWQiOiAiMTQzNjUxMjM2NTEyNzQifSwNCiAgICB7IngtYW16LXNlcnZlci1zaWRlLWVuY3J5cHRpb24iOiAiQUVTMjU2In0sDQogICAgWyJzdGFydHMtd2l0aCIsICIkeC1hbXotbWV0YS10YWciLCAiIl0sDQoNCiAgICB7IngtYW16LWNyZWRlbnRpYWwiOiAiQUtJQUlPU0ZPRE5ON0VYQU1QTEUvMjAxNTEyMjkvdXMtZWFzdC0xL3MzL2F3czRfcmVxdWVzdCJ9LA0KICAgIHsieC1hbXotYWxnb3JpdGhtIjogIkFXUzQtSE1BQy1TSEEyNTYifSwNCiAgICB7IngtYW16LWRhdGUiOiAiMjAxNTEyMjlUMDAwMDAwWiIgfQ0KICBdDQp9';
    const fields = {
      key: 'user/user1/photo.jpg',
      acl: 'public-read',
      success_action_redirect: 'http://sigv4examplebucket.s3.amazonaws.com/successful_upload.html',
      'content-type': 'image/jpeg',
      'x-amz-meta-uuid': '14365123651274',
      'x-amz-server-side-encryption': 'AES256',
      'x-amz-meta-tag': '',
      ...V4,
      policy,
      'x-amz-signature': '8afdbf4008c03f22c2cd3cdb72e4afbb1f6a588f3255ac628749a66d7f09699e',
    };
    // The bucket of the example is another, which the policy tells once the signature is found right.
    expect((await failure(verify(fields))).message).toContain('Policy Condition failed: ["eq", "$bucket"');
  });

  it('without any part of a signature is anonymous', async () => {
    expect(await verify(FIELDS)).toMatchObject({ principal: { kind: 'anonymous' } });
  });

  it.each(['policy', 'x-amz-algorithm', 'x-amz-credential', 'x-amz-date', 'x-amz-signature'])(
    'needs its %s',
    async (name) => {
      const { [name]: _, ...fields } = signV4();
      expect(await failure(verify(fields))).toMatchObject({
        code: 'InvalidArgument',
        status: 400,
        fields: { ArgumentName: name },
      });
    },
  );

  it.each(['policy', 'signature', 'awsaccesskeyid'])('of version 2 needs its %s', async (name) => {
    const { [name]: _, ...fields } = signV2();
    expect(await failure(verify(fields))).toMatchObject({ code: 'InvalidArgument', status: 400 });
  });

  it.each([
    { 'x-amz-algorithm': 'AWS4-ECDSA-P256-SHA256' },
    { 'x-amz-credential': 'a/b' },
    { 'x-amz-credential': `${KEY.accessKeyId}/20151229/eu-west-1/s3/aws4_request` },
    { 'x-amz-credential': `${KEY.accessKeyId}/20151228/us-east-1/s3/aws4_request` },
    { 'x-amz-date': 'today' },
  ])('cannot have %j', async (change) => {
    expect(await failure(verify({ ...signV4(), ...change }))).toMatchObject({
      code: 'InvalidArgument',
      fields: { ArgumentName: Object.keys(change)[0] },
    });
  });

  it('is refused with an unknown key, an old date, or version 2 where that is off', async () => {
    expect((await failure(verify({ ...signV2(), awsaccesskeyid: 'nobody' }))).code).toBe(
      'InvalidAccessKeyId',
    );
    const later = { clock: { now: () => NOW_MS + 8 * 86_400_000 } };
    expect((await failure(verify(signV4(), later))).code).toBe('AccessDenied');
    expect((await failure(verify(signV2(), { signatureV2: false }))).code).toBe('InvalidRequest');
    expect(await verify(signV4(), { signatureV2: false })).toMatchObject(ALICE);
  });
});

describe('a policy', () => {
  const withConditions = (conditions: Conditions, fields = FIELDS) =>
    verify(signV2({ expiration: EXPIRATION, conditions }, fields));

  it('is written in any case, and its fields too', async () => {
    const conditions = [
      { bUcKeT: 'bucket' },
      ['StArTs-WiTh', '$KeY', 'foo'],
      { AcL: 'private' },
      ['StArTs-WiTh', '$CoNtEnT-TyPe', 'text/plain'],
    ];
    expect(await withConditions(conditions)).toMatchObject(ALICE);
  });

  it.each<[string, Conditions, Record<string, string>]>([
    ['another bucket', [{ bucket: 'other' }, ...CONDITIONS.slice(1)], FIELDS],
    ['no bucket', CONDITIONS.slice(1), FIELDS],
    ['another key', CONDITIONS, { ...FIELDS, key: 'bar.txt' }],
    ['a field it does not know', CONDITIONS, { ...FIELDS, 'x-amz-meta-a': '1' }],
    ['a field that is missing', [...CONDITIONS, ['starts-with', '$x-amz-meta-foo', 'bar']], FIELDS],
    ['another value', [...CONDITIONS, ['eq', '$x-amz-meta-foo', '']], { ...FIELDS, 'x-amz-meta-foo': 'bar' }],
    ['one of several content types', CONDITIONS, { ...FIELDS, 'content-type': 'text/plain, text/html' }],
  ])('does not allow %s', async (_name, conditions, fields) => {
    expect(await failure(verify(signV2({ expiration: EXPIRATION, conditions }, fields)))).toMatchObject({
      code: 'AccessDenied',
      status: 403,
    });
  });

  it('does not judge fields that have no effect, and the checksum of the file', async () => {
    const fields = { ...FIELDS, 'x-ignore-foo': 'bar', 'x-amz-checksum-sha256': 'AAAA' };
    expect(await verify(signV2(undefined, fields))).toMatchObject(ALICE);
  });

  it('takes backslashes and dollars as they are', async () => {
    const conditions = [{ bucket: 'bucket' }, ['starts-with', '$key', '\\$foo'], ...CONDITIONS.slice(2)];
    expect(await withConditions(conditions, { ...FIELDS, key: '\\$foo.txt' })).toMatchObject(ALICE);
  });

  it('ends at its expiration', async () => {
    const later = { clock: { now: () => Date.parse(EXPIRATION) } };
    expect(await failure(verify(signV2(), later))).toMatchObject({
      code: 'AccessDenied',
      message: 'Invalid according to Policy: Policy expired.',
    });
  });

  it('has the narrowest of several size ranges', async () => {
    const conditions = [...CONDITIONS, ['content-length-range', '10', '2000']];
    expect((await withConditions(conditions)).fileRange).toEqual({ minBytes: 10, maxBytes: 1024 });
  });

  it.each([
    '',
    'nonsense',
    '[]',
    'null',
    '"text"',
    `{"conditions":[]}`,
    `{"EXPIRATION":"${EXPIRATION}","conditions":[]}`,
    `{"expiration":"${EXPIRATION}"}`,
    `{"expiration":"${EXPIRATION}","CONDITIONS":[]}`,
    `{"expiration":"${EXPIRATION}","conditions":{}}`,
    `{"expiration":"2015-12-30 12:00:00","conditions":[]}`,
    `{"expiration":"2015-99-30T12:00:00Z","conditions":[]}`,
    `{"expiration":1451476800,"conditions":[]}`,
    `{"expiration":"${EXPIRATION}","conditions":[{}]}`,
    `{"expiration":"${EXPIRATION}","conditions":[{"a":"1","b":"2"}]}`,
    `{"expiration":"${EXPIRATION}","conditions":[{"acl":1}]}`,
    `{"expiration":"${EXPIRATION}","conditions":["acl"]}`,
    `{"expiration":"${EXPIRATION}","conditions":[[]]}`,
    `{"expiration":"${EXPIRATION}","conditions":[["like","$key","a"]]}`,
    `{"expiration":"${EXPIRATION}","conditions":[["eq","$key"]]}`,
    `{"expiration":"${EXPIRATION}","conditions":[["eq","key","a"]]}`,
    `{"expiration":"${EXPIRATION}","conditions":[["content-length-range",0]]}`,
    `{"expiration":"${EXPIRATION}","conditions":[["content-length-range",-1,0]]}`,
    `{"expiration":"${EXPIRATION}","conditions":[["content-length-range","a","b"]]}`,
    '['.repeat(20_000),
  ])('%j is InvalidPolicyDocument', async (document) => {
    const fields = document === '' ? { ...signV2(' '), policy: base64(' ') } : signV2(document);
    expect(await failure(verify(fields))).toMatchObject({ code: 'InvalidPolicyDocument', status: 400 });
  });

  it('is base64', async () => {
    const policy = 'not*base64';
    const signature = createHmac('sha1', KEY.secretAccessKey).update(policy).digest('base64');
    expect((await failure(verify({ ...signV2(), policy, signature }))).code).toBe('InvalidPolicyDocument');
  });
});
