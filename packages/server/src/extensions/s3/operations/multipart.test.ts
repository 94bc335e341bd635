import { createHash } from 'node:crypto';
import { S3Bench } from '@zot-artifact-store/testkit/s3-bench.ts';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { endUploads } from '../multipart/end-uploads.ts';
import { computeWholeDigests } from '../multipart/whole-digests.ts';

const SIGNAL = new AbortController().signal;
let bench: S3Bench;
beforeEach(async () => {
  bench = new S3Bench({ options: { minPartBytes: 4 } });
  await bench.createBucket();
});
afterEach(async () => {
  await endUploads(bench.deps, SIGNAL);
  expect(await bench.problems()).toEqual([]);
  await bench.close();
});

async function begin(headers: Record<string, string> = {}, key = 'big'): Promise<string> {
  const reply = await bench.send(`/bucket/${key}?uploads`, { method: 'POST', headers });
  return /<UploadId>(\w+)<\/UploadId>/.exec(reply.text)?.[1] ?? '';
}

async function part(uploadId: string, number: number, body: string, headers: Record<string, string> = {}) {
  const reply = await bench.send(`/bucket/big?partNumber=${number}&uploadId=${uploadId}`, {
    method: 'PUT',
    body,
    headers,
  });
  return { ...reply, etag: reply.header('etag') ?? '' };
}

const list = (parts: readonly { readonly number: number; readonly etag: string; readonly more?: string }[]) =>
  `<CompleteMultipartUpload>${parts
    .map(
      ({ number, etag, more = '' }) =>
        `<Part><PartNumber>${number}</PartNumber><ETag>${etag}</ETag>${more}</Part>`,
    )
    .join('')}</CompleteMultipartUpload>`;

const complete = (uploadId: string, body: string, headers: Record<string, string> = {}) =>
  bench.send(`/bucket/big?uploadId=${uploadId}`, { method: 'POST', body, headers });

const md5 = (text: string) => createHash('md5').update(text).digest();

