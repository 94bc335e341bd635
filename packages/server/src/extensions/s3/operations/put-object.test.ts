import { createHash } from 'node:crypto';
import { S3Bench } from '@zot-artifact-store/testkit/s3-bench.ts';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

let bench: S3Bench;
beforeEach(async () => {
  bench = new S3Bench();
  await bench.createBucket();
});
afterEach(async () => {
  expect(await bench.problems()).toEqual([]);
  await bench.close();
});

const md5 = (text: string): string => createHash('md5').update(text).digest('hex');
const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
const base64 = (hex: string): string => Buffer.from(hex, 'hex').toString('base64');

function put(
  body: string | AsyncIterable<Uint8Array>,
  headers: Record<string, string> = {},
  target = '/bucket/key',
) {
  return bench.send(target, { method: 'PUT', body, headers });
}

function get(target = '/bucket/key', headers: Record<string, string> = {}) {
  return bench.send(target, { headers });
}

async function* broken(text: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(text);
  throw new Error('the client went away');
}

const ALL_USERS = 'uri="http://acs.amazonaws.com/groups/global/AllUsers"';

describe('PutObject', () => {
  it('answers with the MD5 as its ETag and a CRC64NVME nobody asked for', async () => {
    const reply = await put('123456789');
    expect(reply.status).toBe(200);
    expect(reply.headers).toMatchObject({
      etag: `"${md5('123456789')}"`,
      'x-amz-checksum-crc64nvme': base64('ae8b14860a799888'),
      'x-amz-checksum-type': 'FULL_OBJECT',
    });
    expect(reply.header('x-amz-version-id')).toBeUndefined();
  });

  it('keeps what it was given, at every size from inline to file', async () => {
    for (const sizeBytes of [0, 1, 3_400, 3_401, 65_536, 65_537, 700_000]) {
      const body = 'x'.repeat(sizeBytes);
      expect((await put(body)).header('etag')).toBe(`"${md5(body)}"`);
      const reply = await get();
      expect(reply.header('content-length')).toBe(String(sizeBytes));
      expect(reply.text).toBe(body);
      expect(reply.header('x-zas-sha256')).toBe(sha256(body));
    }
  });

  it('tells of the object in the transaction that stores it', async () => {
    await put('content');
    expect(bench.events).toEqual([
      {
        type: 'object.created',
        repository: 's3/bucket',
        bucket: 'bucket',
        key: 'key',
        sizeBytes: 7,
        etag: md5('content'),
        digest: `sha256:${sha256('content')}`,
        operation: 'put',
        actor: 'alice',
      },
    ]);
  });

  it('takes a plain chunked body, and wants a length otherwise', async () => {
    const chunked = await bench.send('/bucket/key', { method: 'PUT', body: 'abc', isLengthUnknown: true });
    expect(chunked.status).toBe(200);
    const request = { method: 'PUT', headers: { 'content-length': undefined } };
    expect(await bench.send('/bucket/key', request)).toMatchObject({
      status: 411,
      code: 'MissingContentLength',
    });
  });

  it('refuses a bucket that is not there', async () => {
    const reply = await put('content', {}, '/elsewhere/key');
    expect(reply).toMatchObject({ status: 404, code: 'NoSuchBucket' });
    expect(reply.text).toContain('<BucketName>elsewhere</BucketName>');
  });

  it('refuses more than 5 GiB', async () => {
    const reply = await bench.send('/bucket/key', {
      method: 'PUT',
      declaredBytes: 5 * 1024 ** 3 + 1,
    });
    expect(reply).toMatchObject({ status: 400, code: 'EntityTooLarge' });
  });

  it('asks the vetoes before it reads a byte', async () => {
    const { StoreError } = await import('@zot-artifact-store/spec');
    bench = new S3Bench({
      vetoes: {
        beforeIngest: ({ repository, declaredBytes }) => {
          throw new StoreError('denied', `${repository} is full: ${declaredBytes}`);
        },
      },
    });
    await bench.createBucket();
    const unread = put(broken('never read'));
    expect(await unread).toMatchObject({ status: 403, code: 'AccessDenied' });
  });
});

