import {
  CopyObjectCommand,
  CreateBucketCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  ListBucketsCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { type RunningApp, startApp } from '@zot-artifact-store/testkit';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { accessKeyTools } from '../../../packages/server/src/composition/key-tools.ts';

let app: RunningApp;
const clients: S3Client[] = [];
let root: S3Client;
let alice: S3Client;
let dev: S3Client;
let nobody: S3Client;

function client(accessKeyId: string, secretAccessKey: string): S3Client {
  const made = new S3Client({
    endpoint: app.url,
    region: 'us-east-1',
    forcePathStyle: true,
    credentials: { accessKeyId, secretAccessKey },
    maxAttempts: 1,
  });
  clients.push(made);
  return made;
}

async function clientOf(user: string): Promise<S3Client> {
  const keys = accessKeyTools(app.config, { metadata: app.app.stores.metadata, clock: Date });
  const { accessKeyId, secretAccessKey } = await keys.create({ user });
  return client(accessKeyId, secretAccessKey);
}

const bucketsOf = async (s3: S3Client): Promise<unknown> =>
  (await s3.send(new ListBucketsCommand())).Buckets?.map(({ Name }) => Name) ?? [];

beforeAll(async () => {
  const statements = [
    { Effect: 'Allow', Action: 's3:ListAllMyBuckets', Resource: 'arn:aws:s3:::*' },
    {
      Effect: 'Allow',
      Action: ['s3:PutObject', 's3:GetObject', 's3:ListBucket'],
      Resource: ['arn:aws:s3:::team-a-*', 'arn:aws:s3:::team-a-*/*'],
    },
  ];
  app = await startApp({
    config: {
      // On disk, so that keys are sealed with the key of the folder.
      storage: { metadataDriver: 'lmdb', blobDriver: 'filesystem' },
      extensions: {
        rbac: {
          policies: { developer: { Version: '2012-10-17', Statement: statements } },
          attachments: { 'user:dev': ['developer'], 'user:alice': ['bucket-owner'] },
        },
      },
    },
  });
  const password = Buffer.from(app.rootAuthorization.slice('Basic '.length), 'base64')
    .toString()
    .split(':')[1];
  root = client('root', password ?? '');
  alice = await clientOf('alice');
  dev = await clientOf('dev');
  nobody = await clientOf('nobody');
  for (const Bucket of ['team-a-data', 'team-b-data']) {
    await root.send(new CreateBucketCommand({ Bucket }));
    await root.send(new PutObjectCommand({ Bucket, Key: 'k', Body: Bucket }));
  }
});
afterAll(async () => {
  for (const one of clients) one.destroy();
  await app.close();
});

it('lets whoever has the policy bucket-owner make buckets and see those, and nobody else', async () => {
  await alice.send(new CreateBucketCommand({ Bucket: 'alices' }));
  await alice.send(new PutObjectCommand({ Bucket: 'alices', Key: 'k', Body: 'x' }));
  expect(await bucketsOf(alice)).toEqual(['alices']);
  for (const s3 of [dev, nobody]) {
    await expect(s3.send(new CreateBucketCommand({ Bucket: 'another' }))).rejects.toMatchObject({
      name: 'AccessDenied',
    });
  }
  await expect(bucketsOf(nobody)).rejects.toMatchObject({ name: 'AccessDenied' });
});

it('lets a developer put, get and list where the policy says, and neither delete nor see more', async () => {
  expect(await bucketsOf(dev)).toEqual(['team-a-data']);
  await dev.send(new PutObjectCommand({ Bucket: 'team-a-data', Key: 'new', Body: 'x' }));
  const { KeyCount } = await dev.send(new ListObjectsV2Command({ Bucket: 'team-a-data' }));
  expect(KeyCount).toBe(2);
  for (const command of [
    new DeleteObjectCommand({ Bucket: 'team-a-data', Key: 'new' }),
    new GetObjectCommand({ Bucket: 'team-b-data', Key: 'k' }),
    new GetObjectCommand({ Bucket: 'team-b-data', Key: 'not there' }),
  ]) {
    await expect(dev.send(command as GetObjectCommand)).rejects.toMatchObject({ name: 'AccessDenied' });
  }
});

it('copies nothing that may not be read', async () => {
  const copy = (CopySource: string) =>
    new CopyObjectCommand({ Bucket: 'team-a-data', Key: 'copy', CopySource });
  await expect(dev.send(copy('team-b-data/k'))).rejects.toMatchObject({ name: 'AccessDenied' });
  await expect(dev.send(copy('team-b-data/not-there'))).rejects.toMatchObject({ name: 'AccessDenied' });
  await dev.send(copy('team-a-data/k'));
});
