import { createHash, randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import {
  CopyObjectCommand,
  CreateBucketCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetBucketLocationCommand,
  GetObjectAttributesCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListBucketsCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { createPresignedPost } from '@aws-sdk/s3-presigned-post';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { type RunningApp, startApp } from '@zot-artifact-store/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const Bucket = 'objects';
let app: RunningApp;
let s3: S3Client;

beforeAll(async () => {
  app = await startApp();
  const [accessKeyId = '', ...password] = Buffer.from(app.rootAuthorization.slice('Basic '.length), 'base64')
    .toString()
    .split(':');
  s3 = new S3Client({
    endpoint: app.url,
    region: 'us-east-1',
    forcePathStyle: true,
    credentials: { accessKeyId, secretAccessKey: password.join(':') },
    maxAttempts: 1,
  });
  await s3.send(new CreateBucketCommand({ Bucket }));
});

afterAll(async () => {
  s3.destroy();
  await app.close();
});

async function contentOf(Key: string, more: { Range?: string; VersionId?: string } = {}): Promise<string> {
  const { Body } = await s3.send(new GetObjectCommand({ Bucket, Key, ...more }));
  return (await Body?.transformToString('latin1')) ?? '';
}

describe('objects, with the SDK of Amazon', () => {
  it('come back as they were put, whatever their size and key', async () => {
    for (const [Key, sizeBytes] of [
      ['empty', 0],
      ['a small one', 1_000],
      ['\u00e4/+%?#&=\u{1f600}', 70_000],
      ['large', 12_000_000],
    ] as const) {
      const body = randomBytes(sizeBytes);
      const { ETag, ChecksumCRC32 } = await s3.send(new PutObjectCommand({ Bucket, Key, Body: body }));
      expect(ETag).toBe(`"${createHash('md5').update(body).digest('hex')}"`);
      expect(ChecksumCRC32).toBeDefined();
      expect(await contentOf(Key)).toBe(body.toString('latin1'));
      if (sizeBytes > 100) {
        expect(await contentOf(Key, { Range: 'bytes=90-99' })).toBe(body.toString('latin1', 90, 100));
      }
    }
  });

  it('take a stream whose checksum comes after it, and keep what describes them', async () => {
    const body = randomBytes(300_000);
    await s3.send(
      new PutObjectCommand({
        Bucket,
        Key: 'stream',
        Body: Readable.from([body]),
        ContentLength: body.length,
        ContentType: 'image/png',
        CacheControl: 'no-cache',
        Metadata: { name: 'value' },
        Tagging: 'a=1&b=2',
        ChecksumAlgorithm: 'SHA256',
      }),
    );
    const head = await s3.send(new HeadObjectCommand({ Bucket, Key: 'stream', ChecksumMode: 'ENABLED' }));
    expect(head).toMatchObject({
      ContentLength: 300_000,
      ContentType: 'image/png',
      CacheControl: 'no-cache',
      Metadata: { name: 'value' },
      ChecksumSHA256: createHash('sha256').update(body).digest('base64'),
      ChecksumType: 'FULL_OBJECT',
    });
    expect(head.ContentEncoding).toBeUndefined();
  });

  it('say their digest to who asks plainly', async () => {
    await s3.send(new PutObjectCommand({ Bucket, Key: 'digest', Body: 'content' }));
    const url = await getSignedUrl(s3, new GetObjectCommand({ Bucket, Key: 'digest' }));
    const answer = await fetch(url);
    expect(await answer.text()).toBe('content');
    expect(answer.headers.get('x-zas-sha256')).toBe(createHash('sha256').update('content').digest('hex'));
  });

  it('are missed in the words of S3', async () => {
    const missing = { Bucket, Key: 'missing' };
    await expect(s3.send(new GetObjectCommand(missing))).rejects.toMatchObject({ name: 'NoSuchKey' });
    await expect(s3.send(new HeadObjectCommand(missing))).rejects.toMatchObject({ name: 'NotFound' });
    const elsewhere = { Bucket: 'elsewhere', Key: 'key' };
    await expect(s3.send(new PutObjectCommand({ ...elsewhere, Body: 'x' }))).rejects.toMatchObject({
      name: 'NoSuchBucket',
    });
  });

  it('obey conditions', async () => {
    const Key = 'condition';
    const { ETag } = await s3.send(new PutObjectCommand({ Bucket, Key, Body: '1', IfNoneMatch: '*' }));
    const again = new PutObjectCommand({ Bucket, Key, Body: '2', IfNoneMatch: '*' });
    await expect(s3.send(again)).rejects.toMatchObject({ name: 'PreconditionFailed' });
    await s3.send(new PutObjectCommand({ Bucket, Key, Body: '3', IfMatch: ETag }));
    expect(await contentOf(Key)).toBe('3');
    const fromTheFuture = new HeadObjectCommand({
      Bucket,
      Key,
      IfModifiedSince: new Date(Date.now() + 1_000),
    });
    await expect(s3.send(fromTheFuture)).resolves.toMatchObject({ ContentLength: 1 });
  });

  it('are copied, described and deleted', async () => {
    await s3.send(new PutObjectCommand({ Bucket, Key: 'source', Body: 'content', Metadata: { a: '1' } }));
    const { CopyObjectResult } = await s3.send(
      new CopyObjectCommand({ Bucket, Key: 'copy', CopySource: `${Bucket}/source` }),
    );
    expect(CopyObjectResult?.LastModified).toBeInstanceOf(Date);
    expect(
      await s3.send(
        new GetObjectAttributesCommand({
          Bucket,
          Key: 'copy',
          ObjectAttributes: ['ETag', 'ObjectSize', 'Checksum', 'StorageClass'],
        }),
      ),
    ).toMatchObject({
      ETag: CopyObjectResult?.ETag?.slice(1, -1),
      ObjectSize: 7,
      StorageClass: 'STANDARD',
      Checksum: { ChecksumType: 'FULL_OBJECT' },
    });
    const { Deleted, Errors } = await s3.send(
      new DeleteObjectsCommand({
        Bucket,
        Delete: { Objects: [{ Key: 'source' }, { Key: 'copy' }, { Key: 'missing' }] },
      }),
    );
    expect([Deleted?.length, Errors]).toEqual([3, undefined]);
    await expect(s3.send(new HeadObjectCommand({ Bucket, Key: 'copy' }))).rejects.toThrow();
  });

  it('have versions where the bucket keeps them', async () => {
    const versioned = { Bucket: 'versioned', Key: 'key' };
    await s3.send(new CreateBucketCommand({ Bucket: 'versioned' }));
    await s3.send(
      new PutBucketVersioningCommand({
        Bucket: 'versioned',
        VersioningConfiguration: { Status: 'Enabled' },
      }),
    );
    const first = await s3.send(new PutObjectCommand({ ...versioned, Body: 'first' }));
    await s3.send(new PutObjectCommand({ ...versioned, Body: 'second' }));
    const deleted = await s3.send(new DeleteObjectCommand(versioned));
    expect(deleted.DeleteMarker).toBe(true);
    await expect(s3.send(new GetObjectCommand(versioned))).rejects.toMatchObject({ name: 'NoSuchKey' });
    const old = await s3.send(new GetObjectCommand({ ...versioned, VersionId: first.VersionId }));
    expect(await old.Body?.transformToString()).toBe('first');
    await s3.send(new DeleteObjectCommand({ ...versioned, VersionId: deleted.VersionId }));
    const current = await s3.send(new GetObjectCommand(versioned));
    expect(await current.Body?.transformToString()).toBe('second');
  });

  it('come by a form that was signed for a browser', async () => {
    const { url, fields } = await createPresignedPost(s3, {
      Bucket,
      Key: 'posted',
      Conditions: [['content-length-range', 1, 100]],
      Fields: { 'Content-Type': 'text/plain', success_action_status: '201' },
    });
    const send = (content: string) => {
      const form = new FormData();
      for (const [name, value] of Object.entries(fields)) form.append(name, value);
      form.append('file', new Blob([content]), 'file.txt');
      return fetch(url, { method: 'POST', body: form });
    };
    const answer = await send('from a form');
    expect(answer.status).toBe(201);
    expect(await answer.text()).toContain(`<Bucket>${Bucket}</Bucket><Key>posted</Key>`);
    expect(await contentOf('posted')).toBe('from a form');
    const large = await send('x'.repeat(101));
    expect([large.status, await large.text()]).toEqual([400, expect.stringContaining('EntityTooLarge')]);
  });

  it('are written by many at once under one key, and one of them stays', async () => {
    const bodies = Array.from({ length: 24 }, (_, i) => `writer ${i}`);
    await Promise.all(bodies.map((Body) => s3.send(new PutObjectCommand({ Bucket, Key: 'race', Body }))));
    expect(bodies).toContain(await contentOf('race'));
  });

  it('are in buckets that say where they are', async () => {
    const { LocationConstraint } = await s3.send(new GetBucketLocationCommand({ Bucket }));
    expect(LocationConstraint).toBeUndefined();
    const { Buckets } = await s3.send(new ListBucketsCommand({ MaxBuckets: 1 }));
    expect(Buckets).toHaveLength(1);
  });
});
