import { S3Bench } from '@zot-artifact-store/testkit/s3-bench.ts';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

let bench: S3Bench;
beforeEach(() => {
  bench = new S3Bench();
});
afterEach(async () => {
  expect(await bench.problems()).toEqual([]);
  await bench.close();
});

const put = (target: string, body: string, headers: Record<string, string> = {}) =>
  bench.send(target, { method: 'PUT', body, headers });
const tagging = (name: string, value: string) =>
  `<Tagging><TagSet><Tag><Key>${name}</Key><Value>${value}</Value></Tag></TagSet></Tagging>`;

describe('what is said of buckets and objects', () => {
  it('keeps the tags of an object and of a bucket', async () => {
    await bench.createBucket();
    await put('/bucket/k', 'x');
    expect((await bench.send('/bucket?tagging')).code).toBe('NoSuchTagSet');
    expect((await put('/bucket?tagging', tagging('team', 'a'))).status).toBe(204);
    expect((await bench.send('/bucket?tagging')).text).toContain('<Key>team</Key><Value>a</Value>');
    expect((await put('/bucket/k?tagging', tagging('a', 'b'))).status).toBe(200);
    expect((await bench.send('/bucket/k?tagging')).text).toContain('<Key>a</Key><Value>b</Value>');
    expect((await bench.send('/bucket/k')).header('x-amz-tagging-count')).toBe('1');
    expect((await put('/bucket/k?tagging', tagging('aws:a', 'b'))).code).toBe('InvalidTag');
    expect((await put('/bucket/k?tagging', '<Tagging>')).code).toBe('MalformedXML');
    expect((await bench.send('/bucket/k?tagging', { method: 'DELETE' })).status).toBe(204);
    expect((await bench.send('/bucket/k?tagging')).text).not.toContain('<Tag>');
    expect((await bench.send('/bucket?tagging', { method: 'DELETE' })).status).toBe(204);
    expect((await bench.send('/bucket?tagging')).code).toBe('NoSuchTagSet');
    expect((await put('/bucket/missing?tagging', tagging('a', 'b'))).code).toBe('NoSuchKey');
  });

  it('answers pages of the origins that the rules allow', async () => {
    await bench.createBucket();
    await put('/bucket/k', 'x');
    const rule =
      '<CORSConfiguration><CORSRule><AllowedOrigin>https://*.example.com</AllowedOrigin><AllowedMethod>GET</AllowedMethod><AllowedHeader>X-*</AllowedHeader><ExposeHeader>ETag</ExposeHeader><MaxAgeSeconds>60</MaxAgeSeconds></CORSRule></CORSConfiguration>';
    expect((await bench.send('/bucket?cors')).code).toBe('NoSuchCORSConfiguration');
    expect((await put('/bucket?cors', rule)).status).toBe(200);
    expect((await bench.send('/bucket?cors')).text).toContain('<ExposeHeader>ETag</ExposeHeader>');
    const origin = 'https://app.example.com';
    const got = await bench.send('/bucket/k', { headers: { origin } });
    expect(got.header('access-control-allow-origin')).toBe(origin);
    expect(got.header('access-control-expose-headers')).toBe('ETag');
    const missing = await bench.send('/bucket/none', { headers: { origin } });
    expect(missing.header('access-control-allow-origin')).toBe(origin);
    const stranger = await bench.send('/bucket/k', { headers: { origin: 'https://evil.com' } });
    expect(stranger.header('access-control-allow-origin')).toBeUndefined();
    const asking = { origin, 'access-control-request-method': 'GET' };
    const asked = await bench.send('/bucket/k', { method: 'DELETE', headers: asking });
    expect(asked.header('access-control-allow-methods')).toBe('GET');
    await put('/bucket/k', 'x');
    const ask = (headers: Record<string, string>) =>
      bench.send('/bucket/k', { method: 'OPTIONS', headers: { origin, ...headers } });
    const allowed = await ask({
      'access-control-request-method': 'GET',
      'access-control-request-headers': 'X-A, x-b',
    });
    expect(allowed.status).toBe(200);
    expect(allowed.header('access-control-allow-headers')).toBe('x-a, x-b');
    expect(allowed.header('access-control-max-age')).toBe('60');
    expect((await ask({ 'access-control-request-method': 'PUT' })).code).toBe('AccessForbidden');
    expect((await ask({})).code).toBe('BadRequest');
    expect((await put('/bucket?cors', rule.replace('GET', 'PATCH'))).code).toBe('InvalidRequest');
    expect((await put('/bucket?cors', rule.replace('*.', '*.*.'))).code).toBe('InvalidRequest');
    expect((await bench.send('/bucket?cors')).text).toContain('<AllowedHeader>X-*</AllowedHeader>');
    expect((await put('/bucket?cors', rule.replace('X-*', 'no header'))).code).toBe('InvalidRequest');
    expect((await put('/bucket?cors', rule.replace('>ETag<', '>X[Key]<'))).code).toBe('InvalidRequest');
    const odd = { 'access-control-request-method': 'GET', 'access-control-request-headers': 'no header' };
    expect((await ask(odd)).code).toBe('BadRequest');
    expect((await ask({ 'access-control-request-method': 'get' })).code).toBe('BadRequest');
    const page = await bench.send('/bucket/k', { headers: { origin, ...odd } });
    expect(page).toMatchObject({ status: 200 });
    expect(page.header('access-control-allow-origin')).toBeUndefined();
    expect((await bench.send('/bucket?cors', { method: 'DELETE' })).status).toBe(204);
    expect((await ask({ 'access-control-request-method': 'GET' })).code).toBe('AccessForbidden');
  });

  it('lets no page ask for the list of buckets', async () => {
    const ask = (headers: Record<string, string>) => bench.send('/', { method: 'OPTIONS', headers });
    const origin = 'https://page.example.com';
    expect((await ask({})).code).toBe('BadRequest');
    expect((await ask({ origin })).code).toBe('BadRequest');
    const refused = await ask({ origin, 'access-control-request-method': 'GET' });
    expect([refused.status, refused.code]).toEqual([403, 'AccessForbidden']);
    expect(refused.text).toContain('<ResourceType>SERVICE</ResourceType>');
    expect(refused.header('access-control-allow-origin')).toBeUndefined();
  });

  it('changes whose the objects are', async () => {
    await bench.createBucket();
    const controls = (ownership: string) =>
      `<OwnershipControls><Rule><ObjectOwnership>${ownership}</ObjectOwnership></Rule></OwnershipControls>`;
    expect((await bench.send('/bucket?ownershipControls')).text).toContain('BucketOwnerEnforced');
    expect((await put('/bucket?ownershipControls', controls('ObjectWriter'))).status).toBe(200);
    expect((await bench.send('/bucket?ownershipControls')).text).toContain('ObjectWriter');
    expect((await put('/bucket?ownershipControls', controls('Nobody'))).code).toBe('MalformedXML');
    const rule = '<Rule><ObjectOwnership>ObjectWriter</ObjectOwnership></Rule>';
    const twice = `<OwnershipControls>${rule}${rule}</OwnershipControls>`;
    expect((await put('/bucket?ownershipControls', twice)).code).toBe('MalformedXML');
    await put('/bucket?acl', '', { 'x-amz-acl': 'public-read' });
    const refused = await put('/bucket?ownershipControls', controls('BucketOwnerEnforced'));
    expect(refused.code).toBe('InvalidBucketAclWithObjectOwnership');
    expect((await bench.send('/bucket?ownershipControls', { method: 'DELETE' })).status).toBe(204);
    expect((await bench.send('/bucket?ownershipControls')).code).toBe('OwnershipControlsNotFoundError');
  });

  it('locks versions, and lets a retention grow but not shrink', async () => {
    await bench.createBucket('bucket', { versioning: 'enabled', objectLock: true });
    await put('/bucket/k', 'x');
    const retention = (mode: string, days: number) =>
      `<Retention><Mode>${mode}</Mode><RetainUntilDate>${new Date(bench.nowMs + days * 86_400_000).toISOString()}</RetainUntilDate></Retention>`;
    expect((await bench.send('/bucket/k?retention')).code).toBe('NoSuchObjectLockConfiguration');
    expect((await put('/bucket/k?retention', retention('GOVERNANCE', 10))).status).toBe(200);
    expect((await bench.send('/bucket/k?retention')).text).toContain('<Mode>GOVERNANCE</Mode>');
    expect((await put('/bucket/k?retention', retention('GOVERNANCE', 20))).status).toBe(200);
    expect((await put('/bucket/k?retention', retention('GOVERNANCE', 5))).code).toBe('AccessDenied');
    expect((await put('/bucket/k?retention', retention('COMPLIANCE', 30))).code).toBe('AccessDenied');
    expect((await put('/bucket/k?retention', '<Retention/>')).code).toBe('AccessDenied');
    const bypass = { 'x-amz-bypass-governance-retention': 'true' };
    expect((await put('/bucket/k?retention', '<Retention/>', bypass)).status).toBe(200);
    expect((await bench.send('/bucket/k?retention')).code).toBe('NoSuchObjectLockConfiguration');
    expect((await put('/bucket/k?retention', retention('COMPLIANCE', 5))).status).toBe(200);
    expect((await put('/bucket/k?retention', retention('GOVERNANCE', 9), bypass)).code).toBe('AccessDenied');
    expect((await put('/bucket/k?retention', retention('GOVERNANCE', -1))).code).toBe('InvalidArgument');
    expect((await put('/bucket/k?retention', retention('SOMETIMES', 1))).code).toBe('MalformedXML');
    expect((await put('/bucket/k?legal-hold', '<LegalHold><Status>ON</Status></LegalHold>')).status).toBe(
      200,
    );
    expect((await bench.send('/bucket/k?legal-hold')).text).toContain('<Status>ON</Status>');
    await bench.createBucket('plain');
    await put('/plain/k', 'x');
    expect((await put('/plain/k?retention', retention('GOVERNANCE', 1))).code).toBe('InvalidRequest');
  });

  it('protects new objects as the bucket’s configuration says', async () => {
    await bench.createBucket('bucket', { versioning: 'enabled' });
    const configuration = (inside: string) =>
      `<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled>${inside}</ObjectLockConfiguration>`;
    const rule = (inside: string) =>
      `<Rule><DefaultRetention><Mode>GOVERNANCE</Mode>${inside}</DefaultRetention></Rule>`;
    expect((await bench.send('/bucket?object-lock')).code).toBe('ObjectLockConfigurationNotFoundError');
    expect((await put('/bucket?object-lock', configuration(rule('<Days>3</Days>')))).status).toBe(200);
    expect((await bench.send('/bucket?object-lock')).text).toContain('<Days>3</Days>');
    const written = await put('/bucket/k', 'x');
    const version = written.header('x-amz-version-id') ?? '';
    const deleted = await bench.send(`/bucket/k?versionId=${version}`, { method: 'DELETE' });
    expect(deleted.code).toBe('AccessDenied');
    const days = (inside: string) => put('/bucket?object-lock', configuration(rule(inside)));
    expect((await days('<Days>3</Days><Years>1</Years>')).code).toBe('MalformedXML');
    expect((await days('<Days>0</Days>')).code).toBe('InvalidRetentionPeriod');
    await bench.createBucket('plain');
    expect((await put('/plain?object-lock', configuration(''))).code).toBe('InvalidBucketState');
  });

  it('keeps what a bucket says of encryption', async () => {
    await bench.createBucket();
    const rule = (algorithm: string, more = '') =>
      `<ServerSideEncryptionConfiguration><Rule><ApplyServerSideEncryptionByDefault><SSEAlgorithm>${algorithm}</SSEAlgorithm>${more}</ApplyServerSideEncryptionByDefault></Rule></ServerSideEncryptionConfiguration>`;
    expect((await bench.send('/bucket?encryption')).code).toBe(
      'ServerSideEncryptionConfigurationNotFoundError',
    );
    expect((await put('/bucket?encryption', rule('AES256'))).status).toBe(200);
    expect((await bench.send('/bucket?encryption')).text).toContain('<SSEAlgorithm>AES256</SSEAlgorithm>');
    const key = (name: string) => `<KMSMasterKeyID>${name}</KMSMasterKeyID>`;
    expect((await put('/bucket?encryption', rule('aws:kms', key('key-1')))).status).toBe(200);
    expect((await bench.send('/bucket?encryption')).text).toContain(key('key-1'));
    expect((await put('/bucket?encryption', rule('aws:kms'))).code).toBe('InvalidArgument');
    expect((await put('/bucket?encryption', rule('AES256', key('key-1')))).code).toBe('InvalidArgument');
    expect((await put('/bucket?encryption', rule('aws:kms', key('key-2')))).text).toContain('KMS.NotFound');
    expect((await put('/bucket?encryption', rule('aws:kms:dsse'))).code).toBe('NotImplemented');
    expect((await put('/bucket?encryption', rule('rot13'))).code).toBe('MalformedXML');
    expect((await bench.send('/bucket?encryption', { method: 'DELETE' })).status).toBe(204);
  });

  it('answers for what buckets do not have here', async () => {
    await bench.createBucket();
    for (const [name, expected] of [
      ['notification', 'NotificationConfiguration'],
      ['logging', 'BucketLoggingStatus'],
      ['requestPayment', '<Payer>BucketOwner</Payer>'],
      ['accelerate', 'AccelerateConfiguration'],
      ['replication', 'ReplicationConfigurationNotFoundError'],
      ['website', 'NoSuchWebsiteConfiguration'],
    ] as const) {
      expect((await bench.send(`/bucket?${name}`)).text).toContain(expected);
      expect((await bench.send(`/nobucket?${name}`)).code).toBe('NoSuchBucket');
    }
  });

  it('never takes a sub-resource for something else', async () => {
    await bench.createBucket();
    await put('/bucket/k', 'x');
    for (const [method, target] of [
      ['PUT', '/bucket?replication'],
      ['DELETE', '/bucket?website'],
      ['DELETE', '/bucket?analytics'],
      ['GET', '/bucket?inventory'],
      ['PUT', '/bucket/k?torrent'],
      ['DELETE', '/bucket/k?acl'],
      ['POST', '/bucket/k?restore'],
      ['POST', '/bucket/k?select&select-type=2'],
    ] as const) {
      const reply = await bench.send(target, { method, body: method === 'GET' ? '' : 'y' });
      expect([target, reply.code]).toEqual([target, 'NotImplemented']);
    }
    expect((await bench.send('/bucket/k')).text).toBe('x');
    expect((await bench.send('/bucket/k?uploads')).code).toBe('InvalidRequest');
  });
});
