import { createHash } from 'node:crypto';
import { S3Bench, type S3Request } from '@zot-artifact-store/testkit/s3-bench.ts';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { BucketRecord } from '../store/records.ts';

let bench: S3Bench;
beforeEach(() => {
  bench = new S3Bench();
});
afterEach(async () => {
  expect(await bench.problems()).toEqual([]);
  await bench.close();
});

const UNKNOWN = 'f'.repeat(32);

async function put(key = 'key', headers: Record<string, string> = {}): Promise<string | undefined> {
  const reply = await bench.send(`/bucket/${key}`, { method: 'PUT', body: 'content', headers });
  expect(reply.status).toBe(200);
  return reply.header('x-amz-version-id');
}

function remove(target = '/bucket/key', headers: Record<string, string> = {}, more: Partial<S3Request> = {}) {
  return bench.send(target, { method: 'DELETE', headers, ...more });
}

async function change(record: Partial<BucketRecord>): Promise<void> {
  await bench.deps.buckets.update((await bench.bucket()).name, (bucket) => ({ ...bucket.record, ...record }));
}

async function status(target = '/bucket/key'): Promise<number> {
  return (await bench.send(target)).status;
}

describe('DeleteObject', () => {
  it('removes the object of a bucket without versions, and does not mind a missing one', async () => {
    await bench.createBucket();
    await put();
    for (let i = 0; i < 2; i++) {
      const reply = await remove();
      expect(reply.status).toBe(204);
      expect(reply.header('x-amz-delete-marker')).toBeUndefined();
      expect(reply.header('x-amz-version-id')).toBeUndefined();
      expect(await status()).toBe(404);
    }
    expect(bench.events.filter(({ type }) => type === 'object.deleted')).toEqual([
      {
        type: 'object.deleted',
        repository: 's3/bucket',
        bucket: 'bucket',
        key: 'key',
        operation: 'delete',
        actor: 'alice',
      },
    ]);
    expect(await remove('/elsewhere/key')).toMatchObject({ status: 404, code: 'NoSuchBucket' });
  });

  it('adds a marker where there are versions, also for a missing key; removing it brings the object back', async () => {
    await bench.createBucket('bucket', { versioning: 'enabled' });
    await put();
    const reply = await remove();
    expect(reply.header('x-amz-delete-marker')).toBe('true');
    expect(await status()).toBe(404);
    const marker = reply.header('x-amz-version-id');
    const undone = await remove(`/bucket/key?versionId=${marker}`);
    expect(undone.headers).toMatchObject({ 'x-amz-delete-marker': 'true', 'x-amz-version-id': marker });
    expect(await status()).toBe(200);
    expect((await remove('/bucket/other')).header('x-amz-delete-marker')).toBe('true');
    expect(bench.events.at(-1)).toMatchObject({ type: 'object.deleted', operation: 'delete-marker' });
  });

  it('replaces the null version by a null marker where versioning is suspended', async () => {
    await bench.createBucket();
    await put();
    await change({ versioning: 'suspended' });
    expect((await remove()).headers).toMatchObject({
      'x-amz-delete-marker': 'true',
      'x-amz-version-id': 'null',
    });
    expect((await bench.send('/bucket/key?versionId=null')).status).toBe(405);
  });

  it('removes one version for good, and says so of one that is not there', async () => {
    await bench.createBucket('bucket', { versioning: 'enabled' });
    const first = await put();
    await put();
    const reply = await remove(`/bucket/key?versionId=${first}`);
    expect(reply.headers).toMatchObject({ 'x-amz-version-id': first });
    expect(reply.header('x-amz-delete-marker')).toBeUndefined();
    expect(await status(`/bucket/key?versionId=${first}`)).toBe(404);
    expect(await remove(`/bucket/key?versionId=${UNKNOWN}`)).toMatchObject({ status: 204 });
    expect((await remove('/bucket/key?versionId=nonsense')).code).toBe('InvalidArgument');
  });

  it('lets the space go once nobody holds the content', async () => {
    await bench.createBucket();
    const body = 'x'.repeat(10_000);
    for (const key of ['a', 'b']) await bench.send(`/bucket/${key}`, { method: 'PUT', body });
    await remove('/bucket/a');
    bench.nowMs += 10_000;
    await bench.collect();
    expect((await bench.send('/bucket/b')).text).toBe(body);
    await remove('/bucket/b');
    bench.nowMs += 10_000;
    await bench.collect();
    expect(await bench.driver.list()[Symbol.asyncIterator]().next()).toMatchObject({ done: true });
  });

  it('asks the vetoes', async () => {
    const { StoreError } = await import('@zot-artifact-store/spec');
    bench = new S3Bench({
      vetoes: {
        beforeDelete: ({ kind, reference }) => {
          throw new StoreError('denied', `${kind} ${reference} is kept`);
        },
      },
    });
    await bench.createBucket();
    await put();
    expect(await remove()).toMatchObject({ status: 403, code: 'AccessDenied' });
    expect(await status()).toBe(200);
  });
});