describe('a PUT that goes wrong leaves the object as it was:', () => {
  beforeEach(async () => {
    await put('before');
  });
  afterEach(async () => {
    expect((await get()).text).toBe('before');
  });

  it('another SHA-256 than signed', async () => {
    const reply = await put('after', { 'x-amz-content-sha256': sha256('other') });
    expect(reply).toMatchObject({ status: 400, code: 'XAmzContentSHA256Mismatch' });
    expect(reply.text).toContain(`<S3ComputedContentSHA256>${sha256('after')}</S3ComputedContentSHA256>`);
  });

  it('another MD5 than announced', async () => {
    const reply = await put('after', { 'content-md5': base64(md5('other')) });
    expect(reply).toMatchObject({ status: 400, code: 'BadDigest' });
    expect(reply.text).toContain(`<CalculatedDigest>${base64(md5('after'))}</CalculatedDigest>`);
  });

  it('a malformed MD5', async () => {
    for (const text of ['', 'YWJyYWNhZGFicmE=', 'not base64 at all'])
      expect(await put('after', { 'content-md5': text })).toMatchObject({
        status: 400,
        code: 'InvalidDigest',
      });
  });

  it('another checksum than announced', async () => {
    for (const [name, wrong] of [
      ['crc32', 'AAAAAA=='],
      ['crc32c', 'AAAAAA=='],
      ['crc64nvme', 'AAAAAAAAAAA='],
      ['sha1', base64('00'.repeat(20))],
      ['sha256', base64('00'.repeat(32))],
    ])
      expect(await put('after', { [`x-amz-checksum-${name}`]: wrong ?? '' })).toMatchObject({
        status: 400,
        code: 'BadDigest',
      });
  });

  it('a body that breaks off', async () => {
    await expect(put(broken('aft'))).rejects.toThrow('went away');
  });

  it('a body shorter or longer than announced', async () => {
    for (const declaredBytes of [4, 6]) {
      const reply = await bench.send('/bucket/key', { method: 'PUT', body: 'after', declaredBytes });
      expect(reply).toMatchObject({ status: 400, code: 'IncompleteBody' });
    }
  });

  it('a bucket that went meanwhile', async () => {
    const keys = ['key'];
    async function* body(): AsyncGenerator<Uint8Array> {
      yield Buffer.from('after');
      for (const key of keys) await bench.send(`/bucket/${key}`, { method: 'DELETE' });
      await bench.send('/bucket', { method: 'DELETE' });
    }
    expect(await put(body(), {}, '/bucket/other')).toMatchObject({ status: 404, code: 'NoSuchBucket' });
    await bench.createBucket();
    await put('before');
  });
});

describe('checksums of a PUT', () => {
  const known = {
    crc32: 'cbf43926',
    crc32c: 'e3069283',
    crc64nvme: 'ae8b14860a799888',
    sha1: createHash('sha1').update('123456789').digest('hex'),
    sha256: sha256('123456789'),
  };

  it('are verified, kept and shown to who asks', async () => {
    for (const [name, hex] of Object.entries(known)) {
      const header = `x-amz-checksum-${name}`;
      const reply = await put('123456789', {
        [header]: base64(hex),
        'x-amz-sdk-checksum-algorithm': name.toUpperCase(),
      });
      expect(reply).toMatchObject({ status: 200, headers: { [header]: base64(hex) } });
      expect((await get()).header(header)).toBeUndefined();
      const asked = await get('/bucket/key', { 'x-amz-checksum-mode': 'ENABLED' });
      expect(asked.headers).toMatchObject({ [header]: base64(hex), 'x-amz-checksum-type': 'FULL_OBJECT' });
      const ranged = await get('/bucket/key', { 'x-amz-checksum-mode': 'ENABLED', range: 'bytes=0-1' });
      expect(ranged.header(header)).toBeUndefined();
    }
  });

  it('are refused when there are two, when they are of another algorithm, and when they are none', async () => {
    const crc32 = base64(known.crc32);
    for (const headers of [
      { 'x-amz-checksum-crc32': crc32, 'x-amz-checksum-sha1': base64(known.sha1) },
      { 'x-amz-checksum-crc32': crc32, 'x-amz-trailer': 'x-amz-checksum-crc32c' },
      { 'x-amz-checksum-crc32': crc32, 'x-amz-sdk-checksum-algorithm': 'CRC32C' },
      { 'x-amz-sdk-checksum-algorithm': 'CRC32' },
      { 'x-amz-sdk-checksum-algorithm': 'CRC31' },
      { 'x-amz-checksum-crc31': crc32 },
      { 'x-amz-checksum-crc32': '' },
      { 'x-amz-checksum-crc32': 'invalid_base64!' },
      { 'x-amz-checksum-crc32': 'c2RhZnNhZGZzZGFm' },
    ])
      expect(await put('123456789', headers as Record<string, string>)).toMatchObject({
        status: 400,
        code: 'InvalidRequest',
      });
  });

  it('come after an aws-chunked body as a trailer', async () => {
    const trailer = (value: string) => `9\r\n123456789\r\n0\r\nx-amz-checksum-crc32:${value}\r\n\r\n`;
    const headers = {
      'x-amz-content-sha256': 'STREAMING-UNSIGNED-PAYLOAD-TRAILER',
      'content-encoding': 'aws-chunked',
      'x-amz-decoded-content-length': '9',
      'x-amz-trailer': 'x-amz-checksum-crc32',
    };
    expect(await put(trailer('AAAAAA=='), headers)).toMatchObject({ status: 400, code: 'BadDigest' });
    const reply = await put(trailer(base64(known.crc32)), headers);
    expect(reply).toMatchObject({ status: 200, headers: { 'x-amz-checksum-crc32': base64(known.crc32) } });
    const read = await get();
    expect(read.text).toBe('123456789');
    expect(read.header('content-encoding')).toBeUndefined();
  });
});

