import { S3Bench, type S3Request } from '@zot-artifact-store/testkit/s3-bench.ts';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

let bench: S3Bench;
beforeEach(() => {
  bench = new S3Bench();
});
afterEach(async () => {
  expect(await bench.problems()).toEqual([]);
  await bench.close();
});

const BOB = { kind: 'user', name: 'bob', groups: [], via: 'test', isRoot: false } as const;
const ROOT = { kind: 'user', name: 'root', groups: [], via: 'root', isRoot: true } as const;

function create(name = 'bucket', request: S3Request = {}) {
  return bench.send(`/${name}`, { method: 'PUT', ...request });
}

const configuration = (inner: string): string =>
  `<CreateBucketConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${inner}</CreateBucketConfiguration>`;

describe('CreateBucket', () => {
  it('makes a bucket that has an owner, and tells of it', async () => {
    const reply = await create();
    expect(reply).toMatchObject({ status: 200, headers: { location: '/bucket' } });
    expect((await bench.bucket()).record).toMatchObject({
      owner: 'alice',
      region: 'us-east-1',
      versioning: 'unversioned',
      objectLock: false,
      ownership: 'BucketOwnerEnforced',
      acl: [],
    });
    expect(bench.events).toEqual([
      { type: 'bucket.created', repository: 's3/bucket', bucket: 'bucket', actor: 'alice' },
    ]);
  });

  it('says whose a bucket is that is there already', async () => {
    await create();
    expect((await create()).status).toBe(200);
    expect(bench.events).toHaveLength(1);
    const others = await create('bucket', { principal: BOB });
    expect(others).toMatchObject({ status: 409, code: 'BucketAlreadyExists' });
    expect(others.text).toContain('<BucketName>bucket</BucketName>');
    const headers = { 'x-amz-object-ownership': 'ObjectWriter', 'x-amz-acl': 'public-read' };
    expect((await create('bucket', { headers })).code).toBe('BucketAlreadyExists');
  });

  it('has no ownership controls where only the server says that objects are their writer’s', async () => {
    bench = new S3Bench({ options: { defaultOwnership: 'ObjectWriter' } });
    await create();
    expect((await bench.send('/bucket?ownershipControls')).code).toBe('OwnershipControlsNotFoundError');
    await create('asked', { headers: { 'x-amz-object-ownership': 'ObjectWriter' } });
    expect((await bench.send('/asked?ownershipControls')).text).toContain('ObjectWriter');
  });

  it("does not make one's own bucket again outside us-east-1", async () => {
    bench = new S3Bench({ options: { region: 'eu-central-1' } });
    await create();
    expect(await create()).toMatchObject({ status: 409, code: 'BucketAlreadyOwnedByYou' });
  });

  it('refuses names that no bucket can have', async () => {
    for (const name of [
      'ab',
      'A-bucket',
      'a_bucket',
      'bucket.',
      '-bucket',
      'a..b',
      'foo.-bar',
      'foo-.bar',
      '1.2.3.4',
      'xn--bucket',
      'sthree-x',
      'a-s3alias',
      'b'.repeat(64),
    ])
      expect(await create(name)).toMatchObject({
        status: 400,
        code: 'InvalidBucketName',
      });
    for (const name of ['abc', '1.2.3', 'a.b-c', 'b'.repeat(63)])
      expect((await create(name)).status).toBe(200);
  });

  it('takes the region of the server, said or not', async () => {
    expect((await create('first', { body: configuration('') })).status).toBe(200);
    const here = configuration('<LocationConstraint>us-east-1</LocationConstraint>');
    expect((await create('second', { body: here })).status).toBe(200);
    const elsewhere = await create('third', {
      body: configuration('<LocationConstraint>mars</LocationConstraint>'),
    });
    expect(elsewhere).toMatchObject({ status: 400, code: 'InvalidLocationConstraint' });
    expect(elsewhere.text).toContain('<LocationConstraint>mars</LocationConstraint>');
    for (const body of ['<Other/>', 'text', configuration('<Tags><Tag><Key>a</Key></Tag></Tags>')])
      expect((await create('third', { body })).code).toBe('MalformedXML');
    for (const inner of [
      '<Bucket><Type>Directory</Type></Bucket>',
      '<Location><Type>AvailabilityZone</Type></Location>',
    ])
      expect((await create('third', { body: configuration(inner) })).code).toBe('NotImplemented');
  });

  it('takes tags', async () => {
    const tag = (name: string, value: string) => `<Tag><Key>${name}</Key><Value>${value}</Value></Tag>`;
    const tags = (...all: string[]) => ({ body: configuration(`<Tags>${all.join('')}</Tags>`) });
    expect((await create('bucket', tags(tag('a', '1'), tag('b', '2')))).status).toBe(200);
    expect(await bench.deps.documents.read(await bench.bucket(), 'tagging')).toBe('[["a","1"],["b","2"]]');
    for (const bad of [
      tags(tag('a', '1'), tag('a', '2')),
      tags(tag('a'.repeat(129), '1')),
      tags(tag('a', '!')),
      tags(...Array.from({ length: 51 }, (_, i) => tag(`k${i}`, ''))),
    ])
      expect((await create('other', bad)).code).toBe('InvalidTag');
  });

  it('with object lock is versioned', async () => {
    await create('bucket', { headers: { 'x-amz-bucket-object-lock-enabled': 'true' } });
    expect((await bench.bucket()).record).toMatchObject({ objectLock: true, versioning: 'enabled' });
  });

  it('takes ownership and canned ACLs as they fit together', async () => {
    const headers = { 'x-amz-object-ownership': 'ObjectWriter', 'x-amz-acl': 'public-read' };
    expect((await create('bucket', { headers })).status).toBe(200);
    expect((await bench.bucket()).record).toMatchObject({
      ownership: 'ObjectWriter',
      acl: [{ to: { group: 'AllUsers' }, permission: 'READ' }],
    });
    const refused = [
      [{ 'x-amz-acl': 'public-read' }, 'InvalidBucketAclWithObjectOwnership'],
      [{ 'x-amz-acl': 'nonsense' }, 'InvalidArgument'],
      [{ 'x-amz-object-ownership': 'nobody' }, 'InvalidArgument'],
    ] as const;
    for (const [headers, code] of refused) expect((await create('other', { headers })).code).toBe(code);
    expect((await create('other', { headers: { 'x-amz-acl': 'private' } })).status).toBe(200);
  });

  it('gives new buckets the ownership of the configuration', async () => {
    bench = new S3Bench({ options: { defaultOwnership: 'ObjectWriter' } });
    await create('bucket', { headers: { 'x-amz-acl': 'public-read' } });
    expect((await bench.bucket()).record.ownership).toBe('ObjectWriter');
  });
});

