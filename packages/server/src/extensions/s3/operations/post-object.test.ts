import { createHmac } from 'node:crypto';
import { ALICES_KEY, S3Bench, type S3Request } from '@zot-artifact-store/testkit/s3-bench.ts';
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

const ANONYMOUS = { kind: 'anonymous' } as const;
const ETAG = '9a0364b9e99bb480dd25e1f0284c8555';

/** A form as browsers send it, with a file after the fields and something after the file. */
function form(fields: Readonly<Record<string, string>>, file = 'content', after = ''): S3Request {
  const part = (name: string, value: string, more = '') =>
    `--boundary\r\nContent-Disposition: form-data; name="${name}"${more}\r\n\r\n${value}\r\n`;
  const parts = Object.entries(fields).map(([name, value]) => part(name, value));
  return {
    method: 'POST',
    headers: { 'content-type': 'multipart/form-data; boundary=boundary', host: 's3.example.com' },
    body: `${parts.join('')}${part('file', file, '; filename="C:\\files\\photo.jpg"')}${after}--boundary--\r\n`,
    principal: ANONYMOUS,
  };
}

/** Signed as boto3 does where it may. */
function signed(fields: Readonly<Record<string, string>>, range: readonly number[] = [0, 1_024]) {
  const conditions = Object.entries(fields).map(([name, value]) => ['eq', `$${name}`, value]);
  const document = {
    expiration: new Date(bench.nowMs + 60_000).toISOString(),
    conditions: [{ bucket: 'bucket' }, ['content-length-range', ...range], ...conditions],
  };
  const policy = Buffer.from(JSON.stringify(document)).toString('base64');
  const { accessKeyId, secretAccessKey } = ALICES_KEY;
  const signature = createHmac('sha1', secretAccessKey).update(policy).digest('base64');
  return { ...fields, AWSAccessKeyId: accessKeyId, policy, signature };
}

const post = (request: S3Request, target = '/bucket') => bench.send(target, request);
const get = (key = 'key') => bench.send(`/bucket/${key}`);

describe('PostObject', () => {
  it('stores the file of a signed form for who signed it, and nothing that follows', async () => {
    const reply = await post(form(signed({ key: 'key' }), 'content', '--boundary\r\nnonsense'));
    expect(reply.status).toBe(204);
    expect(reply.headers).toMatchObject({
      etag: `"${ETAG}"`,
      location: 'http://s3.example.com/bucket/key',
    });
    expect((await get()).text).toBe('content');
    expect(bench.events).toMatchObject([
      { type: 'object.created', key: 'key', operation: 'post', actor: 'alice' },
    ]);
  });

  it('asks whether the sender may put this key', async () => {
    const asked: unknown[] = [];
    const reply = await post({
      ...form(signed({ key: 'a b' })),
      can: (permission) => {
        asked.push(permission);
        return false;
      },
    });
    expect(reply).toMatchObject({ status: 403, code: 'AccessDenied' });
    expect(asked).toEqual([{ action: 's3:PutObject', resource: 'bucket:bucket/a b' }]);
    expect((await get('a%20b')).status).toBe(404);
  });

  it('takes what describes the object from its fields', async () => {
    const fields = {
      key: 'key',
      'Content-Type': 'text/plain',
      'Cache-Control': 'no-cache',
      'Content-Disposition': 'inline; filename="\u00e4"',
      'x-amz-meta-Name': 'w\u00e4rt',
      'x-amz-website-redirect-location': '/x',
      acl: 'private',
      tagging: '<Tagging><TagSet><Tag><Key>a</Key><Value>1</Value></Tag></TagSet></Tagging>',
    };
    expect((await post(form(signed(fields)))).status).toBe(204);
    expect((await get()).headers).toMatchObject({
      'content-type': 'text/plain',
      'cache-control': 'no-cache',
      'content-disposition': 'inline; filename="\u00c3\u00a4"',
      'x-amz-meta-name': 'w\u00c3\u00a4rt',
      'x-amz-website-redirect-location': '/x',
      'x-amz-tagging-count': '1',
    });
  });

  it('refuses fields that cannot be', async () => {
    for (const [fields, code] of [
      [{ acl: 'nonsense' }, 'InvalidArgument'],
      [{ acl: 'public-read' }, 'AccessControlListNotSupported'],
      [{ tagging: 'a=b' }, 'MalformedXML'],
      [{ 'x-amz-meta-a b': '1' }, 'InvalidArgument'],
      [{ 'x-amz-meta-a': 'two\r\nlines' }, 'InvalidArgument'],
      [{ 'x-amz-storage-class': 'GLACIER' }, 'InvalidStorageClass'],
      [{ 'x-amz-checksum-crc32': 'invalid_base64!' }, 'InvalidRequest'],
    ] as const)
      expect((await post(form(signed({ key: 'key', ...fields })))).code).toBe(code);
    for (const key of ['../x', 'x'.repeat(1_025)])
      expect((await post(form(signed({ key })))).status).toBe(400);
    expect((await post(form(signed({ key: 'key' })), '/elsewhere')).code).toBe('NoSuchBucket');
    expect((await get()).status).toBe(404);
  });

  it('checks the file against the checksum and the size its policy wants', async () => {
    const crc32 = { key: 'key', 'x-amz-checksum-crc32': 'AAAAAA==' };
    expect((await post(form(signed(crc32)))).code).toBe('BadDigest');
    expect((await post(form(signed({ key: 'key' }, [0, 6])))).code).toBe('EntityTooLarge');
    expect((await post(form(signed({ key: 'key' }, [8, 10])))).code).toBe('EntityTooSmall');
    expect((await get()).status).toBe(404);
    expect((await post(form(signed({ key: 'key' }, [7, 7])))).status).toBe(204);
  });

  it('names the key after the file where the form says so', async () => {
    const fields = signed({ key: 'photos/photo.jpg' });
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the variable of the reference
    expect((await post(form({ ...fields, key: 'photos/${filename}' }))).status).toBe(204);
    expect((await get('photos/photo.jpg')).text).toBe('content');
  });

  it('answers as the form asks', async () => {
    const status = (code: string) => form(signed({ key: 'a b&c', success_action_status: code }));
    expect(await post(status('200'))).toMatchObject({ status: 200, text: '' });
    const created = await post(status('201'));
    expect(created.status).toBe(201);
    expect(created.text).toBe(
      `<?xml version="1.0" encoding="UTF-8"?>\n<PostResponse><Location>http://s3.example.com/bucket/a%20b%26c</Location><Bucket>bucket</Bucket><Key>a b&amp;c</Key><ETag>&quot;${ETAG}&quot;</ETag></PostResponse>`,
    );
    expect(await post(status('404'))).toMatchObject({ status: 204, text: '' });
  });

  it('sends the browser where the form says, and only to a URL', async () => {
    const redirect = async (url: string) => post(form(signed({ key: 'a b', success_action_redirect: url })));
    const query = `bucket=bucket&key=a%20b&etag=%22${ETAG}%22`;
    for (const [url, location] of [
      ['http://example.com/done', `http://example.com/done?${query}`],
      ['https://example.com/done?a=1#here', `https://example.com/done?a=1&${query}#here`],
    ])
      expect(await redirect(url ?? '')).toMatchObject({ status: 303, headers: { location } });
    for (const url of ['nowhere', 'javascript:alert(1)', '']) expect((await redirect(url)).status).toBe(204);
  });

  it('wants a form', async () => {
    const request = { ...form(signed({ key: 'key' })), headers: { 'content-type': 'text/plain' } };
    expect(await post(request)).toMatchObject({ status: 412, code: 'PreconditionFailed' });
  });
});
