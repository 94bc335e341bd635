import { createHash, randomBytes } from 'node:crypto';
import { gather } from '@zot-artifact-store/testkit/gather.ts';
import { S3Bench } from '@zot-artifact-store/testkit/s3-bench.ts';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { endUploads } from '../multipart/end-uploads.ts';
import { computeWholeDigests } from '../multipart/whole-digests.ts';
import { isObject } from '../store/versions.ts';

const SIGNAL = new AbortController().signal;
const SSE = 'x-amz-server-side-encryption';
const KMS_KEY = `${SSE}-aws-kms-key-id`;
const CUSTOMER = `${SSE}-customer-`;
const AES256 = { [SSE]: 'AES256' };
const KMS = { [SSE]: 'aws:kms', [KMS_KEY]: 'key-1' };

type Headers = Readonly<Record<string, string>>;
let bench: S3Bench;
beforeEach(async () => {
  bench = new S3Bench({ options: { minPartBytes: 4, customerKeysOverHttp: true } });
  await bench.createBucket();
});
afterEach(async () => {
  await endUploads(bench.deps, SIGNAL);
  expect(await bench.problems()).toEqual([]);
  await bench.close();
});

function customer(byte: number, prefix = CUSTOMER): Headers {
  const key = Buffer.alloc(32, byte);
  return {
    [`${prefix}algorithm`]: 'AES256',
    [`${prefix}key`]: key.toString('base64'),
    [`${prefix}key-md5`]: createHash('md5').update(key).digest('base64'),
  };
}
const source = (byte: number) => customer(byte, 'x-amz-copy-source-server-side-encryption-customer-');

const put = (key: string, body: string | Buffer, headers: Headers = {}) =>
  bench.send(`/bucket/${key}`, { method: 'PUT', body, headers });
const get = (key: string, headers: Headers = {}) => bench.send(`/bucket/${key}`, { headers });
const copy = (from: string, to: string, headers: Headers = {}) =>
  bench.send(`/bucket/${to}`, {
    method: 'PUT',
    headers: { 'x-amz-copy-source': `/bucket/${from}`, ...headers },
  });

/** What the store has under the key, as a thief of the disk sees it. */
async function storedBytes(key: string): Promise<Buffer> {
  const found = await bench.deps.versions.current({ bucket: await bench.bucket(), key });
  if (found === undefined || !isObject(found)) throw new Error(`there is no ${key}`);
  return Buffer.concat(await gather(await bench.deps.content.read(found.record.body)));
}

const hex = (algorithm: string, body: string | Buffer) => createHash(algorithm).update(body).digest('hex');

