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

const BODY = Array.from({ length: 100 }, (_, i) => String.fromCharCode(33 + (i % 90))).join('');

function put(body = BODY, target = '/bucket/key', headers: Record<string, string> = {}) {
  return bench.send(target, { method: 'PUT', body, headers });
}

function get(target = '/bucket/key', headers: Record<string, string> = {}, method = 'GET') {
  return bench.send(target, { method, headers });
}

async function enableVersioning(): Promise<void> {
  await bench.deps.buckets.update((await bench.bucket()).name, ({ record }) => ({
    ...record,
    versioning: 'enabled',
  }));
}

describe('GetObject and HeadObject', () => {
  it('answer the same but for the body', async () => {
    await put(BODY, '/bucket/key', { 'x-amz-meta-a': '1' });
    const [whole, head] = [await get(), await get('/bucket/key', {}, 'HEAD')];
    expect(head.headers).toEqual(whole.headers);
    expect(head.status).toBe(200);
    expect(whole.text).toBe(BODY);
    expect(whole.headers).toMatchObject({
      'content-length': '100',
      'accept-ranges': 'bytes',
      'last-modified': 'Tue, 14 Nov 2023 22:13:20 GMT',
      'x-amz-request-id': 'request-1',
    });
    expect(whole.header('x-amz-version-id')).toBeUndefined();
    expect(whole.header('x-amz-storage-class')).toBeUndefined();
  });

  it('tell a missing key from a missing bucket', async () => {
    const reply = await get('/bucket/a%20%3Ckey%3E');
    expect(reply).toMatchObject({ status: 404, code: 'NoSuchKey' });
    expect(reply.text).toContain('<Key>a &lt;key&gt;</Key>');
    expect(await get('/elsewhere/key')).toMatchObject({ status: 404, code: 'NoSuchBucket' });
  });

  it('hide what is missing from who may not list the bucket', async () => {
    const asked: unknown[] = [];
    const can = (permission: unknown) => {
      asked.push(permission);
      return false;
    };
    expect(await bench.send('/bucket/key', { can })).toMatchObject({ status: 403, code: 'AccessDenied' });
    expect(asked).toEqual([
      { action: 's3:ListBucket', resource: 'bucket:bucket', attributes: { 's3:prefix': 'key' } },
    ]);
    await put();
    expect((await bench.send('/bucket/key', { can })).status).toBe(200);
  });

  it('keep keys apart that only look alike', async () => {
    const keys = [
      'a',
      'a/',
      'a//b',
      '/a',
      'a%2Bb',
      'a+b',
      'a%25b',
      'a%3Fb',
      'a%23b',
      'a%5Cb',
      '%F0%9F%98%80',
      'a%0Ab',
      'A',
    ];
    for (const key of keys) await put(key, `/bucket/${key}`);
    // An escaped plus is the plus that was put last.
    for (const key of keys) expect((await get(`/bucket/${key}`)).text).toBe(key === 'a%2Bb' ? 'a+b' : key);
  });

  it('refuse a key that no object can have', async () => {
    expect((await get(`/bucket/${'x'.repeat(1_025)}`)).code).toBe('KeyTooLongError');
    for (const key of ['a%00b', '%FF', '../x', 'a/../../x', '%']) {
      expect(await get(`/bucket/${key}`)).toMatchObject({ status: 400, code: 'InvalidURI' });
    }
    expect((await get(`/bucket/${'x'.repeat(1_024)}`)).code).toBe('NoSuchKey');
  });

  it('replace headers of the reply for who signed the request', async () => {
    await put();
    const query =
      'response-content-type=text%2Fplain&response-content-disposition=attachment%3B%20filename%3D%22%C3%A4%22&response-expires=never&response-cache-control=no-cache&response-content-language=de&response-content-encoding=txt';
    expect((await get(`/bucket/key?${query}`)).headers).toMatchObject({
      'content-type': 'text/plain',
      'content-disposition': 'attachment; filename="\u00c3\u00a4"',
      expires: 'never',
      'cache-control': 'no-cache',
      'content-language': 'de',
      'content-encoding': 'txt',
    });
    const anonymous = { principal: { kind: 'anonymous' } } as const;
    expect(await bench.send(`/bucket/key?${query}`, anonymous)).toMatchObject({ code: 'InvalidRequest' });
    expect((await get('/bucket/key?response-expires=a%0D%0Aset-cookie:b')).code).toBe('InvalidArgument');
  });

  it('ask the vetoes before a body is served, not before a HEAD', async () => {
    const { StoreError } = await import('@zot-artifact-store/spec');
    bench = new S3Bench({
      vetoes: {
        beforeServe: ({ kind, digest }) => {
          throw new StoreError('denied', `${kind} ${digest} is not signed`);
        },
      },
    });
    await bench.createBucket();
    await put();
    expect((await get('/bucket/key', {}, 'HEAD')).status).toBe(200);
    expect(await get()).toMatchObject({ status: 403, code: 'AccessDenied' });
  });
});

