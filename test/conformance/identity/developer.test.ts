import {
  CreateBucketCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  ListBucketsCommand,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { AssumeRoleWithWebIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { type RunningApp, startApp } from '@zot-artifact-store/testkit';
import { TestIssuer, type TestUser } from '@zot-artifact-store/testkit/test-issuer.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { describeContent, digestOf, TYPE } from '../oci/wire.ts';

const DEVA: TestUser = { subject: 'deva-id', name: 'deva', roles: ['developer'] };
const POLICY = {
  Version: '2012-10-17',
  Statement: [
    { Effect: 'Allow', Action: ['oci:Pull', 'oci:Push', 'oci:Tag'], Resource: 'arn:zas:oci:::team-a/*' },
    {
      Effect: 'Allow',
      Action: ['s3:ListBucket', 's3:GetObject', 's3:PutObject'],
      Resource: ['arn:aws:s3:::team-a-*', 'arn:aws:s3:::team-a-*/*'],
    },
    { Effect: 'Allow', Action: 's3:ListAllMyBuckets', Resource: 'arn:aws:s3:::*' },
  ],
};

let issuer: TestIssuer;
let app: RunningApp;
let token = '';
const clients: { destroy(): void }[] = [];

beforeAll(async () => {
  issuer = await TestIssuer.start();
  app = await startApp({
    config: {
      extensions: {
        rbac: { providers: [{ name: 'test', issuer: issuer.url, audience: ['artstore'] }] },
      },
    },
  });
  token = await issuer.accessToken(DEVA);
  const asRoot = (method: string, path: string, body?: unknown) =>
    fetch(`${app.url}/-/api/v1${path}`, {
      method,
      headers: {
        authorization: app.rootAuthorization,
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
  expect((await asRoot('PUT', '/policies/developer', { document: POLICY })).status).toBe(200);
  expect((await asRoot('PUT', '/policies/developer/attachments/role:developer')).status).toBe(204);
  for (const name of ['team-a/app', 'team-b/app']) {
    expect(await push(name, 'v1', app.rootAuthorization)).toBe(201);
  }
  const root = s3With({ accessKeyId: 'root', secretAccessKey: passwordOf(app.rootAuthorization) });
  for (const Bucket of ['team-a-data', 'team-b-data']) {
    await root.send(new CreateBucketCommand({ Bucket }));
    await root.send(new PutObjectCommand({ Bucket, Key: 'k', Body: 'x' }));
  }
});
afterAll(async () => {
  for (const client of clients) client.destroy();
  await app.close();
  await issuer.goDown();
});

function passwordOf(authorization: string): string {
  return Buffer.from(authorization.slice('Basic '.length), 'base64').toString().split(':')[1] ?? '';
}

function s3With(credentials: {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}): S3Client {
  const client = new S3Client({
    endpoint: app.url,
    region: 'us-east-1',
    forcePathStyle: true,
    maxAttempts: 1,
    credentials,
  });
  clients.push(client);
  return client;
}

/** The status of the last request of a push. */
async function push(name: string, tag: string, authorization: string): Promise<number> {
  const blob = await fetch(`${app.url}/v2/${name}/blobs/uploads/?digest=${digestOf('{}')}`, {
    method: 'POST',
    headers: { authorization, 'content-type': 'application/octet-stream' },
    body: '{}',
  });
  if (blob.status !== 201) return blob.status;
  const config = describeContent(TYPE.config, '{}');
  const manifest = { schemaVersion: 2, mediaType: TYPE.manifest, config, layers: [] };
  const answer = await fetch(`${app.url}/v2/${name}/manifests/${tag}`, {
    method: 'PUT',
    headers: { authorization, 'content-type': TYPE.manifest },
    body: JSON.stringify(manifest),
  });
  return answer.status;
}

async function status(method: string, path: string, authorization: string): Promise<number> {
  return (await fetch(`${app.url}${path}`, { method, headers: { authorization } })).status;
}

/** What docker gets with the token as password, for one repository. */
async function registryToken(scope: string): Promise<string> {
  const basic = Buffer.from(`deva:${token}`).toString('base64');
  const answer = await fetch(`${app.url}/zot/auth/token?service=${new URL(app.url).host}&scope=${scope}`, {
    headers: { authorization: `Basic ${basic}` },
  });
  const body = await answer.json();
  return `Bearer ${Object(body).token}`;
}

describe('a developer', () => {
  it.each(['bearer', 'password', 'registry token'])(
    'may push to the repositories of the team by %s, and no more',
    async (form) => {
      const authorizationFor = async (name: string): Promise<string> => {
        if (form === 'bearer') return `Bearer ${token}`;
        if (form === 'password') return `Basic ${Buffer.from(`deva:${token}`).toString('base64')}`;
        return registryToken(`repository:${name}:pull,push,delete`);
      };
      const ofTeam = await authorizationFor('team-a/app');
      expect(await push('team-a/app', 'v2', ofTeam)).toBe(201);
      expect(await status('GET', '/v2/team-a/app/manifests/v1', ofTeam)).toBe(200);
      expect([401, 403]).toContain(await status('DELETE', '/v2/team-a/app/manifests/v1', ofTeam));
      const ofOthers = await authorizationFor('team-b/app');
      for (const path of ['/v2/team-b/app/manifests/v1', '/v2/team-b/app/tags/list']) {
        expect([401, 403]).toContain(await status('GET', path, ofOthers));
      }
      expect([401, 403]).toContain(await push('team-b/app', 'v2', ofOthers));
    },
  );

  it('sees the repositories of the team in the catalog', async () => {
    const catalog = await fetch(`${app.url}/v2/_catalog`, { headers: { authorization: `Bearer ${token}` } });
    expect(await catalog.json()).toEqual({ repositories: ['team-a/app'] });
  });

  it('may put to the buckets of the team with credentials of STS, and no more', async () => {
    const sts = new STSClient({
      endpoint: app.url,
      region: 'us-east-1',
      credentials: { accessKeyId: 'unused', secretAccessKey: 'unused' },
    });
    clients.push(sts);
    const { Credentials } = await sts.send(
      new AssumeRoleWithWebIdentityCommand({
        RoleArn: 'arn:aws:iam:::role/self',
        RoleSessionName: 'laptop',
        WebIdentityToken: token,
      }),
    );
    const dev = s3With({
      accessKeyId: Credentials?.AccessKeyId ?? '',
      secretAccessKey: Credentials?.SecretAccessKey ?? '',
      sessionToken: Credentials?.SessionToken ?? '',
    });
    await dev.send(new PutObjectCommand({ Bucket: 'team-a-data', Key: 'new', Body: 'x' }));
    const { Buckets } = await dev.send(new ListBucketsCommand());
    expect(Buckets?.map(({ Name }) => Name)).toEqual(['team-a-data']);
    const denied = { name: 'AccessDenied' };
    const other = { Bucket: 'team-b-data', Key: 'k' };
    await expect(
      dev.send(new DeleteObjectCommand({ Bucket: 'team-a-data', Key: 'k' })),
    ).rejects.toMatchObject(denied);
    await expect(dev.send(new GetObjectCommand(other))).rejects.toMatchObject(denied);
    await expect(dev.send(new PutObjectCommand({ ...other, Body: 'x' }))).rejects.toMatchObject(denied);
    await expect(dev.send(new CreateBucketCommand({ Bucket: 'team-a-more' }))).rejects.toMatchObject(denied);
  });

  it('administers nothing', async () => {
    for (const path of ['/policies', '/users', '/attachments/role:developer']) {
      expect(await status('GET', `/-/api/v1${path}`, `Bearer ${token}`)).toBe(403);
    }
  });

  it('is nobody in particular without the role', async () => {
    const without = `Bearer ${await issuer.accessToken({ ...DEVA, roles: [] })}`;
    expect(await status('GET', '/v2/team-a/app/manifests/v1', without)).toBe(403);
  });
});