describe('server-side encryption', () => {
  it('keeps the content of an object encrypted, with a key of this server, one of its own, or the client’s', async () => {
    for (const body of ['', 'a secret that nobody may find', randomBytes(200_000).toString('base64')]) {
      for (const [name, headers, opening] of [
        ['server', AES256, {}],
        ['kms', KMS, {}],
        ['customer', customer(7), customer(7)],
      ] as const) {
        const done = await put(name, body, headers);
        expect(done.status).toBe(200);
        const got = await get(name, opening);
        expect(got.text).toBe(body);
        expect(got.header('content-length')).toBe(String(body.length));
        expect(got.header('etag')).toBe(done.header('etag'));
        const shown = name === 'customer' ? { [`${CUSTOMER}algorithm`]: 'AES256' } : headers;
        expect(done.headers).toMatchObject(shown);
        expect(got.headers).toMatchObject(shown);
        if (body.length > 0) expect((await storedBytes(name)).includes(body.slice(0, 20))).toBe(false);
      }
    }
    expect((await bench.send('/bucket?list-type=2&prefix=kms')).text).toContain('<Size>266668</Size>');
  });

  it('tells the MD5 and SHA-256 of the content only where the server alone has the key', async () => {
    await put('server', 'content', AES256);
    await put('kms', 'content', KMS);
    await put('customer', 'content', customer(1));
    const server = await get('server');
    expect(server.header('etag')).toBe(`"${hex('md5', 'content')}"`);
    expect(server.header('x-zas-sha256')).toBe(hex('sha256', 'content'));
    expect((await get('kms')).header('etag')).toMatch(/^"[0-9a-f]{32}"$/);
    expect((await get('kms')).header('etag')).not.toBe(server.header('etag'));
    const sealed = await get('customer', customer(1));
    expect(sealed.header('etag')).not.toBe(server.header('etag'));
    expect(sealed.header('x-zas-sha256')).toBeUndefined();
    expect(sealed.header('x-zas-sha256-state')).toBe('not-kept');
  });

  it('still checks what the client says of its body', async () => {
    const md5 = Buffer.from(hex('md5', 'other'), 'hex').toString('base64');
    expect((await put('k', 'content', { ...AES256, 'content-md5': md5 })).code).toBe('BadDigest');
    expect((await put('k', 'content', { ...AES256, 'x-amz-checksum-crc32': 'AAAAAA==' })).code).toBe(
      'BadDigest',
    );
    const wrong = { ...AES256, 'x-amz-content-sha256': hex('sha256', 'other') };
    expect((await put('k', 'content', wrong)).code).toBe('XAmzContentSHA256Mismatch');
    const short = await bench.send('/bucket/k', {
      method: 'PUT',
      body: 'short',
      declaredBytes: 10,
      headers: AES256,
    });
    expect(short.code).toBe('IncompleteBody');
    expect((await get('k')).code).toBe('NoSuchKey');
    const right = { ...AES256, 'x-amz-content-sha256': hex('sha256', 'content') };
    expect((await put('k', 'content', right)).status).toBe(200);
  });

  it('gives ranges', async () => {
    const body = randomBytes(150_000).toString('hex');
    await put('k', body, customer(3));
    for (const [start, end] of [
      [0, 0],
      [65_535, 65_536],
      [100_000, 299_999],
      [299_999, 299_999],
    ] as const) {
      const got = await get('k', { ...customer(3), range: `bytes=${start}-${end}` });
      expect(got.status).toBe(206);
      expect(got.text).toBe(body.slice(start, end + 1));
    }
  });

  it('needs the key of the customer for everything that is read of the object', async () => {
    await put('k', 'content', customer(1));
    await put('plain', 'content');
    const attributes = { 'x-amz-object-attributes': 'ObjectSize' };
    expect((await bench.send('/bucket/k', { method: 'HEAD' })).status).toBe(400);
    for (const [target, headers] of [
      ['k', {}],
      ['k', customer(2)],
      ['k?attributes', attributes],
      ['k?attributes', { ...attributes, ...customer(2) }],
      ['plain', customer(1)],
    ] as const)
      expect((await get(target, headers)).code).toBe('InvalidRequest');
    expect((await get('k?attributes', { ...attributes, ...customer(1) })).status).toBe(200);
    expect((await copy('k', 'copy')).code).toBe('InvalidRequest');
    expect((await copy('k', 'copy', source(2))).code).toBe('InvalidRequest');
    for (const headers of [AES256, KMS]) expect((await get('plain', headers)).code).toBe('InvalidArgument');
  });

  it('refuses what is incomplete, contradicts itself, or names a key that there is not', async () => {
    const { [`${CUSTOMER}algorithm`]: algorithm = '', ...noAlgorithm } = customer(1);
    const { [`${CUSTOMER}key-md5`]: _md5, ...noMd5 } = customer(1);
    for (const [headers, code] of [
      [{ [SSE]: 'rot13' }, 'InvalidArgument'],
      [{ [SSE]: 'aws:kms' }, 'InvalidArgument'],
      [{ [SSE]: 'AES256', [KMS_KEY]: 'key-1' }, 'InvalidArgument'],
      [{ [KMS_KEY]: 'key-1' }, 'InvalidArgument'],
      [{ ...AES256, ...customer(1) }, 'InvalidArgument'],
      [{ ...KMS, ...customer(1) }, 'InvalidArgument'],
      [{ ...KMS, [`${SSE}-context`]: 'e30=' }, 'InvalidArgument'],
      [noAlgorithm, 'InvalidArgument'],
      [noMd5, 'InvalidArgument'],
      [{ [`${CUSTOMER}algorithm`]: algorithm }, 'InvalidArgument'],
      [{ ...customer(1), [`${CUSTOMER}key`]: 'c2hvcnQ=' }, 'InvalidArgument'],
      [{ ...customer(1), [`${CUSTOMER}key-md5`]: 'AAAAAAAAAAAAAAAAAAAAAA==' }, 'InvalidArgument'],
      [{ ...customer(1), [`${CUSTOMER}algorithm`]: 'AES192' }, 'InvalidEncryptionAlgorithmError'],
    ] as const) {
      const reply = await put('k', 'content', headers);
      expect(reply).toMatchObject({ status: 400, code });
      expect(reply.text).not.toContain('c2hvcnQ');
    }
    const unknown = await put('k', 'content', { ...KMS, [KMS_KEY]: 'key-2' });
    expect(unknown.text).toContain('<Code>KMS.NotFoundException</Code>');
    expect((await get('k')).code).toBe('NoSuchKey');
  });

  it('takes keys of customers only where nobody can read them on the way', async () => {
    const strict = new S3Bench({ options: { trustedProxies: ['127.0.0.1'] } });
    await strict.createBucket();
    const send = (headers: Headers) => strict.send('/bucket/k', { method: 'PUT', body: 'x', headers });
    expect((await send(customer(1))).code).toBe('InvalidRequest');
    expect((await send({ ...customer(1), 'x-forwarded-proto': 'https' })).status).toBe(200);
    await strict.close();
  });

  it('is what the bucket says for what comes without a word', async () => {
    const rule =
      '<ServerSideEncryptionConfiguration><Rule><ApplyServerSideEncryptionByDefault><SSEAlgorithm>aws:kms</SSEAlgorithm><KMSMasterKeyID>key-1</KMSMasterKeyID></ApplyServerSideEncryptionByDefault></Rule></ServerSideEncryptionConfiguration>';
    await put('before', 'content');
    await bench.send('/bucket?encryption', { method: 'PUT', body: rule });
    expect((await put('k', 'content')).headers).toMatchObject(KMS);
    expect((await get('k')).headers).toMatchObject(KMS);
    expect((await put('k', 'content', AES256)).header(SSE)).toBe('AES256');
    expect((await copy('before', 'copied')).headers).toMatchObject(KMS);
    expect((await get('before')).header(SSE)).toBeUndefined();
    expect((await get('copied')).text).toBe('content');
  });
});