describe('DeleteBucket', () => {
  it('removes an empty bucket, whose name is free again', async () => {
    await create();
    await bench.send('/bucket/key', { method: 'PUT', body: 'content' });
    expect(await bench.send('/bucket', { method: 'DELETE' })).toMatchObject({
      status: 409,
      code: 'BucketNotEmpty',
    });
    await bench.send('/bucket/key', { method: 'DELETE' });
    expect((await bench.send('/bucket', { method: 'DELETE' })).status).toBe(204);
    expect(await bench.send('/bucket', { method: 'DELETE' })).toMatchObject({
      status: 404,
      code: 'NoSuchBucket',
    });
    expect(bench.events.at(-1)).toMatchObject({ type: 'bucket.deleted', bucket: 'bucket' });
    expect((await create('bucket', { principal: BOB })).status).toBe(200);
  });

  it('leaves a bucket that has a delete marker', async () => {
    await bench.createBucket('bucket', { versioning: 'enabled' });
    await bench.send('/bucket/key', { method: 'DELETE' });
    expect((await bench.send('/bucket', { method: 'DELETE' })).code).toBe('BucketNotEmpty');
  });
});

describe('ListBuckets', () => {
  const names = (text: string) => [...text.matchAll(/<Name>([^<]*)<\/Name>/g)].map(([, name]) => name);
  const list = (
    query = '',
    principal: S3Request['principal'] = undefined,
    can: NonNullable<S3Request['can']> = () => false,
  ) => bench.send(`/${query}`, { can, ...(principal !== undefined && { principal }) });

  beforeEach(async () => {
    for (const name of ['cc1', 'aa1', 'ab1']) await bench.createBucket(name);
    await bench.createBucket('bobs', { owner: 'bob' });
  });

  it("has one's own buckets, in order; root's everybody's", async () => {
    const reply = await list();
    expect(names(reply.text)).toEqual(['aa1', 'ab1', 'cc1']);
    expect(reply.text).toContain('<DisplayName>alice</DisplayName>');
    expect(reply.text).toContain(
      '<CreationDate>2023-11-14T22:13:20.000Z</CreationDate><BucketRegion>us-east-1<',
    );
    expect(reply.text).not.toContain('ContinuationToken');
    expect(names((await list('', BOB)).text)).toEqual(['bobs']);
    expect(names((await list('', ROOT)).text)).toEqual(['aa1', 'ab1', 'bobs', 'cc1']);
  });

  it('has the buckets of others that one may list', async () => {
    const can: S3Request['can'] = ({ action, resource }) =>
      action === 's3:ListBucket' && resource === 'bucket:ab1';
    expect(names((await list('', BOB, can)).text)).toEqual(['ab1', 'bobs']);
  });

  it('comes in pages', async () => {
    const first = await list('?max-buckets=2');
    expect(names(first.text)).toEqual(['aa1', 'ab1']);
    const token = /<ContinuationToken>([^<]+)</.exec(first.text)?.[1];
    const second = await list(`?max-buckets=2&continuation-token=${token}`);
    expect(names(second.text)).toEqual(['cc1']);
    expect(second.text).not.toContain('ContinuationToken');
    expect(names((await list('?max-buckets=3')).text)).toHaveLength(3);
    expect((await list('?max-buckets=3')).text).not.toContain('ContinuationToken');
  });

  it('is narrowed by a prefix and a region', async () => {
    const reply = await list('?prefix=a&max-buckets=1');
    expect(names(reply.text)).toEqual(['aa1']);
    expect(reply.text).toContain('<Prefix>a</Prefix>');
    expect(names((await list('?bucket-region=us-east-1')).text)).toHaveLength(3);
    expect(names((await list('?bucket-region=mars')).text)).toEqual([]);
  });

  it('refuses a number of buckets and a token that cannot be', async () => {
    for (const text of ['0', '-3', '2000000', 'x', ''])
      expect((await list(`?max-buckets=${text}`)).code).toBe('InvalidArgument');
    expect((await list('?continuation-token=nonsense')).code).toBe('InvalidArgument');
  });
});

