import { ALICE, S3Bench } from '@zot-artifact-store/testkit/s3-bench.ts';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Principal } from '../../../extension/access.ts';
import type { RequestHead } from '../../../http/protocol.ts';
import { actionOf, resourceOf } from '../actions.ts';
import { canonicalId } from '../owner.ts';
import { S3Authorizer } from './authorizer.ts';
import { withoutPublic } from './without-public.ts';

let bench: S3Bench;
let authorizer: S3Authorizer;
beforeEach(() => {
  bench = new S3Bench();
  authorizer = new S3Authorizer({ ...bench.deps, clientAddress: (head) => head.remoteAddress });
});
afterEach(() => bench.close());

const BOB: Principal = { kind: 'user', name: 'bob', groups: [], via: 'test', isRoot: false };
const ANYONE: Principal = { kind: 'anonymous' };
const ALL_USERS = 'uri="http://acs.amazonaws.com/groups/global/AllUsers"';

function headWith(headers: Record<string, string> = {}): RequestHead {
  return {
    id: 'r1',
    method: 'GET',
    target: '/',
    path: '/',
    query: '',
    headers,
    rawHeaders: [],
    remoteAddress: '192.0.2.7',
  };
}

async function decide(
  principal: Principal,
  name: Parameters<typeof actionOf>[0],
  key?: string,
  headers?: Record<string, string>,
) {
  const action = actionOf(name, { hasVersion: false }) ?? 's3:None';
  const resource = resourceOf('bucket', key);
  return (await authorizer.authorize(principal, { action, resource }, headWith(headers))).effect;
}

async function setPolicy(...statements: readonly object[]): Promise<void> {
  const reply = await bench.send('/bucket?policy', {
    method: 'PUT',
    body: JSON.stringify({ Version: '2012-10-17', Statement: statements }),
  });
  expect(reply.status).toBe(204);
}

const publicRead = {
  Effect: 'Allow',
  Principal: '*',
  Action: 's3:GetObject',
  Resource: 'arn:aws:s3:::bucket/*',
};

describe('the owner of a bucket', () => {
  it('may do everything in it, and nobody else anything', async () => {
    await bench.createBucket();
    expect(await decide(ALICE, 'PutObject', 'k')).toBe('allow');
    expect(await decide(ALICE, 'DeleteBucket')).toBe('allow');
    expect(await decide(BOB, 'GetObject', 'k')).toBe('abstain');
    expect(await decide(ANYONE, 'GetObject', 'k')).toBe('abstain');
  });

  it('is told by the operation when there is no bucket', async () => {
    expect(await decide(ANYONE, 'GetObject', 'k')).toBe('allow');
  });
});