describe('a copy of an encrypted object', () => {
  it('goes from any key to any other', async () => {
    const ways = [
      [{}, {}, {}],
      [AES256, {}, {}],
      [KMS, {}, {}],
      [customer(1), source(1), customer(1)],
      [customer(2), source(2), customer(2)],
    ] as const;
    for (const [from, opening] of ways) {
      await put('from', 'content of the source', from);
      for (const [to, , reading] of ways) {
        const done = await copy('from', 'to', { ...opening, ...to });
        expect(done.status).toBe(200);
        expect((await get('to', reading)).text).toBe('content of the source');
      }
    }
  });

  it('stays encrypted when nobody says how, and shares the content where the key is the same', async () => {
    await put('from', 'content', AES256);
    const copied = await copy('from', 'to');
    expect(copied.header(SSE)).toBe('AES256');
    expect((await storedBytes('to')).equals(await storedBytes('from'))).toBe(true);
    await put('mine', 'content', customer(1));
    expect((await copy('mine', 'to', source(1))).header(SSE)).toBe('AES256');
  });

  it('has the checksum that is asked for, of its content', async () => {
    await put('from', 'content', AES256);
    const copied = await copy('from', 'to', { 'x-amz-checksum-algorithm': 'SHA256' });
    expect(copied.text).toContain(Buffer.from(hex('sha256', 'content'), 'hex').toString('base64'));
  });
});