describe('a range', () => {
  const last = BODY.length - 1;

  it('gets what it asks for', async () => {
    await put();
    for (const [range, start, end] of [
      ['bytes=00-01', 0, 1],
      ['bytes=-1', last, last],
      ['bytes=-100', 0, last],
      ['bytes=-101', 0, last],
      ['bytes=0-0', 0, 0],
      ['bytes=0-999999', 0, last],
      ['bytes=50-', 50, last],
      ['bytes=99-99', 99, 99],
      ['bytes=0-99999999999999999999', 0, last],
    ] as const) {
      const reply = await get('/bucket/key', { range });
      expect(reply.status).toBe(206);
      expect(reply.text).toBe(BODY.slice(start, end + 1));
      expect(reply.headers).toMatchObject({
        'content-range': `bytes ${start}-${end}/100`,
        'content-length': String(end - start + 1),
      });
      expect((await get('/bucket/key', { range }, 'HEAD')).headers).toEqual(reply.headers);
    }
  });

  it('gets the whole object when it is not one well-formed range of bytes', async () => {
    await put();
    for (const range of [
      'bytes=,',
      'bytes= -1',
      'bytes=--1',
      'bytes=0 -1',
      'bytes=0--1',
      'bytes=10-5',
      'bytes=abc',
      'bytes=a-z',
      'foo=0-1',
      'bytes=100-x',
      'bytes=0-0,1-2',
      'bytes=102-0',
      'bytes=-',
      'bytes=',
    ]) {
      const reply = await get('/bucket/key', { range });
      expect(reply).toMatchObject({ status: 200, text: BODY });
      expect(reply.header('content-range')).toBeUndefined();
    }
  });

  it('that begins past the end is refused, any of an empty object too', async () => {
    await put();
    for (const range of ['bytes=-0', 'bytes=100-100', 'bytes=100-']) {
      const reply = await get('/bucket/key', { range });
      expect(reply).toMatchObject({ status: 416, code: 'InvalidRange' });
      expect(reply.header('content-range')).toBe('bytes */100');
      expect(reply.text).toContain(
        `<RangeRequested>${range}</RangeRequested><ActualObjectSize>100</ActualObjectSize>`,
      );
    }
    await put('');
    for (const range of ['bytes=0-', 'bytes=-1', 'bytes=0-0'])
      expect((await get('/bucket/key', { range })).status).toBe(416);
  });

  it('is read from the middle of a large object', async () => {
    const large = BODY.repeat(2_000);
    await put(large);
    const reply = await get('/bucket/key', { range: 'bytes=123456-123555' });
    expect(reply.text).toBe(large.slice(123_456, 123_556));
  });

  it('counts only while the object is what If-Range says', async () => {
    const etag = (await put()).header('etag') ?? '';
    const range = 'bytes=0-1';
    expect((await get('/bucket/key', { range, 'if-range': etag })).status).toBe(206);
    expect((await get('/bucket/key', { range, 'if-range': '"other"' })).status).toBe(200);
    expect((await get('/bucket/key', { range, 'if-range': 'Tue, 14 Nov 2023 22:13:20 GMT' })).status).toBe(
      206,
    );
    expect((await get('/bucket/key', { range, 'if-range': 'Tue, 14 Nov 2023 22:13:21 GMT' })).status).toBe(
      200,
    );
  });
});