describe('a bucket policy', () => {
  it('gives to everybody what it says, and no more', async () => {
    await bench.createBucket();
    await setPolicy(publicRead);
    expect(await decide(ANYONE, 'GetObject', 'k')).toBe('allow');
    expect(await decide(ANYONE, 'PutObject', 'k')).toBe('abstain');
    expect(await decide(ANYONE, 'ListObjects')).toBe('abstain');
  });

  it('gives to a user by ARN or canonical id', async () => {
    await bench.createBucket();
    await setPolicy({ ...publicRead, Principal: { AWS: 'arn:aws:iam:::user/bob' } });
    expect(await decide(BOB, 'GetObject', 'k')).toBe('allow');
    expect(await decide(ANYONE, 'GetObject', 'k')).toBe('abstain');
    await setPolicy({ ...publicRead, Principal: { CanonicalUser: canonicalId('bob') } });
    expect(await decide(BOB, 'GetObject', 'k')).toBe('allow');
  });

  it('denies its owner, too, but never the change of the policy', async () => {
    await bench.createBucket();
    await setPolicy({
      Effect: 'Deny',
      Principal: '*',
      Action: 's3:*',
      Resource: ['arn:aws:s3:::bucket', 'arn:aws:s3:::bucket/*'],
    });
    expect(await decide(ALICE, 'PutObject', 'k')).toBe('deny');
    expect(await decide(ALICE, 'DeleteBucketPolicy')).toBe('allow');
    expect(await decide(BOB, 'DeleteBucketPolicy')).toBe('deny');
  });

  it('looks at the address, at headers, and at the tags of the object there is', async () => {
    await bench.createBucket();
    const from = (network: string) => ({
      ...publicRead,
      Condition: { IpAddress: { 'aws:SourceIp': network } },
    });
    await setPolicy(from('192.0.2.0/24'));
    expect(await decide(ANYONE, 'GetObject', 'k')).toBe('allow');
    await setPolicy(from('198.51.100.0/24'));
    expect(await decide(ANYONE, 'GetObject', 'k')).toBe('abstain');

    await bench.send('/bucket/open', {
      method: 'PUT',
      body: 'x',
      headers: { 'x-amz-tagging': 'security=public' },
    });
    await bench.send('/bucket/closed', { method: 'PUT', body: 'x' });
    await setPolicy({
      ...publicRead,
      Condition: { StringEquals: { 's3:ExistingObjectTag/security': 'public' } },
    });
    expect(await decide(ANYONE, 'GetObject', 'open')).toBe('allow');
    expect(await decide(ANYONE, 'GetObject', 'closed')).toBe('abstain');
    expect(await decide(ANYONE, 'GetObject', 'none')).toBe('abstain');
  });

  it('reaches the owner alone where public buckets are restricted, and is refused where they are blocked', async () => {
    await bench.createBucket('bucket', {
      publicAccessBlock: {
        blockPublicAcls: false,
        ignorePublicAcls: false,
        blockPublicPolicy: false,
        restrictPublicBuckets: true,
      },
    });
    await setPolicy(publicRead);
    expect(await decide(ANYONE, 'GetObject', 'k')).toBe('abstain');
    await bench.send('/bucket?publicAccessBlock', {
      method: 'PUT',
      body: '<PublicAccessBlockConfiguration><BlockPublicPolicy>true</BlockPublicPolicy></PublicAccessBlockConfiguration>',
    });
    const refused = await bench.send('/bucket?policy', {
      method: 'PUT',
      body: JSON.stringify({ Version: '2012-10-17', Statement: publicRead }),
    });
    expect(refused.code).toBe('AccessDenied');
  });

  it('tells who may list a prefix that there is nothing, whoever may read', async () => {
    const listing = {
      Effect: 'Allow',
      Principal: '*',
      Action: 's3:ListBucket',
      Resource: 'arn:aws:s3:::bucket',
      Condition: { StringLike: { 's3:prefix': 'public/*' } },
    };
    for (const ownership of ['BucketOwnerEnforced', 'ObjectWriter'] as const) {
      await bench.createBucket('bucket', { ownership });
      await bench.send('/bucket/public/there', { method: 'PUT', body: 'x' });
      await setPolicy(listing);
      expect(await decide(BOB, 'GetObject', 'public/none')).toBe('allow');
      expect(await decide(BOB, 'GetObject', 'public/there')).toBe('abstain');
      expect(await decide(BOB, 'GetObject', 'private/none')).toBe('abstain');
      expect(await decide(BOB, 'PutObject', 'public/none')).toBe('abstain');
      await bench.send('/bucket/public/there', { method: 'DELETE' });
      await bench.send('/bucket', { method: 'DELETE' });
    }
  });

  it.each([
    ['another bucket', { ...publicRead, Resource: 'arn:aws:s3:::other/*' }],
    ['an action that there is not', { ...publicRead, Action: 's3:GetNothing' }],
    ['an action that fits no resource', { ...publicRead, Action: 's3:ListBucket' }],
    ['nobody', { ...publicRead, Principal: { AWS: '' } }],
    ['all but one', { ...publicRead, Principal: undefined, NotPrincipal: { AWS: 'arn:aws:iam:::user/bob' } }],
  ])('that is about %s is malformed', async (_what, statement) => {
    await bench.createBucket();
    const reply = await bench.send('/bucket?policy', {
      method: 'PUT',
      body: JSON.stringify({ Version: '2012-10-17', Statement: statement }),
    });
    expect(reply.code).toBe('MalformedPolicy');
  });
});

describe('what is granted to everybody', () => {
  it('puts no bucket into the list of somebody else', async () => {
    const mayList = async () => {
      const permission = withoutPublic({ action: 's3:ListBucket', resource: resourceOf('bucket') });
      return (await authorizer.authorize(BOB, permission, headWith())).effect;
    };
    await bench.createBucket('bucket', { ownership: 'ObjectWriter' });
    await bench.send('/bucket?acl', { method: 'PUT', headers: { 'x-amz-acl': 'public-read' } });
    expect(await decide(BOB, 'ListObjects')).toBe('allow');
    expect(await mayList()).toBe('abstain');
    const listing = { Effect: 'Allow', Action: 's3:ListBucket', Resource: 'arn:aws:s3:::bucket' };
    await setPolicy({ ...listing, Principal: '*' });
    expect(await mayList()).toBe('abstain');
    await setPolicy({ ...listing, Principal: { AWS: 'arn:aws:iam:::user/bob' } });
    expect(await mayList()).toBe('allow');
  });
});