describe('a bucket says', () => {
  it('that it is there, and where', async () => {
    await create();
    const head = await bench.send('/bucket', { method: 'HEAD' });
    expect(head).toMatchObject({ status: 200, headers: { 'x-amz-bucket-region': 'us-east-1' } });
    expect((await bench.send('/other', { method: 'HEAD' })).status).toBe(404);
  });

  it('its location, which is empty for us-east-1', async () => {
    await create();
    expect((await bench.send('/bucket?location')).text).toContain(
      '<LocationConstraint xmlns="http://s3.amazonaws.com/doc/2006-03-01/"></LocationConstraint>',
    );
    await bench.createBucket('other', { region: 'eu-central-1' });
    expect((await bench.send('/other?location')).text).toContain('>eu-central-1</LocationConstraint>');
  });

  it('its region even to who may not look into it', async () => {
    const { S3Error } = await import('../errors.ts');
    const { createS3Protocols } = await import('../protocol.ts');
    const [protocol] = createS3Protocols(bench.deps);
    const head = { id: '1', method: 'HEAD', path: '/bucket', headers: {} } as never;
    const reply = protocol?.renderError(new S3Error('AccessDenied', 'no'), head);
    expect(reply).toMatchObject({ status: 403, headers: { 'x-amz-bucket-region': 'us-east-1' } });
  });
});

describe('versioning of a bucket', () => {
  const put = (status: string) =>
    bench.send('/bucket?versioning', {
      method: 'PUT',
      body: `<VersioningConfiguration><Status>${status}</Status></VersioningConfiguration>`,
    });
  const get = async () => (await bench.send('/bucket?versioning')).text;

  it('has no status before it is set, and never again none', async () => {
    await create();
    expect(await get()).toContain(
      '<VersioningConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/"></VersioningConfiguration>',
    );
    for (const status of ['Suspended', 'Enabled', 'Enabled', 'Suspended']) {
      expect((await put(status)).status).toBe(200);
      expect(await get()).toContain(`<Status>${status}</Status>`);
    }
  });

  it('cannot be suspended under object lock', async () => {
    await bench.createBucket('bucket', { versioning: 'enabled', objectLock: true });
    expect(await put('Suspended')).toMatchObject({ status: 409, code: 'InvalidBucketState' });
    expect((await put('Enabled')).status).toBe(200);
  });

  it('is refused when it is none, or of a bucket that is not there', async () => {
    expect((await put('Enabled')).code).toBe('NoSuchBucket');
    await create();
    for (const status of ['', 'enabled', 'Off']) expect((await put(status)).code).toBe('MalformedXML');
    const mfa =
      '<VersioningConfiguration><Status>Enabled</Status><MfaDelete>Enabled</MfaDelete></VersioningConfiguration>';
    expect((await bench.send('/bucket?versioning', { method: 'PUT', body: mfa })).code).toBe(
      'NotImplemented',
    );
    const large = { method: 'PUT', body: ' '.repeat(70_000) };
    expect(await bench.send('/bucket?versioning', large)).toMatchObject({ status: 400 });
  });
});
