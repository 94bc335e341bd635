import { StoreError } from '@zot-artifact-store/spec';
import { S3Bench } from '@zot-artifact-store/testkit/s3-bench.ts';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { s3Keys } from '../store/keyspace.ts';
import { applyLifecycle } from './apply-rules.ts';

const DAY_MS = 86_400_000;
let bench: S3Bench;
beforeEach(async () => {
  bench = new S3Bench();
});
afterEach(async () => {
  expect(await bench.problems()).toEqual([]);
  await bench.close();
});

async function rules(xml: string, bucket = 'bucket'): Promise<void> {
  const reply = await bench.send(`/${bucket}?lifecycle`, {
    method: 'PUT',
    body: `<LifecycleConfiguration>${xml}</LifecycleConfiguration>`,
  });
  expect(reply.status).toBe(200);
}

const rule = (inside: string) => `<Rule><Status>Enabled</Status>${inside}</Rule>`;
const put = (key: string, body = 'content', headers: Record<string, string> = {}) =>
  bench.send(`/bucket/${key}`, { method: 'PUT', body, headers });
const run = () => applyLifecycle(bench.deps, new AbortController().signal);

async function keys(): Promise<readonly string[]> {
  const { text } = await bench.send('/bucket?list-type=2');
  return [...text.matchAll(/<Key>([^<]*)<\/Key>/g)].map(([, key]) => key ?? '');
}

async function versions(): Promise<readonly string[]> {
  const { text } = await bench.send('/bucket?versions');
  return [...text.matchAll(/<(Version|DeleteMarker)><Key>([^<]*)<\/Key>/g)].map(
    ([, kind, key]) => `${kind} ${key}`,
  );
}