describe('conditional DELETE', () => {
  const etag = '"9a0364b9e99bb480dd25e1f0284c8555"';
  const matching = [
    { 'if-match': etag },
    { 'if-match': '*' },
    { 'x-amz-if-match-size': '7' },
    { 'x-amz-if-match-last-modified-time': 'Tue, 14 Nov 2023 22:13:20 GMT' },
    { 'x-amz-if-match-last-modified-time': '2023-11-14T22:13:20.000Z' },
  ] as Record<string, string>[];
  const failing = [
    { 'if-match': '"other"' },
    { 'x-amz-if-match-size': '8' },
    { 'x-amz-if-match-last-modified-time': 'Thu, 01 Jan 2015 00:00:00 GMT' },
  ] as Record<string, string>[];

  it('deletes what is as asked, and leaves what is not', async () => {
    await bench.createBucket();
    await put();
    for (const headers of failing)
      expect(await remove('/bucket/key', headers)).toMatchObject({ status: 412, code: 'PreconditionFailed' });
    expect(await status()).toBe(200);
    for (const headers of matching) {
      expect((await remove('/bucket/key', headers)).status).toBe(204);
      expect(await status()).toBe(404);
      await put();
    }
  });

  it('has nothing against a key that is not there, and adds no marker for it', async () => {
    await bench.createBucket('bucket', { versioning: 'enabled' });
    for (const headers of [...matching, ...failing]) {
      const reply = await remove('/bucket/key', headers);
      expect(reply.status).toBe(204);
      expect(reply.header('x-amz-delete-marker')).toBeUndefined();
    }
  });

  it('takes a delete marker for something that has no tag', async () => {
    await bench.createBucket('bucket', { versioning: 'enabled' });
    await put();
    await remove();
    expect((await remove('/bucket/key', { 'if-match': '*' })).status).toBe(204);
    for (const headers of failing) expect((await remove('/bucket/key', headers)).status).toBe(412);
  });

  it('looks at the version where one is named', async () => {
    await bench.createBucket('bucket', { versioning: 'enabled' });
    const version = await put();
    await bench.send('/bucket/key', { method: 'PUT', body: 'newer' });
    const target = `/bucket/key?versionId=${version}`;
    for (const headers of failing) expect((await remove(target, headers)).status).toBe(412);
    expect((await remove(target, { 'if-match': etag, 'x-amz-if-match-size': '7' })).status).toBe(204);
    for (const headers of failing) expect((await remove(target, headers)).status).toBe(204);
  });

  it('refuses a size or a time that is none', async () => {
    await bench.createBucket();
    expect((await remove('/bucket/key', { 'x-amz-if-match-size': 'x' })).code).toBe('InvalidArgument');
    expect((await remove('/bucket/key', { 'x-amz-if-match-last-modified-time': 'x' })).code).toBe(
      'InvalidArgument',
    );
  });
});

describe('object lock', () => {
  const retention = (mode: string): Record<string, string> => ({
    'x-amz-object-lock-mode': mode,
    'x-amz-object-lock-retain-until-date': new Date(bench.nowMs + 60_000).toISOString(),
  });
  const bypass = { 'x-amz-bypass-governance-retention': 'true' };

  beforeEach(async () => {
    await bench.createBucket('bucket', { versioning: 'enabled', objectLock: true });
  });

  it('keeps a version, and does not keep a marker from hiding it', async () => {
    const version = await put('key', retention('COMPLIANCE'));
    expect((await remove()).header('x-amz-delete-marker')).toBe('true');
    const target = `/bucket/key?versionId=${version}`;
    for (const headers of [{}, bypass])
      expect(await remove(target, headers)).toMatchObject({ status: 403, code: 'AccessDenied' });
    bench.nowMs += 60_001;
    expect((await remove(target)).status).toBe(204);
  });

  it('of GOVERNANCE yields to who may bypass it and says so', async () => {
    const target = `/bucket/key?versionId=${await put('key', retention('GOVERNANCE'))}`;
    expect((await remove(target)).status).toBe(403);
    const cannot = { can: ({ action }: { action: string }) => action !== 's3:BypassGovernanceRetention' };
    expect((await remove(target, bypass, cannot)).status).toBe(403);
    expect((await remove(target, bypass)).status).toBe(204);
  });

  it('by a legal hold yields to nobody', async () => {
    const target = `/bucket/key?versionId=${await put('key', { 'x-amz-object-lock-legal-hold': 'ON' })}`;
    bench.nowMs += 100 * 365 * 86_400_000;
    expect((await remove(target, bypass)).status).toBe(403);
  });
});