describe('what describes an object', () => {
  it('comes back as it was given, without aws-chunked', async () => {
    const given = {
      'content-type': 'text/plain; charset=utf-8',
      'cache-control': 'no-cache',
      'content-disposition': 'attachment; filename="a"',
      'content-encoding': 'gzip, aws-chunked',
      'content-language': 'de',
      expires: 'Thu, 01 Dec 1994 16:00:00 GMT',
      'x-amz-website-redirect-location': '/other',
      'x-amz-meta-Name': 'w\u00e4rt',
      'x-amz-tagging': 'a=1&b=2',
    };
    await put('content', given);
    expect((await get()).headers).toMatchObject({
      'content-type': 'text/plain; charset=utf-8',
      'cache-control': 'no-cache',
      'content-disposition': 'attachment; filename="a"',
      'content-encoding': 'gzip',
      'content-language': 'de',
      expires: 'Thu, 01 Dec 1994 16:00:00 GMT',
      'x-amz-website-redirect-location': '/other',
      'x-amz-meta-name': 'w\u00e4rt',
      'x-amz-tagging-count': '2',
    });
  });

  it('is a type of binary/octet-stream when nothing is said, and wholly replaced by the next PUT', async () => {
    await put('content', { 'content-type': 'text/plain', 'x-amz-meta-a': '1' });
    await put('content');
    const reply = await get();
    expect(reply.header('content-type')).toBe('binary/octet-stream');
    expect(reply.header('x-amz-meta-a')).toBeUndefined();
  });

  it('has metadata of at most 2,048 bytes, repeated names joined', async () => {
    const rawHeaders = ['X-Amz-Meta-A', '1', 'x-amz-meta-a', '2', 'x-amz-meta-b', ''];
    await bench.send('/bucket/key', { method: 'PUT', rawHeaders });
    expect((await get()).headers).toMatchObject({ 'x-amz-meta-a': '1,2', 'x-amz-meta-b': '' });
    expect((await put('', { 'x-amz-meta-a': 'x'.repeat(2_047) })).status).toBe(200);
    const reply = await put('', { 'x-amz-meta-a': 'x'.repeat(2_048) });
    expect(reply).toMatchObject({ status: 400, code: 'MetadataTooLarge' });
    expect(reply.text).toContain('<Size>2049</Size><MaxSizeAllowed>2048</MaxSizeAllowed>');
  });

  it('has tags of the shape that Amazon allows', async () => {
    for (const tagging of ['&', 'key', 'key=', 'key@=val@', 'k++k=v++v', 'k%2E=%2F', 'a=b=c'])
      expect(await put('', { 'x-amz-tagging': tagging })).toMatchObject({ status: 200 });
    for (const tagging of ['=', 'key%', 'k=1&k=2', '=v'])
      expect(await put('', { 'x-amz-tagging': tagging })).toMatchObject({ code: 'InvalidArgument' });
    const eleven = Array.from({ length: 11 }, (_, i) => `k${i}`).join('&');
    for (const tagging of ['k?=v', 'k=v#', 'aws:k=v', `${'k'.repeat(129)}=v`, `k=${'v'.repeat(257)}`, eleven])
      expect(await put('', { 'x-amz-tagging': tagging })).toMatchObject({ status: 400, code: 'InvalidTag' });
  });

  it('needs permissions of its own', async () => {
    for (const [headers, action] of [
      [{ 'x-amz-tagging': 'a=b' }, 's3:PutObjectTagging'],
      [{ 'x-amz-acl': 'bucket-owner-full-control' }, 's3:PutObjectAcl'],
    ] as const) {
      const reply = await bench.send('/bucket/key', {
        method: 'PUT',
        headers,
        can: (permission) => permission.action !== action,
      });
      expect(reply).toMatchObject({ status: 403, code: 'AccessDenied' });
    }
  });

  it('cannot ask for what this server does not do', async () => {
    for (const [headers, code] of [
      [{ 'x-amz-storage-class': 'GLACIER' }, 'InvalidStorageClass'],
      [{ 'x-amz-website-redirect-location': 'ftp://x' }, 'InvalidRedirectLocation'],
      [{ 'x-amz-acl': 'public-read' }, 'AccessControlListNotSupported'],
      [{ 'x-amz-acl': 'nonsense' }, 'InvalidArgument'],
      [{ 'x-amz-acl': 'private', 'x-amz-grant-read': ALL_USERS }, 'InvalidRequest'],
      [{ 'x-amz-grant-read': 'id=a' }, 'InvalidArgument'],
      [{ 'x-amz-grant-read': ALL_USERS }, 'AccessControlListNotSupported'],
    ] as const)
      expect((await put('', headers)).code).toBe(code);
    for (const headers of [{ 'x-amz-storage-class': 'STANDARD' }, { 'x-amz-acl': 'private' }])
      expect((await put('', headers as Record<string, string>)).status).toBe(200);
  });
});