describe('lifecycle rules', () => {
  it('are told of where they will have an object', async () => {
    await bench.createBucket();
    await rules(
      rule('<ID>late one</ID><Filter/><Expiration><Days>9</Days></Expiration>') +
        rule(
          '<ID>soon</ID><Filter><Tag><Key>k</Key><Value>v</Value></Tag></Filter><Expiration><Days>2</Days></Expiration>',
        ),
    );
    const told = (reply: { header(name: string): string | undefined }) => reply.header('x-amz-expiration');
    const date = (days: number) => new Date(bench.nowMs + days * DAY_MS).toUTCString();
    expect(told(await put('a'))).toBe(`expiry-date="${date(9)}", rule-id="late%20one"`);
    expect(told(await put('b', 'x', { 'x-amz-tagging': 'k=v' }))).toBe(
      `expiry-date="${date(2)}", rule-id="soon"`,
    );
    expect(told(await bench.send('/bucket/b', { method: 'HEAD' }))).toContain('rule-id="soon"');
    await bench.send('/bucket?lifecycle', { method: 'DELETE' });
    expect(told(await bench.send('/bucket/b'))).toBeUndefined();
  });

  it('with conditions outside an And reach what meets all of them', async () => {
    await bench.createBucket();
    const tag = (name: string) => `<Tag><Key>${name}</Key><Value>1</Value></Tag>`;
    const filter = `<Prefix>logs/</Prefix>${tag('a')}<And><Prefix>logs/x</Prefix>${tag('b')}<ObjectSizeLessThan>50</ObjectSizeLessThan></And>`;
    await rules(rule(`<Filter>${filter}</Filter><Expiration><Days>1</Days></Expiration>`));
    await put('logs/x-a', 'content', { 'x-amz-tagging': 'a=1' });
    await put('logs/x-both', 'content', { 'x-amz-tagging': 'a=1&b=1' });
    await put('logs/x-large', 'x'.repeat(50), { 'x-amz-tagging': 'a=1&b=1' });
    await put('logs/y-both', 'content', { 'x-amz-tagging': 'a=1&b=1' });
    bench.nowMs += DAY_MS;
    expect(await run()).toMatchObject({ expired: 1 });
    expect(await keys()).toEqual(['logs/x-a', 'logs/x-large', 'logs/y-both']);
    const contradiction = '<Prefix>a</Prefix><And><Prefix>b</Prefix></And>';
    const reply = await bench.send('/bucket?lifecycle', {
      method: 'PUT',
      body: `<LifecycleConfiguration>${rule(`<Filter>${contradiction}</Filter><Expiration><Days>1</Days></Expiration>`)}</LifecycleConfiguration>`,
    });
    expect(reply.code).toBe('MalformedXML');
  });

  it('expire objects by prefix, tags and size once they are old enough', async () => {
    await bench.createBucket();
    await put('logs/old');
    await put('logs/large', 'x'.repeat(100));
    await put('data/old');
    await put('data/tagged', 'content', { 'x-amz-tagging': 'keep=no' });
    await rules(
      rule(
        '<ID>a</ID><Filter><And><Prefix>logs/</Prefix><ObjectSizeLessThan>50</ObjectSizeLessThan></And></Filter><Expiration><Days>2</Days></Expiration>',
      ) +
        rule(
          '<ID>b</ID><Filter><Tag><Key>keep</Key><Value>no</Value></Tag></Filter><Expiration><Days>1</Days></Expiration>',
        ),
    );
    bench.nowMs += DAY_MS;
    await put('logs/new');
    expect(await run()).toMatchObject({ expired: 1 });
    bench.nowMs += DAY_MS;
    expect(await run()).toMatchObject({ expired: 1 });
    expect(await keys()).toEqual(['data/old', 'logs/large', 'logs/new']);
  });

  it('hide the current version of a versioned key, and remove noncurrent ones and the last marker later', async () => {
    await bench.createBucket('bucket', { versioning: 'enabled' });
    await put('a');
    await put('a', 'second');
    await put('b');
    await rules(
      rule(
        '<Filter><Prefix></Prefix></Filter><Expiration><Days>3</Days></Expiration><NoncurrentVersionExpiration><NoncurrentDays>1</NoncurrentDays></NoncurrentVersionExpiration>',
      ),
    );
    bench.nowMs += DAY_MS;
    await run();
    expect(await versions()).toEqual(['Version a', 'Version b']);
    bench.nowMs += 2 * DAY_MS;
    await run();
    expect(await versions()).toEqual(['DeleteMarker a', 'Version a', 'DeleteMarker b', 'Version b']);
    bench.nowMs += DAY_MS;
    await run();
    bench.nowMs += 3 * DAY_MS;
    await run();
    expect(await versions()).toEqual([]);
  });

  it('keep as many newer noncurrent versions as they say, and whatever is locked', async () => {
    await bench.createBucket('bucket', { versioning: 'enabled', objectLock: true });
    const until = new Date(bench.nowMs + 30 * DAY_MS).toISOString();
    await put('a', 'locked', {
      'x-amz-object-lock-mode': 'GOVERNANCE',
      'x-amz-object-lock-retain-until-date': until,
    });
    for (const body of ['1', '2', '3']) await put('a', body);
    await rules(
      rule(
        '<Filter/><NoncurrentVersionExpiration><NoncurrentDays>1</NoncurrentDays><NewerNoncurrentVersions>1</NewerNoncurrentVersions></NoncurrentVersionExpiration>',
      ),
    );
    bench.nowMs += 2 * DAY_MS;
    expect(await run()).toMatchObject({ versions: 1 });
    expect(await versions()).toEqual(['Version a', 'Version a', 'Version a']);
  });

  it('abort uploads that were left', async () => {
    await bench.createBucket();
    await bench.send('/bucket/a/left?uploads', { method: 'POST' });
    await bench.send('/bucket/b/left?uploads', { method: 'POST' });
    await rules(
      rule(
        '<Filter><Prefix>a/</Prefix></Filter><AbortIncompleteMultipartUpload><DaysAfterInitiation>1</DaysAfterInitiation></AbortIncompleteMultipartUpload>',
      ),
    );
    bench.nowMs += DAY_MS;
    expect(await run()).toMatchObject({ uploads: 1 });
    const { text } = await bench.send('/bucket?uploads');
    expect(text).toContain('<Key>b/left</Key>');
    expect(text).not.toContain('<Key>a/left</Key>');
  });

  it('do nothing while they are disabled', async () => {
    await bench.createBucket();
    await put('a');
    await rules('<Rule><Status>Disabled</Status><Filter/><Expiration><Days>1</Days></Expiration></Rule>');
    bench.nowMs += 5 * DAY_MS;
    expect(await run()).toMatchObject({ expired: 0 });
    expect(await keys()).toEqual(['a']);
  });
});

