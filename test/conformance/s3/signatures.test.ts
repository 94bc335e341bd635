import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { crc32 } from 'node:zlib';
import {
  CreateBucketCommand,
  GetObjectCommand,
  HeadObjectCommand,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { type RunningApp, startApp } from '@zot-artifact-store/testkit';
import { awsChunkedBody } from '@zot-artifact-store/testkit/aws-chunked-body.ts';
import { RawClient } from '@zot-artifact-store/testkit/http-run.ts';
import { signHeaders } from '@zot-artifact-store/testkit/s3-signer.ts';
import { Client as MinioClient } from 'minio';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { deriveSigningKey } from '../../../packages/server/src/extensions/s3/auth/signing-key.ts';

const BUCKET = 'signatures';
let app: RunningApp;
let root: { accessKeyId: string; secretAccessKey: string };
let s3: S3Client;

beforeAll(async () => {
  app = await startApp();
  const [user = '', ...password] = Buffer.from(app.rootAuthorization.slice('Basic '.length), 'base64')
    .toString()
    .split(':');
  root = { accessKeyId: user, secretAccessKey: password.join(':') };
  s3 = client(root);
  await s3.send(new CreateBucketCommand({ Bucket: BUCKET }));
});

afterAll(async () => {
  s3.destroy();
  await app.close();
});

function client(
  credentials: { accessKeyId: string; secretAccessKey: string },
  region = 'us-east-1',
): S3Client {
  return new S3Client({ endpoint: app.url, region, forcePathStyle: true, credentials, maxAttempts: 1 });
}

async function contentOf(key: string): Promise<Buffer> {
  const { Body } = await s3.send(new GetObjectCommand({ Bucket: BUCKET, Key: key }));
  return Buffer.from((await Body?.transformToByteArray()) ?? []);
}

/** As the URL says: fetch would resolve its dots. */
async function getRaw(url: string): Promise<string> {
  const { hostname, port } = new URL(url);
  const request = get({ hostname, port, path: url.slice(new URL(url).origin.length) });
  const [response] = (await once(request, 'response')) as [IncomingMessage]; // what node:http gives
  return text(response);
}

async function exists(key: string): Promise<boolean> {
  try {
    await s3.send(new HeadObjectCommand({ Bucket: BUCKET, Key: key }));
    return true;
  } catch {
    return false;
  }
}

describe('the JavaScript SDK', () => {
  it('writes and reads keys with every kind of character', async () => {
    for (const key of ['plain', 'a b+c', 'a//b/./c/../d', 'ü€😀', "it's (1)!*~", '%2F%25', '?&=#']) {
      await s3.send(
        new PutObjectCommand({ Bucket: BUCKET, Key: key, Body: key, Metadata: { note: '  two  spaces ' } }),
      );
      expect((await contentOf(key)).toString()).toBe(key);
      const url = await getSignedUrl(s3, new GetObjectCommand({ Bucket: BUCKET, Key: key }), {
        expiresIn: 60,
      });
      expect(await getRaw(url)).toBe(key);
    }
  });

  it('sends streams aws-chunked, with a checksum at their end', async () => {
    const content = randomBytes(700_000);
    const pieces = [content.subarray(0, 10), content.subarray(10, 300_000), content.subarray(300_000)];
    const put = new PutObjectCommand({
      Bucket: BUCKET,
      Key: 'stream',
      Body: Readable.from(pieces),
      ContentLength: content.length,
    });
    await s3.send(put);
    expect((await contentOf('stream')).equals(content)).toBe(true);
  });

  it('uploads through a presigned URL, also with headers that are not signed', async () => {
    const url = await getSignedUrl(s3, new PutObjectCommand({ Bucket: BUCKET, Key: 'uploaded' }), {
      expiresIn: 60,
    });
    const put = await fetch(url, { method: 'PUT', body: 'hello', headers: { 'content-type': 'text/plain' } });
    expect(put.status).toBe(200);
    expect((await contentOf('uploaded')).toString()).toBe('hello');
    const other = await fetch(url.replace('uploaded', 'elsewhere'), { method: 'PUT', body: 'hello' });
    expect(other.status).toBe(403);
    expect(await other.text()).toContain('<Code>SignatureDoesNotMatch</Code>');
    expect(await exists('elsewhere')).toBe(false);
  });

  it('takes metadata along in a presigned URL', async () => {
    const put = new PutObjectCommand({ Bucket: BUCKET, Key: 'described', Metadata: { colour: 'blue' } });
    const url = await getSignedUrl(s3, put, { expiresIn: 60 });
    expect(url).toContain('x-amz-meta-colour=blue');
    expect((await fetch(url, { method: 'PUT', body: 'hello' })).status).toBe(200);
    const { Metadata } = await s3.send(new HeadObjectCommand({ Bucket: BUCKET, Key: 'described' }));
    expect(Metadata).toEqual({ colour: 'blue' });
  });

  it('is told which of its credentials are wrong', async () => {
    const wrong = client({ ...root, secretAccessKey: 'wrong' });
    const put = new PutObjectCommand({ Bucket: BUCKET, Key: 'forged', Body: 'hello' });
    await expect(wrong.send(put)).rejects.toMatchObject({ name: 'SignatureDoesNotMatch' });
    const nobody = client({ ...root, accessKeyId: 'ZASNOBODY' });
    await expect(nobody.send(put)).rejects.toMatchObject({ name: 'InvalidAccessKeyId' });
    const elsewhere = client(root, 'eu-west-1');
    await expect(elsewhere.send(put)).rejects.toMatchObject({ name: 'AuthorizationHeaderMalformed' });
    expect(await exists('forged')).toBe(false);
  });
});

describe('the MinIO client', () => {
  it('writes, reads and presigns', async () => {
    const { hostname, port } = new URL(app.url);
    const minio = new MinioClient({
      endPoint: hostname,
      port: Number(port),
      useSSL: false,
      accessKey: root.accessKeyId,
      secretKey: root.secretAccessKey,
      region: 'us-east-1',
    });
    await minio.putObject(BUCKET, 'minio/a b', Readable.from([Buffer.from('hello')]), 5);
    expect((await contentOf('minio/a b')).toString()).toBe('hello');
    const url = await minio.presignedGetObject(BUCKET, 'minio/a b', 60);
    expect(await (await fetch(url)).text()).toBe('hello');
  });
});

describe('signed chunks', () => {
  async function put(
    key: string,
    options: { readonly isAltered?: boolean; readonly cutBytes?: number } = {},
  ) {
    const content = randomBytes(200_000);
    const at = new Date();
    const trailer = 'x-amz-checksum-crc32';
    const checksum = Buffer.alloc(4);
    checksum.writeUInt32BE(crc32(content));
    const headers = await signHeaders(
      {
        method: 'PUT',
        url: `${app.url}/${BUCKET}/${key}`,
        payloadHash: 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER',
        headers: { 'x-amz-decoded-content-length': String(content.length), 'x-amz-trailer': trailer },
      },
      { ...root, at },
    );
    const date = headers['x-amz-date'] ?? '';
    const day = date.slice(0, 8);
    const body = awsChunkedBody(
      [content.subarray(0, 65_536), content.subarray(65_536, 131_072), content.subarray(131_072)],
      {
        signer: {
          signingKey: deriveSigningKey(root.secretAccessKey, {
            date: day,
            region: 'us-east-1',
            service: 's3',
          }),
          date,
          scope: `${day}/us-east-1/s3/aws4_request`,
          seed: /Signature=(\w+)/.exec(headers.authorization ?? '')?.[1] ?? '',
        },
        trailers: { [trailer]: checksum.toString('base64') },
      },
    );
    if (options.isAltered) body[150_000] = (body[150_000] ?? 0) ^ 1;
    const answer = await fetch(`${app.url}/${BUCKET}/${key}`, { method: 'PUT', headers, body });
    return { content, status: answer.status, document: await answer.text() };
  }

  it('are verified one by one, and their trailer too', async () => {
    const { content, status, document } = await put('chunked');
    expect([status, document]).toEqual([200, '']);
    expect((await contentOf('chunked')).equals(content)).toBe(true);
  });

  it('leave nothing when one of them was altered', async () => {
    const { status, document } = await put('altered', { isAltered: true });
    expect(status).toBe(403);
    expect(document).toContain('<Code>SignatureDoesNotMatch</Code>');
    expect(await exists('altered')).toBe(false);
  });
});

describe('a body that differs from its signed hash', () => {
  it('is told both hashes, and leaves nothing', async () => {
    const target = `${app.url}/${BUCKET}/mismatch`;
    const headers = await signHeaders({ method: 'PUT', url: target }, { ...root, at: new Date() });
    const answer = await fetch(target, { method: 'PUT', headers, body: 'not empty' });
    expect(answer.status).toBe(400);
    const document = await answer.text();
    expect(document).toContain('<Code>XAmzContentSHA256Mismatch</Code>');
    expect(document).toContain('<ClientComputedContentSHA256>e3b0c442');
    expect(document).toContain('<S3ComputedContentSHA256>');
    expect(await exists('mismatch')).toBe(false);
  });
});

describe('a client that waits for 100 Continue', () => {
  it('gets its refusal instead', async () => {
    const client = await RawClient.connect(Number(new URL(app.url).port));
    const headers = await signHeaders(
      { method: 'PUT', url: `http://test/${BUCKET}/waiting`, payloadHash: 'UNSIGNED-PAYLOAD' },
      { ...root, secretAccessKey: 'wrong', at: new Date() },
    );
    const lines = Object.entries(headers).filter(([name]) => name !== 'host');
    client.send(
      `PUT /${BUCKET}/waiting`,
      ...lines.map(([name, value]) => `${name}: ${value}`),
      'Expect: 100-continue',
      'Content-Length: 5',
    );
    const refused = await client.response();
    expect(refused.status).toBe(403);
    expect(refused.body.toString()).toContain('<Code>SignatureDoesNotMatch</Code>');
    client.socket.destroy();
  });
});

describe('an Expect that nobody knows', () => {
  it.each(['200', ''])('is passed over: "%s"', async (expectation) => {
    const client = await RawClient.connect(Number(new URL(app.url).port));
    const headers = await signHeaders(
      { method: 'PUT', url: `http://test/${BUCKET}/expected`, payloadHash: 'UNSIGNED-PAYLOAD' },
      { ...root, at: new Date() },
    );
    const lines = Object.entries(headers).filter(([name]) => name !== 'host');
    client.send(
      `PUT /${BUCKET}/expected`,
      ...lines.map(([name, value]) => `${name}: ${value}`),
      `Expect: ${expectation}`,
      'Content-Length: 5',
    );
    client.write('hello');
    expect((await client.response()).status).toBe(200);
    client.socket.destroy();
  });
});

describe('a password', () => {
  it('is no way in, although it is right', async () => {
    const answer = await fetch(`${app.url}/${BUCKET}`, { headers: { authorization: app.rootAuthorization } });
    expect(answer.status).toBe(400);
    expect(await answer.text()).toContain('<Code>InvalidArgument</Code>');
  });
});