describe('ACLs', () => {
  it('count only where the bucket has them', async () => {
    await bench.createBucket('bucket', {
      acl: [{ to: { group: 'AllUsers' }, permission: 'READ' }],
    });
    expect(await decide(ANYONE, 'ListObjects')).toBe('abstain');
  });

  it('of the bucket give listing and writing; of an object, reading it', async () => {
    await bench.createBucket('bucket', { ownership: 'ObjectWriter' });
    await bench.send('/bucket/k', { method: 'PUT', body: 'x', headers: { 'x-amz-grant-read': ALL_USERS } });
    await bench.send('/bucket/other', { method: 'PUT', body: 'x' });
    expect(await decide(ANYONE, 'GetObject', 'k')).toBe('allow');
    expect(await decide(ANYONE, 'GetObject', 'other')).toBe('abstain');
    expect(await decide(ANYONE, 'ListObjects')).toBe('abstain');
    const put = await bench.send('/bucket?acl', {
      method: 'PUT',
      headers: { 'x-amz-acl': 'public-read-write' },
    });
    expect(put.status).toBe(200);
    expect(await decide(ANYONE, 'ListObjects')).toBe('allow');
    expect(await decide(BOB, 'PutObject', 'new')).toBe('allow');
  });

  it('make an object its writer’s own, which the bucket owner may not read without a grant', async () => {
    await bench.createBucket('bucket', { ownership: 'ObjectWriter' });
    await bench.send('/bucket/k', { method: 'PUT', body: 'x', principal: BOB });
    expect(await decide(BOB, 'GetObject', 'k')).toBe('allow');
    expect(await decide(ALICE, 'GetObject', 'k')).toBe('abstain');
    await bench.send('/bucket/k', {
      method: 'PUT',
      body: 'x',
      principal: BOB,
      headers: { 'x-amz-acl': 'bucket-owner-read' },
    });
    expect(await decide(ALICE, 'GetObject', 'k')).toBe('allow');
  });

  it('may be written without the owner, who keeps every right', async () => {
    await bench.createBucket('bucket', { ownership: 'ObjectWriter' });
    await bench.createBucket('bobs', { owner: 'bob' });
    const grants = { 'x-amz-grant-read': `id=${canonicalId('bob')}` };
    await bench.send('/bucket/k', { method: 'PUT', body: 'x', headers: grants });
    const permissions = async (target: string) =>
      [...(await bench.send(target)).text.matchAll(/<Permission>(\w+)/g)].map(([, name]) => name);
    expect(await permissions('/bucket/k?acl')).toEqual(['READ']);
    expect(await decide(ALICE, 'GetObject', 'k')).toBe('allow');
    await bench.send('/bucket?acl', {
      method: 'PUT',
      body: `<AccessControlPolicy><Owner><ID>${canonicalId('alice')}</ID></Owner><AccessControlList/></AccessControlPolicy>`,
    });
    expect(await permissions('/bucket?acl')).toEqual([]);
    expect(await decide(ALICE, 'PutBucketAcl')).toBe('allow');
    for (const target of ['/bucket?acl', '/bucket/k?acl']) {
      const twice = { method: 'PUT', headers: { 'x-amz-acl': 'private' }, body: '<AccessControlPolicy/>' };
      expect((await bench.send(target, twice)).code).toBe('UnexpectedContent');
      await bench.send(target, { method: 'PUT', headers: { 'x-amz-acl': 'private' } });
      expect(await permissions(target)).toEqual(['FULL_CONTROL']);
    }
  });

  it('count in the status of the policy as the policy does', async () => {
    await bench.createBucket('bucket', { ownership: 'ObjectWriter' });
    const status = async () => (await bench.send('/bucket?policyStatus')).text;
    expect(await status()).toContain('<IsPublic>false</IsPublic>');
    await bench.send('/bucket?acl', { method: 'PUT', headers: { 'x-amz-acl': 'authenticated-read' } });
    expect(await status()).toContain('<IsPublic>true</IsPublic>');
    await bench.send('/bucket?acl', { method: 'PUT', headers: { 'x-amz-acl': 'private' } });
    await setPolicy(publicRead);
    expect(await status()).toContain('<IsPublic>true</IsPublic>');
  });

  it('of a bucket that let anybody write let the tags be written, too', async () => {
    await bench.createBucket('bucket', { ownership: 'ObjectWriter' });
    await bench.send('/bucket?acl', { method: 'PUT', headers: { 'x-amz-acl': 'public-read-write' } });
    expect(await decide(ANYONE, 'PutObjectTagging', 'k')).toBe('allow');
    await bench.send('/bucket?acl', { method: 'PUT', headers: { 'x-amz-acl': 'public-read' } });
    expect(await decide(ANYONE, 'PutObjectTagging', 'k')).toBe('abstain');
  });

  it('come back with owner and grants, and are refused for users nobody knows', async () => {
    await bench.createBucket('bucket', { ownership: 'ObjectWriter' });
    await bench.createBucket('bobs', { owner: 'bob' });
    const grant = (id: string) =>
      `<AccessControlPolicy><Owner><ID>${canonicalId('alice')}</ID></Owner><AccessControlList><Grant><Grantee><ID>${id}</ID></Grantee><Permission>READ</Permission></Grant></AccessControlList></AccessControlPolicy>`;
    const put = await bench.send('/bucket?acl', { method: 'PUT', body: grant(canonicalId('bob')) });
    expect(put.status).toBe(200);
    const { text } = await bench.send('/bucket?acl');
    expect(text).toContain('<DisplayName>alice</DisplayName>');
    expect(text).toContain('<DisplayName>bob</DisplayName></Grantee><Permission>READ</Permission>');
    await bench.send('/bucket?acl', { method: 'PUT', headers: { 'x-amz-acl': 'public-read' } });
    const canned = await bench.send('/bucket?acl');
    expect([...canned.text.matchAll(/<Permission>(\w+)/g)].map(([, name]) => name)).toEqual([
      'READ',
      'FULL_CONTROL',
    ]);
    const unknown = await bench.send('/bucket?acl', { method: 'PUT', body: grant(canonicalId('nobody')) });
    expect(unknown.code).toBe('InvalidArgument');
  });
});