describe('a lifecycle document', () => {
  it.each([
    ['no rule', '', 'MalformedXML'],
    ['no action', rule('<Filter/>'), 'MalformedXML'],
    ['neither filter nor prefix', rule('<Expiration><Days>1</Days></Expiration>'), 'MalformedXML'],
    ['days below one', rule('<Filter/><Expiration><Days>0</Days></Expiration>'), 'InvalidArgument'],
    [
      'days and a date',
      rule('<Filter/><Expiration><Days>1</Days><Date>2030-01-01</Date></Expiration>'),
      'MalformedXML',
    ],
    [
      'a date within a day',
      rule('<Filter/><Expiration><Date>2030-01-01T01:00:00Z</Date></Expiration>'),
      'InvalidArgument',
    ],
    ['a transition', rule('<Filter/><Transition><Days>1</Days></Transition>'), 'NotImplemented'],
    [
      'a transition at no date',
      rule('<Filter/><Transition><Date>20270101</Date></Transition>'),
      'MalformedXML',
    ],
    [
      'one id twice',
      rule('<ID>x</ID><Filter/><Expiration><Days>1</Days></Expiration>').repeat(2),
      'InvalidArgument',
    ],
  ])('with %s is refused', async (_what, xml, code) => {
    await bench.createBucket();
    const reply = await bench.send('/bucket?lifecycle', {
      method: 'PUT',
      body: `<LifecycleConfiguration>${xml}</LifecycleConfiguration>`,
    });
    expect(reply.code).toBe(code);
    expect((await bench.send('/bucket?lifecycle')).code).toBe('NoSuchLifecycleConfiguration');
  });

  it('comes back as it was put', async () => {
    await bench.createBucket();
    await rules(rule('<ID>a</ID><Prefix>x/</Prefix><Expiration><Days>7</Days></Expiration>'));
    const { text } = await bench.send('/bucket?lifecycle');
    expect(text).toContain('<Rule><ID>a</ID><Prefix>x/</Prefix><Status>Enabled</Status>');
    expect((await bench.send('/bucket?lifecycle', { method: 'DELETE' })).status).toBe(204);
    expect((await bench.send('/bucket?lifecycle')).code).toBe('NoSuchLifecycleConfiguration');
  });

  it('leave alone what somebody has a veto against, and go on', async () => {
    await bench.close();
    const protectedKey = 'kept';
    const vetoes = {
      beforeDelete: async ({ reference }: { readonly reference: string }) => {
        if (reference === protectedKey) throw new StoreError('denied', 'it is signed');
      },
    };
    bench = new S3Bench({ vetoes });
    await bench.createBucket();
    for (const key of ['a', protectedKey, 'z']) await put(key);
    await rules(rule('<Filter/><Expiration><Days>1</Days></Expiration>'));
    bench.nowMs += 2 * DAY_MS;
    expect(await run()).toMatchObject({ expired: 2 });
    expect(await keys()).toEqual([protectedKey]);
  });

  it('of a bucket that cannot be read do not keep those of others', async () => {
    for (const bucket of ['a-broken', 'bucket']) {
      await bench.createBucket(bucket);
      await bench.send(`/${bucket}/k`, { method: 'PUT', body: 'x' });
      await rules(rule('<Filter/><Expiration><Days>1</Days></Expiration>'), bucket);
    }
    const broken = await bench.bucket('a-broken');
    const [row] = await bench.metadata.scan(
      { prefix: s3Keys.documentParts(broken.record.id, 'lifecycle') },
      { limit: 1 },
    );
    if (row === undefined) throw new Error('there is no document');
    await bench.metadata.commit({ puts: [{ key: row.key, value: Buffer.from('<nonsense') }] });
    bench.nowMs += 2 * DAY_MS;
    expect(await run()).toMatchObject({ expired: 1 });
    expect(await keys()).toEqual([]);
  });
});