describe('partNumber', () => {
  it('1 of an object that came in one piece is all of it, without a count of parts', async () => {
    await put();
    const reply = await get('/bucket/key?partNumber=1');
    expect(reply).toMatchObject({ status: 206, text: BODY });
    expect(reply.header('content-range')).toBe('bytes 0-99/100');
    expect(reply.header('x-amz-mp-parts-count')).toBeUndefined();
  });

  it('1 of an empty object is it, with its checksum', async () => {
    await put('');
    const reply = await get('/bucket/key?partNumber=1', { 'x-amz-checksum-mode': 'ENABLED' });
    expect(reply).toMatchObject({ status: 200, text: '' });
    expect(reply.header('content-range')).toBeUndefined();
    expect(reply.header('x-amz-checksum-crc64nvme')).toBe('AAAAAAAAAAA=');
  });

  it('is refused above the parts there are, together with a range, and when it is no number', async () => {
    await put();
    const beyond = await get('/bucket/key?partNumber=2');
    expect(beyond).toMatchObject({ status: 416, code: 'InvalidPartNumber' });
    expect(beyond.text).toContain(
      '<ActualPartCount>1</ActualPartCount><PartNumberRequested>2</PartNumberRequested>',
    );
    expect((await get('/bucket/key?partNumber=1', { range: 'bytes=0-1' })).code).toBe('InvalidRequest');
    for (const number of ['0', '-3', '10001', 'x', ''])
      expect((await get(`/bucket/key?partNumber=${number}`)).code).toBe('InvalidArgument');
  });
});

describe('conditional reads', () => {
  const before = 'Tue, 14 Nov 2023 22:13:19 GMT';
  const after = 'Tue, 14 Nov 2023 22:13:21 GMT';
  const wrong = '"invalid"';

  /** In the order of RFC 9110 13.2.2, written down here a second time and in another way. */
  function expected(
    etag: string,
    [match, noneMatch, modified, unmodified]: readonly (string | undefined)[],
  ): number {
    if (match === wrong) return 412;
    if (match === undefined && unmodified === before) return 412;
    if (noneMatch === etag) return 304;
    if (noneMatch === undefined && modified === after) return 304;
    return 200;
  }

  it('are judged as the table of all combinations has it', async () => {
    const etag = (await put()).header('etag') ?? '';
    bench.nowMs += 60_000;
    const tags = [undefined, etag, wrong];
    const dates = [undefined, before, after];
    for (const match of tags)
      for (const noneMatch of tags)
        for (const modified of dates)
          for (const unmodified of dates) {
            const all = [match, noneMatch, modified, unmodified];
            const names = ['if-match', 'if-none-match', 'if-modified-since', 'if-unmodified-since'];
            const headers = Object.fromEntries(
              names.map((name, i) => [name, all[i]]).filter(([, value]) => value !== undefined),
            );
            const reply = await get('/bucket/key', headers);
            expect([all, reply.status]).toEqual([all, expected(etag, all)]);
          }
  });

  it('take tags quoted or not, lists and *', async () => {
    const etag = (await put()).header('etag') ?? '';
    for (const text of [etag, etag.slice(1, -1), `${wrong}, ${etag}`, '*']) {
      expect((await get('/bucket/key', { 'if-match': text })).status).toBe(200);
      expect((await get('/bucket/key', { 'if-none-match': text })).status).toBe(304);
    }
    expect((await get('/bucket/key', { 'if-none-match': `W/${etag}` })).status).toBe(304);
  });

  it('say which condition failed, and with 304 what the object is', async () => {
    const etag = (await put()).header('etag');
    const failed = await get('/bucket/key', { 'if-match': wrong });
    expect(failed.text).toContain('<Condition>If-Match</Condition>');
    const same = await get('/bucket/key', { 'if-none-match': String(etag) });
    expect(same).toMatchObject({ status: 304, text: '', headers: { etag } });
    expect(same.header('last-modified')).toBeDefined();
  });

  it('ignore a date in the future, or that is none', async () => {
    await put();
    for (const since of ['Sat, 29 Oct 2100 19:43:31 GMT', 'yesterday'])
      expect((await get('/bucket/key', { 'if-modified-since': since })).status).toBe(200);
    expect((await get('/bucket/key', { 'if-unmodified-since': 'yesterday' })).status).toBe(200);
  });
});