describe('a multipart upload that is encrypted', () => {
  async function upload(headers: Headers, partHeaders: Headers): Promise<{ id: string; document: string }> {
    const begun = await bench.send('/bucket/big?uploads', { method: 'POST', headers });
    const id = /<UploadId>(\w+)<\/UploadId>/.exec(begun.text)?.[1] ?? '';
    let document = '';
    for (const [index, body] of PARTS.entries()) {
      const part = await bench.send(`/bucket/big?partNumber=${index + 1}&uploadId=${id}`, {
        method: 'PUT',
        body,
        headers: partHeaders,
      });
      document += `<Part><PartNumber>${index + 1}</PartNumber><ETag>${part.header('etag')}</ETag></Part>`;
    }
    return { id, document: `<CompleteMultipartUpload>${document}</CompleteMultipartUpload>` };
  }

  const PARTS = [randomBytes(70_000).toString('hex'), 'tiny', randomBytes(40_000).toString('hex')];
  const WHOLE = PARTS.join('');

  it('is read whole, in ranges and by parts, and has a digest', async () => {
    for (const [headers, partHeaders] of [
      [AES256, {}],
      [KMS, {}],
      [customer(5), customer(5)],
    ] as const) {
      const { id, document } = await upload(headers, partHeaders);
      const done = await bench.send(`/bucket/big?uploadId=${id}`, { method: 'POST', body: document });
      expect(done.status).toBe(200);
      const opening = headers === AES256 || headers === KMS ? {} : headers;
      expect((await get('big', opening)).text).toBe(WHOLE);
      for (const [start, end] of [
        [0, 10],
        [139_990, 140_010],
        [140_004, WHOLE.length - 1],
      ] as const) {
        const got = await get('big', { ...opening, range: `bytes=${start}-${end}` });
        expect(got.text).toBe(WHOLE.slice(start, end + 1));
      }
      expect((await get('big?partNumber=2', opening)).text).toBe('tiny');
      await computeWholeDigests(bench.deps, SIGNAL);
      const read = await get('big', opening);
      expect(read.text).toBe(WHOLE);
      expect(read.header('x-zas-sha256')).toBe(opening === headers ? undefined : hex('sha256', WHOLE));
      const copied = await copy('big', 'plain', opening === headers ? source(5) : {});
      expect(copied.status).toBe(200);
      expect((await get('plain')).text).toBe(WHOLE);
    }
  });

  it('takes parts with the key of the upload alone', async () => {
    const { id, document } = await upload(customer(1), customer(1));
    const target = `/bucket/big?partNumber=1&uploadId=${id}`;
    for (const headers of [{}, customer(2)])
      expect((await bench.send(target, { method: 'PUT', body: 'part', headers })).code).toBe(
        'InvalidRequest',
      );
    const finish = (headers: Headers) =>
      bench.send(`/bucket/big?uploadId=${id}`, { method: 'POST', body: document, headers });
    expect((await finish(customer(2))).code).toBe('InvalidRequest');
    expect((await finish(customer(1))).status).toBe(200);
  });

  it('copies parts from objects with other keys', async () => {
    await put('from', WHOLE, customer(1));
    const begun = await bench.send('/bucket/big?uploads', { method: 'POST', headers: KMS });
    const id = /<UploadId>(\w+)<\/UploadId>/.exec(begun.text)?.[1] ?? '';
    const part = await bench.send(`/bucket/big?partNumber=1&uploadId=${id}`, {
      method: 'PUT',
      headers: {
        ...source(1),
        'x-amz-copy-source': '/bucket/from',
        'x-amz-copy-source-range': 'bytes=5-100004',
      },
    });
    const etag = /<ETag>(.*)<\/ETag>/.exec(part.text)?.[1] ?? '';
    const document = `<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>${etag}</ETag></Part></CompleteMultipartUpload>`;
    await bench.send(`/bucket/big?uploadId=${id}`, { method: 'POST', body: document });
    expect((await get('big')).text).toBe(WHOLE.slice(5, 100_005));
  });
});