describe('DeleteObjects', () => {
  const objects = (...entries: string[]): string =>
    `<Delete xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${entries
      .map((entry) => `<Object>${entry}</Object>`)
      .join('')}</Delete>`;
  const send = (body: string, headers: Record<string, string> = {}, more: Partial<S3Request> = {}) =>
    bench.send('/bucket?delete', {
      method: 'POST',
      body,
      headers: { 'content-md5': md5(body), ...headers },
      ...more,
    });

  it('deletes each key, the missing ones too, and names them', async () => {
    await bench.createBucket();
    await put('a');
    await put('b');
    const reply = await send(objects('<Key>a</Key>', '<Key>missing</Key>'));
    expect(reply.status).toBe(200);
    expect(reply.text).toContain('<Deleted><Key>a</Key></Deleted><Deleted><Key>missing</Key></Deleted>');
    expect([await status('/bucket/a'), await status('/bucket/b')]).toEqual([404, 200]);
  });

  it('is told of versions and markers', async () => {
    await bench.createBucket('bucket', { versioning: 'enabled' });
    const version = await put('a');
    const marked = await send(objects('<Key>a</Key>'));
    const marker = /<DeleteMarkerVersionId>(\w+)</.exec(marked.text)?.[1];
    expect(marked.text).toContain('<DeleteMarker>true</DeleteMarker>');
    const gone = await send(
      objects(
        `<Key>a</Key><VersionId>${version}</VersionId>`,
        `<Key>a</Key><VersionId>${marker}</VersionId>`,
      ),
    );
    expect(gone.text).toContain(
      `<Deleted><Key>a</Key><VersionId>${version}</VersionId></Deleted><Deleted><Key>a</Key><VersionId>${marker}</VersionId><DeleteMarker>true</DeleteMarker><DeleteMarkerVersionId>${marker}</DeleteMarkerVersionId></Deleted>`,
    );
  });

  it('says per key what failed, and nothing else when it is to be quiet', async () => {
    await bench.createBucket();
    await put('a');
    await put('b');
    const body = objects('<Key>a</Key>', '<Key>b</Key>', '<Key>a</Key><VersionId>x</VersionId>').replace(
      '</Delete>',
      '<Quiet>true</Quiet></Delete>',
    );
    const reply = await send(body, {}, { can: ({ resource }) => resource !== 'bucket:bucket/b' });
    expect(reply.text).not.toContain('<Deleted>');
    expect(reply.text).toContain('<Error><Key>b</Key><Code>AccessDenied</Code>');
    expect(reply.text).toContain('<Error><Key>a</Key><VersionId>x</VersionId><Code>InvalidArgument</Code>');
    expect(await status('/bucket/b')).toBe(200);
  });

  it('takes conditions for each key', async () => {
    await bench.createBucket();
    await put('a');
    const failed = await send(
      objects(
        '<Key>a</Key><ETag>other</ETag>',
        '<Key>a</Key><Size>8</Size>',
        '<Key>a</Key><LastModifiedTime>Thu, 01 Jan 2015 00:00:00 GMT</LastModifiedTime>',
      ),
    );
    expect(failed.text.match(/<Code>PreconditionFailed<\/Code>/g)).toHaveLength(3);
    expect(await status('/bucket/a')).toBe(200);
    const done = await send(objects('<Key>a</Key><Size>7</Size>'));
    expect(done.text).toContain('<Deleted><Key>a</Key></Deleted>');
  });

  it('takes 1 to 1,000 keys', async () => {
    await bench.createBucket();
    const many = (count: number) => objects(...Array.from({ length: count }, (_, i) => `<Key>${i}</Key>`));
    expect((await send(many(1_000))).text.match(/<Deleted>/g)).toHaveLength(1_000);
    for (const body of [
      many(0),
      many(1_001),
      objects('<Key></Key>'),
      objects(''),
      '<Other/>',
      'no XML',
      '<Delete>',
    ])
      expect(await send(body)).toMatchObject({ status: 400, code: 'MalformedXML' });
  });

  it('wants its document checked', async () => {
    await bench.createBucket();
    const body = objects('<Key>a</Key>');
    expect(await send(body, { 'content-md5': undefined } as never)).toMatchObject({
      status: 400,
      code: 'InvalidRequest',
    });
  });

  it('refuses a document that is not what was announced', async () => {
    await bench.createBucket();
    const body = objects('<Key>a</Key>');
    expect((await send(body, { 'content-md5': md5('other') })).code).toBe('BadDigest');
    const checksum = { 'content-md5': undefined, 'x-amz-checksum-crc32': 'AAAAAA==' } as never;
    expect((await send(body, checksum)).code).toBe('BadDigest');
  });

  it('with keys that XML must spell out', async () => {
    await bench.createBucket();
    await put('a%01b%20%26');
    const reply = await send(objects('<Key>a&#x1;b &amp;</Key>'));
    expect(reply.text).toContain('<Deleted><Key>a&#x1;b &amp;</Key></Deleted>');
    expect(await status('/bucket/a%01b%20%26')).toBe(404);
  });
});

function md5(text: string): string {
  return createHash('md5').update(text).digest('base64');
}
