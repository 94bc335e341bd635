import { type RunningApp, startApp } from '@zot-artifact-store/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ImageFactory } from './image.ts';
import type { LoadResult } from './job.ts';
import { ObjectBytes } from './object-bytes.ts';
import { runJob } from './run-job.ts';
import type { S3Access } from './s3-access.ts';
import { S3Session } from './s3-session.ts';
import type { S3Task } from './s3-task.ts';

const BUCKET = 'warp';
const state = { images: new ImageFactory(), session: new S3Session(new ObjectBytes()) };
let app: RunningApp;
let access: S3Access;

beforeAll(async () => {
  app = await startApp();
  const [accessKeyId = '', secretAccessKey = ''] = Buffer.from(app.rootAuthorization.slice(6), 'base64')
    .toString()
    .split(':');
  access = { accessKeyId, secretAccessKey, region: 'us-east-1' };
  expect(await run({ kind: 'create-bucket', bucket: BUCKET }, 1)).toMatchObject({ failures: 0 });
});
afterAll(() => app.close());

function run(task: S3Task, operations: number): Promise<LoadResult> {
  return runJob(
    {
      url: app.url,
      access,
      concurrency: 3,
      maxOperations: operations,
      maxMs: 30_000,
      mix: [{ share: 1, task }],
    },
    state,
  );
}

describe('executeS3', () => {
  it('puts objects that can be read, listed and deleted, one by one and in batches', async () => {
    const objects = { bucket: BUCKET, prefix: 'a/', sizeBytes: 1_000, count: 9 };
    expect(await run({ kind: 'put', ...objects }, 9)).toMatchObject({ operations: 9, failures: 0 });
    expect(await run({ kind: 'get', ...objects }, 20)).toMatchObject({ operations: 20, bytes: 20_000 });
    expect(await run({ kind: 'stat', ...objects }, 20)).toMatchObject({ operations: 20, failures: 0 });
    expect(await run({ kind: 'list-objects', ...objects }, 1)).toMatchObject({ operations: 1, failures: 0 });

    expect(await run({ kind: 'delete', ...objects }, 3)).toMatchObject({ operations: 3, failures: 0 });
    const batch = { ...objects, kind: 'delete-batch', keys: 3 } as const;
    expect(await run(batch, 2)).toMatchObject({ operations: 2, failures: 0 });
    expect(await run({ ...batch, kind: 'list-objects', count: 0 }, 1)).toMatchObject({ failures: 0 });
    expect((await run({ kind: 'delete', ...objects }, 1)).firstFailure).toContain('nothing is left');
  });

  it('uploads in parts, at once or with a completion of its own', async () => {
    const upload = { bucket: BUCKET, prefix: 'm/', parts: 2, partBytes: 5 * 1024 * 1024 };
    expect(await run({ kind: 'multipart', ...upload }, 1)).toMatchObject({ operations: 1, failures: 0 });
    const other = { ...upload, prefix: 'n/' };
    expect(await run({ kind: 'upload-parts', ...other }, 1)).toMatchObject({ operations: 1, failures: 0 });
    expect(await run({ kind: 'complete', ...other }, 1)).toMatchObject({ operations: 1, failures: 0 });
    const whole = { bucket: BUCKET, prefix: 'n/', sizeBytes: 10 * 1024 * 1024, count: 1 };
    expect(await run({ kind: 'get', ...whole }, 1)).toMatchObject({ operations: 1, failures: 0 });
  });

  it('counts a wrong answer as a failure', async () => {
    const missing = { bucket: BUCKET, prefix: 'none/', sizeBytes: 1, count: 1 };
    expect((await run({ kind: 'get', ...missing }, 1)).firstFailure).toContain('404');
  });
});
