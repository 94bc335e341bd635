import { S3Bench, type S3Request } from '@zot-artifact-store/testkit/s3-bench.ts';
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

function put(target: string, body = 'content', headers: Record<string, string> = {}) {
  return bench.send(target, { method: 'PUT', body, headers });
}

function copy(
  source: string,
  target: string,
  headers: Record<string, string> = {},
  more: Partial<S3Request> = {},
) {
  return bench.send(target, {
    method: 'PUT',
    headers: { 'x-amz-copy-source': source, ...headers },
    ...more,
  });
}

function head(target: string, headers: Record<string, string> = {}) {
  return bench.send(target, { method: 'HEAD', headers });
}

const described = {
  'content-type': 'text/plain',
  'cache-control': 'no-cache',
  'x-amz-meta-a': '1',
  'x-amz-tagging': 'k=v',
  'x-amz-website-redirect-location': '/elsewhere',
};

describe('CopyObject', () => {
  it('gives another key the same content, and takes no space for it', async () => {
    const body = 'x'.repeat(100_000);
    const etag = (await put('/bucket/a', body)).header('etag');
    bench.nowMs += 1_000;
    const reply = await copy('bucket/a', '/bucket/b');
    expect(reply.status).toBe(200);
    expect(reply.text).toContain(`<ETag>&quot;${etag?.slice(1, -1)}&quot;</ETag><ChecksumCRC64NVME>`);
    expect(reply.text).toContain('<LastModified>2023-11-14T22:13:21.000Z</LastModified>');
    expect((await bench.send('/bucket/b')).text).toBe(body);
    let objects = 0;
    for await (const _ of bench.driver.list()) objects += 1;
    expect(objects).toBe(1);
    await bench.send('/bucket/a', { method: 'DELETE' });
    bench.nowMs += 100_000;
    await bench.collect();
    expect((await bench.send('/bucket/b')).text).toBe(body);
    expect(bench.events).toContainEqual(
      expect.objectContaining({ operation: 'copy', key: 'b', actor: 'alice' }),
    );
  });

  it('finds its source however it is spelled', async () => {
    for (const [key, source] of [
      ['a%3Fb', 'bucket/a%3Fb'],
      ['a+b', '/bucket/a+b'],
      ['%C3%A4%20%25', '/bucket/%C3%A4%20%25'],
      ['a%3FversionId=x', 'bucket/a%3FversionId=x'],
      ['d%2F%2Fe', 'bucket/d//e'],
      ['/f', '/bucket//f'],
    ] as const) {
      await put(`/bucket/${key}`, source);
      expect((await copy(source, '/bucket/copy')).status).toBe(200);
      expect((await bench.send('/bucket/copy')).text).toBe(source);
    }
  });

  it('refuses a source that cannot be one', async () => {
    for (const source of [
      'bucket/%ZZ',
      '%',
      'bucket/%C3%',
      'bucket',
      'bucket/',
      '',
      '/',
      '192.168.1.1/foo',
      'my-buc@k&()t/obj',
      'bucket/../x',
      'bucket/a?versionId=x',
      'bucket/a?versionId=',
    ])
      expect([source, (await copy(source, '/bucket/b')).code]).toEqual([source, 'InvalidArgument']);
    expect(await copy('elsewhere/a', '/bucket/b')).toMatchObject({ status: 404, code: 'NoSuchBucket' });
    expect(await copy('bucket/a', '/bucket/b')).toMatchObject({ status: 404, code: 'NoSuchKey' });
    await put('/bucket/a');
    expect(await copy('bucket/a', '/elsewhere/b')).toMatchObject({ status: 404, code: 'NoSuchBucket' });
  });

  it('needs to read the source', async () => {
    await put('/bucket/a');
    const asked: string[] = [];
    const reply = await copy(
      'bucket/a',
      '/bucket/b',
      {},
      {
        can: ({ action, resource }) => {
          asked.push(`${action} ${resource}`);
          return false;
        },
      },
    );
    expect(reply).toMatchObject({ status: 403, code: 'AccessDenied' });
    expect(asked).toEqual(['s3:GetObject bucket:bucket/a']);
    const owner = { 'x-amz-source-expected-bucket-owner': 'bob' };
    expect((await copy('bucket/a', '/bucket/b', owner)).code).toBe('AccessDenied');
  });

  it('takes what describes the source, but no redirect, or with REPLACE what the request says', async () => {
    await put('/bucket/a', 'content', described);
    await copy('bucket/a', '/bucket/b');
    const copied = await head('/bucket/b');
    expect(copied.headers).toMatchObject({
      'content-type': 'text/plain',
      'cache-control': 'no-cache',
      'x-amz-meta-a': '1',
      'x-amz-tagging-count': '1',
    });
    expect(copied.header('x-amz-website-redirect-location')).toBeUndefined();
    await copy('bucket/a', '/bucket/c', { 'x-amz-metadata-directive': 'REPLACE', 'x-amz-meta-b': '2' });
    const replaced = await head('/bucket/c');
    expect(replaced.headers).toMatchObject({
      'content-type': 'binary/octet-stream',
      'x-amz-meta-b': '2',
      'x-amz-tagging-count': '1',
    });
    expect(replaced.header('x-amz-meta-a')).toBeUndefined();
    await copy('bucket/a', '/bucket/d', { 'x-amz-tagging-directive': 'REPLACE', 'x-amz-tagging': 'a=1&b=2' });
    expect((await head('/bucket/d')).headers).toMatchObject({
      'content-type': 'text/plain',
      'x-amz-tagging-count': '2',
    });
    for (const name of ['x-amz-metadata-directive', 'x-amz-tagging-directive'])
      expect((await copy('bucket/a', '/bucket/e', { [name]: 'invalid' })).code).toBe('InvalidArgument');
  });

  it('to itself must change something', async () => {
    await put('/bucket/a', 'content', described);
    expect(await copy('bucket/a', '/bucket/a')).toMatchObject({ status: 400, code: 'InvalidRequest' });
    for (const headers of [
      { 'x-amz-metadata-directive': 'REPLACE', 'x-amz-meta-b': '2' },
      { 'x-amz-checksum-algorithm': 'SHA1' },
      { 'x-amz-storage-class': 'STANDARD' },
      { 'x-amz-website-redirect-location': '/x' },
    ] as Record<string, string>[])
      expect((await copy('bucket/a', '/bucket/a', headers)).status).toBe(200);
    expect((await bench.send('/bucket/a')).text).toBe('content');
  });

  it('keeps the checksum, or computes another', async () => {
    await put('/bucket/a', '123456789', { 'x-amz-checksum-crc32c': '4waSgw==' });
    expect((await copy('bucket/a', '/bucket/b')).text).toContain('<ChecksumCRC32C>4waSgw==</ChecksumCRC32C>');
    for (const [algorithm, value] of [
      ['CRC32', 'y/Q5Jg=='],
      ['CRC64NVME', 'rosUhgp5mIg='],
      ['SHA1', '98O8HYCOBHMq32eZZczDTKeuNEE='],
      ['SHA256', 'FeKw08M4keuw8e9gnsQZQgwg4yDOlMZfvIwzEkSOsiU='],
    ] as const) {
      const reply = await copy('bucket/a', '/bucket/b', { 'x-amz-checksum-algorithm': algorithm });
      expect(reply.text).toContain(`<Checksum${algorithm}>${value}</Checksum${algorithm}>`);
      const shown = await head('/bucket/b', { 'x-amz-checksum-mode': 'ENABLED' });
      expect(shown.header(`x-amz-checksum-${algorithm.toLowerCase()}`)).toBe(value);
    }
    expect((await copy('bucket/a', '/bucket/b', { 'x-amz-checksum-algorithm': 'MD4' })).code).toBe(
      'InvalidRequest',
    );
  });

  it('obeys conditions on the source and on the target', async () => {
    const etag = (await put('/bucket/a')).header('etag') ?? '';
    bench.nowMs += 60_000;
    const before = 'Tue, 14 Nov 2023 22:13:19 GMT';
    const after = 'Tue, 14 Nov 2023 22:13:21 GMT';
    for (const [headers, status] of [
      [{ 'x-amz-copy-source-if-match': etag }, 200],
      [{ 'x-amz-copy-source-if-match': 'other' }, 412],
      [{ 'x-amz-copy-source-if-none-match': 'other' }, 200],
      [{ 'x-amz-copy-source-if-none-match': etag }, 412],
      [{ 'x-amz-copy-source-if-modified-since': before }, 200],
      [{ 'x-amz-copy-source-if-modified-since': after }, 412],
      [{ 'x-amz-copy-source-if-unmodified-since': after }, 200],
      [{ 'x-amz-copy-source-if-unmodified-since': before }, 412],
      [{ 'if-none-match': '*' }, 412],
      [{ 'if-match': etag }, 200],
      [{ 'if-match': 'other' }, 412],
    ] as const) {
      const reply = await copy('bucket/a', '/bucket/b', headers as unknown as Record<string, string>);
      expect([headers, reply.status]).toEqual([headers, status]);
    }
  });

  it('copies a version, and restores it onto its own key', async () => {
    await bench.createBucket('versioned', { versioning: 'enabled' });
    const first = (await put('/versioned/a', 'first')).header('x-amz-version-id');
    await put('/versioned/a', 'second');
    const reply = await copy(`versioned/a?versionId=${first}`, '/versioned/a');
    expect(reply).toMatchObject({ status: 200, headers: { 'x-amz-copy-source-version-id': first } });
    expect(reply.header('x-amz-version-id')).not.toBe(first);
    expect((await bench.send('/versioned/a')).text).toBe('first');
    const marker = (await bench.send('/versioned/a', { method: 'DELETE' })).header('x-amz-version-id');
    expect(await copy(`versioned/a?versionId=${marker}`, '/bucket/b')).toMatchObject({
      status: 400,
      code: 'InvalidRequest',
    });
    expect((await copy('versioned/a', '/bucket/b')).code).toBe('NoSuchKey');
    const unversioned = await copy(`versioned/a?versionId=${first}`, '/bucket/b');
    expect(unversioned.header('x-amz-version-id')).toBeUndefined();
  });

  it('does not copy protection, and takes it from the request', async () => {
    await bench.createBucket('locked', { versioning: 'enabled', objectLock: true });
    const hold = { 'x-amz-object-lock-legal-hold': 'ON' };
    await put('/locked/a', 'content', hold);
    await copy('locked/a', '/locked/b');
    expect((await head('/locked/b')).header('x-amz-object-lock-legal-hold')).toBeUndefined();
    await copy('locked/a', '/locked/c', hold);
    expect((await head('/locked/c')).headers).toMatchObject(hold);
    expect((await copy('locked/a', '/bucket/c', hold)).code).toBe('InvalidRequest');
  });
});