describe('object lock of a PUT', () => {
  const until = '2030-01-01T00:00:00.000Z';

  it('is kept and shown', async () => {
    await bench.createBucket('locked', { versioning: 'enabled', objectLock: true });
    const headers = {
      'x-amz-object-lock-mode': 'GOVERNANCE',
      'x-amz-object-lock-retain-until-date': until,
      'x-amz-object-lock-legal-hold': 'ON',
    };
    expect((await put('content', headers, '/locked/key')).status).toBe(200);
    expect((await get('/locked/key')).headers).toMatchObject(headers);
  });

  it('comes from the bucket where the request has none', async () => {
    await bench.createBucket('locked', {
      versioning: 'enabled',
      objectLock: true,
      defaultRetention: { mode: 'COMPLIANCE', days: 2 },
    });
    await put('content', {}, '/locked/key');
    expect((await get('/locked/key')).headers).toMatchObject({
      'x-amz-object-lock-mode': 'COMPLIANCE',
      'x-amz-object-lock-retain-until-date': new Date(bench.nowMs + 2 * 86_400_000).toISOString(),
    });
  });

  it('is refused when it is incomplete, past, unknown, or the bucket has no lock', async () => {
    await bench.createBucket('locked', { versioning: 'enabled', objectLock: true });
    const mode = 'x-amz-object-lock-mode';
    const date = 'x-amz-object-lock-retain-until-date';
    for (const headers of [
      { [mode]: 'GOVERNANCE' },
      { [date]: until },
      { [mode]: 'governance', [date]: until },
      { [mode]: 'GOVERNANCE', [date]: 'tomorrow' },
      { [mode]: 'GOVERNANCE', [date]: '2001-01-01T00:00:00Z' },
      { 'x-amz-object-lock-legal-hold': 'on' },
    ] as Record<string, string>[])
      expect((await put('', headers, '/locked/key')).code).toBe('InvalidArgument');
    for (const headers of [
      { [mode]: 'GOVERNANCE', [date]: until },
      { 'x-amz-object-lock-legal-hold': 'ON' },
    ] as Record<string, string>[])
      expect((await put('', headers)).code).toBe('InvalidRequest');
  });
});

describe('conditional PUT', () => {
  it('with If-None-Match: * makes an object once', async () => {
    expect((await put('1', { 'if-none-match': '*' })).status).toBe(200);
    const again = await put('2', { 'if-none-match': '*' });
    expect(again).toMatchObject({ status: 412, code: 'PreconditionFailed' });
    expect(again.text).toContain('<Condition>If-None-Match</Condition>');
    expect((await get()).text).toBe('1');
  });

  it('compares entity tags, quoted or not, as RFC 9110 has it', async () => {
    const etag = (await put('1')).header('etag') ?? '';
    expect((await put('2', { 'if-match': '"other"' })).status).toBe(412);
    expect((await put('2', { 'if-none-match': etag })).status).toBe(412);
    expect((await put('1', { 'if-match': etag })).status).toBe(200);
    expect((await put('1', { 'if-match': md5('1') })).status).toBe(200);
    expect((await put('1', { 'if-match': '*' })).status).toBe(200);
    expect((await put('1', { 'if-none-match': '"other"' })).status).toBe(200);
  });

  it('answers If-Match without an object, or with a delete marker, by NoSuchKey', async () => {
    expect(await put('1', { 'if-match': '*' })).toMatchObject({ status: 404, code: 'NoSuchKey' });
    await bench.createBucket('versioned', { versioning: 'enabled' });
    await put('1', {}, '/versioned/key');
    await bench.send('/versioned/key', { method: 'DELETE' });
    expect((await put('1', { 'if-match': '*' }, '/versioned/key')).code).toBe('NoSuchKey');
    expect((await put('1', { 'if-none-match': '*' }, '/versioned/key')).status).toBe(200);
  });

  it('is judged again when the body has arrived', async () => {
    const etag = (await put('1')).header('etag') ?? '';
    async function* slow(): AsyncGenerator<Uint8Array> {
      yield Buffer.from('slow');
      await put('2');
    }
    expect((await put(slow(), { 'if-match': etag })).code).toBe('PreconditionFailed');
    expect((await get()).text).toBe('2');
  });
});