describe('a multipart upload', () => {
  it('completes an upload by a list, and answers the same again', async () => {
    const uploadId = await begin({ 'content-type': 'text/plain', 'x-amz-meta-a': '1' });
    const first = await part(uploadId, 1, 'hello ');
    const third = await part(uploadId, 3, 'world');
    await part(uploadId, 7, 'not in the list');
    const body = list([
      { number: 1, etag: first.etag },
      { number: 3, etag: third.etag.replaceAll('"', '') },
    ]);
    const done = await complete(uploadId, body);
    const etag = createHash('md5')
      .update(Buffer.concat([md5('hello '), md5('world')]))
      .digest('hex');
    expect(done.text).toContain(`<ETag>&quot;${etag}-2&quot;</ETag>`);
    expect((await complete(uploadId, body)).text).toBe(done.text);
    const got = await bench.send('/bucket/big');
    expect(got.text).toBe('hello world');
    expect(got.header('content-type')).toBe('text/plain');
    expect(got.header('x-amz-meta-a')).toBe('1');
    expect((await part(uploadId, 1, 'late')).code).toBe('NoSuchUpload');
  });

  it('has the digest of its whole content once that was computed, and takes no space for it', async () => {
    const uploadId = await begin();
    const parts = [];
    for (const [index, text] of ['a'.repeat(5000), 'b'.repeat(5000)].entries()) {
      parts.push({ number: index + 1, etag: (await part(uploadId, index + 1, text)).etag });
    }
    await complete(uploadId, list(parts));
    expect((await bench.send('/bucket/big')).header('x-zas-sha256-state')).toBe('pending');
    expect(await computeWholeDigests(bench.deps, SIGNAL)).toBe(1);
    const sha256 = createHash('sha256')
      .update('a'.repeat(5000) + 'b'.repeat(5000))
      .digest('hex');
    const got = await bench.send('/bucket/big');
    expect(got.header('x-zas-sha256')).toBe(sha256);
    expect(got.text.length).toBe(10_000);
    expect(await computeWholeDigests(bench.deps, SIGNAL)).toBe(0);
  });

  it('has the checksum of the whole without reading it again', async () => {
    const uploadId = await begin({
      'x-amz-checksum-algorithm': 'CRC32',
      'x-amz-checksum-type': 'FULL_OBJECT',
    });
    const parts = [];
    for (const [index, text] of ['1234', '56789'].entries()) {
      parts.push({ number: index + 1, etag: (await part(uploadId, index + 1, text)).etag });
    }
    const done = await complete(uploadId, list(parts));
    // CRC-32 of "123456789" is cbf43926.
    expect(done.text).toContain('<ChecksumCRC32>y/Q5Jg==</ChecksumCRC32>');
    expect(done.text).toContain('<ChecksumType>FULL_OBJECT</ChecksumType>');
  });

  it('wants the checksum of every part of a composite, in the part and in the list', async () => {
    const uploadId = await begin({ 'x-amz-checksum-algorithm': 'SHA256' });
    expect((await part(uploadId, 1, 'data')).code).toBe('InvalidRequest');
    const sha256 = createHash('sha256').update('data').digest('base64');
    const one = await part(uploadId, 1, 'data', { 'x-amz-checksum-sha256': sha256 });
    expect(one.status).toBe(200);
    expect((await complete(uploadId, list([{ number: 1, etag: one.etag }]))).code).toBe('InvalidRequest');
    const both = { 'x-amz-checksum-sha256': sha256, 'x-amz-checksum-crc32': 'AAAAAA==' };
    expect((await complete(uploadId, list([{ number: 1, etag: one.etag }]), both)).code).toBe(
      'InvalidRequest',
    );
    const crc32 = '<ChecksumCRC32>AAAAAA==</ChecksumCRC32>';
    const other = list([{ number: 1, etag: one.etag, more: crc32 }]);
    expect((await complete(uploadId, other)).code).toBe('BadDigest');
    const two = list([
      { number: 1, etag: one.etag, more: `${crc32}<ChecksumSHA256>${sha256}</ChecksumSHA256>` },
    ]);
    expect((await complete(uploadId, two)).code).toBe('InvalidArgument');
    const wrong = { 'x-amz-checksum-sha256': 'bad' };
    expect((await complete(uploadId, list([{ number: 1, etag: one.etag }]), wrong)).code).toBe('BadDigest');
    const more = `<ChecksumSHA256>${sha256}</ChecksumSHA256>`;
    const done = await complete(uploadId, list([{ number: 1, etag: one.etag, more }]));
    const composite = createHash('sha256').update(Buffer.from(sha256, 'base64')).digest('base64');
    expect(done.text).toContain(`<ChecksumSHA256>${composite}-1</ChecksumSHA256>`);
  });

  it('refuses lists that are not of its parts, and stays open', async () => {
    const uploadId = await begin();
    const one = await part(uploadId, 1, 'small and first');
    const two = await part(uploadId, 2, 'x');
    const three = await part(uploadId, 3, 'last');
    const all = [one, two, three].map(({ etag }, index) => ({ number: index + 1, etag }));
    const [first, second, last] = all;
    if (first === undefined || second === undefined || last === undefined) throw new Error('three parts');
    expect((await complete(uploadId, list([]))).code).toBe('MalformedXML');
    const unnumbered = list(all).replace('<PartNumber>1</PartNumber>', '');
    expect((await complete(uploadId, unnumbered)).code).toBe('MalformedXML');
    expect((await complete(uploadId, list([last, first]))).code).toBe('InvalidPartOrder');
    expect((await complete(uploadId, list(all))).code).toBe('EntityTooSmall');
    expect((await complete(uploadId, list([{ number: 9, etag: first.etag }]))).code).toBe('InvalidPart');
    expect((await complete(uploadId, list([{ number: 1, etag: last.etag }]))).code).toBe('InvalidPart');
    expect((await complete(uploadId, list([first, last]), { 'x-amz-mp-object-size': '3' })).code).toBe(
      'InvalidRequest',
    );
    expect((await complete(uploadId, list([first, last]), { 'if-match': '"nothing"' })).code).toBe(
      'NoSuchKey',
    );
    expect((await bench.send('/bucket/big')).code).toBe('NoSuchKey');
    expect((await complete(uploadId, list([first, last]))).status).toBe(200);
  });

  it('copies a range of an object as a part', async () => {
    await bench.send('/bucket/source', { method: 'PUT', body: '0123456789' });
    const uploadId = await begin();
    const copy = (number: number, headers: Record<string, string>) =>
      bench.send(`/bucket/big?partNumber=${number}&uploadId=${uploadId}`, {
        method: 'PUT',
        headers: { 'x-amz-copy-source': '/bucket/source', ...headers },
      });
    const etagOf = (text: string) => /<ETag>&quot;(\w+)&quot;<\/ETag>/.exec(text)?.[1] ?? '';
    const one = await copy(1, { 'x-amz-copy-source-range': 'bytes=2-5' });
    const two = await copy(2, {});
    expect((await copy(3, { 'x-amz-copy-source-range': 'bytes=2-10' })).code).toBe('InvalidArgument');
    expect((await copy(3, { 'x-amz-copy-source-range': 'bytes=-5' })).code).toBe('InvalidArgument');
    await complete(
      uploadId,
      list([
        { number: 1, etag: etagOf(one.text) },
        { number: 2, etag: etagOf(two.text) },
      ]),
    );
    expect((await bench.send('/bucket/big')).text).toBe('23450123456789');
  });

  it('lists parts and uploads, and forgets an aborted one', async () => {
    const uploadId = await begin();
    await begin({}, 'other');
    for (const number of [1, 2, 5]) await part(uploadId, number, `part ${number}`);
    const page = await bench.send(`/bucket/big?uploadId=${uploadId}&max-parts=2`);
    expect([...page.text.matchAll(/<PartNumber>(\d+)</g)].map(([, number]) => number)).toEqual(['1', '2']);
    expect(page.text).toContain('<IsTruncated>true</IsTruncated>');
    const rest = await bench.send(`/bucket/big?uploadId=${uploadId}&part-number-marker=2`);
    expect([...rest.text.matchAll(/<PartNumber>(\d+)</g)].map(([, number]) => number)).toEqual(['5']);
    const uploads = await bench.send('/bucket?uploads&max-uploads=1');
    expect(uploads.text).toContain('<NextKeyMarker>big</NextKeyMarker>');
    expect((await bench.send('/bucket?uploads&key-marker=big&upload-id-marker=x')).code).toBe(
      'InvalidArgument',
    );
    const abort = (begun: string) =>
      bench.send(`/bucket/big?uploadId=${uploadId}`, {
        method: 'DELETE',
        headers: { 'x-amz-if-match-initiated-time': begun },
      });
    expect((await abort('soon')).code).toBe('InvalidArgument');
    expect((await abort(new Date(bench.nowMs - 60_000).toUTCString())).code).toBe('PreconditionFailed');
    expect((await abort(new Date(bench.nowMs).toUTCString())).status).toBe(204);
    expect((await bench.send(`/bucket/big?uploadId=${uploadId}`)).code).toBe('NoSuchUpload');
    expect((await bench.send(`/bucket/big?uploadId=${uploadId}`, { method: 'DELETE' })).code).toBe(
      'NoSuchUpload',
    );
    expect(await endUploads(bench.deps, SIGNAL)).toBe(1);
  });

  it.each([['0'], ['10001'], ['x'], ['']])('has no part "%s"', async (number) => {
    const uploadId = await begin();
    const reply = await bench.send(`/bucket/big?partNumber=${number}&uploadId=${uploadId}`, {
      method: 'PUT',
      body: 'x',
    });
    expect(reply.code).toBe('InvalidArgument');
  });
});