describe('versions', () => {
  it('are read by their ids, the one from before versioning as null', async () => {
    await put('first');
    expect((await get('/bucket/key?versionId=null')).text).toBe('first');
    await enableVersioning();
    const second = (await put('second')).header('x-amz-version-id');
    const third = (await put('third')).header('x-amz-version-id');
    expect((await get()).headers).toMatchObject({ 'x-amz-version-id': third });
    expect((await get(`/bucket/key?versionId=${second}`)).text).toBe('second');
    const reply = await get('/bucket/key?versionId=null');
    expect([reply.text, reply.header('x-amz-version-id')]).toEqual(['first', 'null']);
  });

  it('that are not there, or cannot be, are told apart', async () => {
    await put();
    const unknown = 'f'.repeat(32);
    const reply = await get(`/bucket/key?versionId=${unknown}`);
    expect(reply).toMatchObject({ status: 404, code: 'NoSuchVersion' });
    expect(reply.text).toContain(`<Key>key</Key><VersionId>${unknown}</VersionId>`);
    for (const id of ['', 'x', '../../secret.txt', 'F'.repeat(32)])
      expect((await get(`/bucket/key?versionId=${id}`)).code).toBe('InvalidArgument');
  });

  it('hide behind a delete marker, which cannot be read itself', async () => {
    await enableVersioning();
    await put();
    const marker = (await bench.send('/bucket/key', { method: 'DELETE' })).header('x-amz-version-id');
    const current = await get();
    expect(current).toMatchObject({ status: 404, code: 'NoSuchKey' });
    expect(current.headers).toMatchObject({ 'x-amz-delete-marker': 'true', 'x-amz-version-id': marker });
    const byId = await get(`/bucket/key?versionId=${marker}`);
    expect(byId).toMatchObject({ status: 405, code: 'MethodNotAllowed' });
    expect(byId.headers).toMatchObject({ allow: 'DELETE', 'x-amz-delete-marker': 'true' });
    expect((await get('/bucket/other', {}, 'HEAD')).headers).toMatchObject({
      'x-amz-delete-marker': 'false',
    });
  });
});

describe('GetObjectAttributes', () => {
  const attributes = (names: string, target = '/bucket/key') =>
    get(`${target}?attributes`, { 'x-amz-object-attributes': names });

  it('has what was asked for, the tag without quotes', async () => {
    const etag = ((await put('123456789')).header('etag') ?? '').slice(1, -1);
    const reply = await attributes('ETag,Checksum, ObjectParts,StorageClass,ObjectSize');
    expect(reply.text).toContain(
      `<ETag>${etag}</ETag><Checksum><ChecksumCRC64NVME>rosUhgp5mIg=</ChecksumCRC64NVME><ChecksumType>FULL_OBJECT</ChecksumType></Checksum><StorageClass>STANDARD</StorageClass><ObjectSize>9</ObjectSize></GetObjectAttributesResponse>`,
    );
    expect(reply.header('last-modified')).toBeDefined();
    expect((await attributes('ObjectSize')).text).not.toContain('ETag');
  });

  it('is refused without attributes, and with ones that there are not', async () => {
    await put();
    expect((await attributes('')).code).toBe('InvalidRequest');
    const reply = await attributes('ETag,Colour');
    expect(reply.code).toBe('InvalidArgument');
    expect(reply.text).toContain('<ArgumentValue>Colour</ArgumentValue>');
    expect((await attributes('ETag', '/bucket/other')).code).toBe('NoSuchKey');
  });
});

describe('x-amz-expected-bucket-owner', () => {
  it('must be the owner, by name or canonical id', async () => {
    const { canonicalId } = await import('../owner.ts');
    await put();
    for (const owner of ['alice', canonicalId('alice')])
      expect((await get('/bucket/key', { 'x-amz-expected-bucket-owner': owner })).status).toBe(200);
    const reply = await get('/bucket/key', { 'x-amz-expected-bucket-owner': 'bob' });
    expect(reply).toMatchObject({ status: 403, code: 'AccessDenied' });
  });
});
