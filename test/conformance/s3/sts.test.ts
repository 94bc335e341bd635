import { createHash } from 'node:crypto';
import {
  CreateBucketCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import {
  AssumeRoleCommand,
  AssumeRoleWithWebIdentityCommand,
  type Credentials,
  GetCallerIdentityCommand,
  GetSessionTokenCommand,
  STSClient,
} from '@aws-sdk/client-sts';
import { type RunningApp, startApp } from '@zot-artifact-store/testkit';
import { TestIssuer, type TestUser } from '@zot-artifact-store/testkit/test-issuer.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const region = 'us-east-1';
const alice: TestUser = { subject: 'f:1:alice', name: 'alice', groups: ['team-a'], roles: ['developer'] };
const DAY_MS = 86_400_000;

interface Keys {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

let issuer: TestIssuer;
let app: RunningApp;
let root: Keys;
const clients: { destroy(): void }[] = [];

beforeAll(async () => {
  issuer = await TestIssuer.start();
  app = await startApp({
    config: {
      extensions: {
        rbac: {
          providers: [{ name: 'test', issuer: issuer.url, audience: ['artstore'] }],
          everyUser: ['bucket-owner'],
          attachments: { 'role:developer': ['reader'] },
        },
      },
    },
  });
  const [accessKeyId = '', ...password] = Buffer.from(app.rootAuthorization.slice('Basic '.length), 'base64')
    .toString()
    .split(':');
  root = { accessKeyId, secretAccessKey: password.join(':') };
});

afterAll(async () => {
  for (const client of clients) client.destroy();
  await app.close();
  await issuer.goDown();
});

function sts(credentials: Keys | undefined): STSClient {
  const client = new STSClient({
    endpoint: app.url,
    region,
    maxAttempts: 1,
    credentials: credentials ?? { accessKeyId: 'unused', secretAccessKey: 'unused' },
  });
  clients.push(client);
  return client;
}

function s3(credentials: Keys): S3Client {
  const client = new S3Client({
    endpoint: app.url,
    region,
    forcePathStyle: true,
    maxAttempts: 1,
    credentials,
  });
  clients.push(client);
  return client;
}

function keysOf(credentials: Credentials | undefined): Keys {
  return {
    accessKeyId: credentials?.AccessKeyId ?? '',
    secretAccessKey: credentials?.SecretAccessKey ?? '',
    sessionToken: credentials?.SessionToken ?? '',
  };
}

async function webIdentity(
  token: string,
  more: { readonly RoleArn?: string; readonly DurationSeconds?: number; readonly Policy?: string } = {},
) {
  const asked = { RoleArn: 'arn:aws:iam:::role/self', RoleSessionName: 'laptop', WebIdentityToken: token };
  return sts(undefined).send(new AssumeRoleWithWebIdentityCommand({ ...asked, ...more }));
}

/** Name and status of what a call fails with. */
async function failure(call: Promise<unknown>): Promise<string> {
  try {
    await call;
    return 'it worked';
  } catch (error) {
    const { name, $metadata } = Object(error);
    return `${$metadata?.httpStatusCode} ${name}`;
  }
}

/** A form as a client without an SDK sends it. */
async function post(form: Record<string, string> | string, headers: Record<string, string> = {}) {
  const answer = await fetch(`${app.url}/`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
    body: new URLSearchParams(form),
  });
  const text = await answer.text();
  return {
    status: answer.status,
    text,
    code: /<Code>(\w+)<\/Code>/.exec(text)?.[1],
    headers: answer.headers,
  };
}

describe('a token of a trusted issuer', () => {
  it('gives temporary credentials, with which the user has buckets', async () => {
    const answer = await webIdentity(await issuer.accessToken(alice));
    expect(answer).toMatchObject({
      SubjectFromWebIdentityToken: alice.subject,
      Provider: issuer.url,
      Audience: 'artstore',
      AssumedRoleUser: { Arn: 'arn:aws:sts:::assumed-role/self/laptop' },
    });
    const keys = keysOf(answer.Credentials);
    const client = s3(keys);
    await client.send(new CreateBucketCommand({ Bucket: 'alices' }));
    await client.send(new PutObjectCommand({ Bucket: 'alices', Key: 'k', Body: 'hello' }));
    const { Body } = await client.send(new GetObjectCommand({ Bucket: 'alices', Key: 'k' }));
    expect(await Body?.transformToString()).toBe('hello');
    const identity = await sts(keys).send(new GetCallerIdentityCommand({}));
    expect(identity).toMatchObject({
      Account: '000000000000',
      Arn: 'arn:aws:sts:::assumed-role/self/laptop',
      UserId: expect.stringMatching(/^[0-9a-f]{64}:laptop$/),
    });
    // Not without the token, nor with that of another session.
    const { sessionToken: _token, ...bare } = keys;
    expect(await failure(s3(bare).send(new ListObjectsV2Command({ Bucket: 'alices' })))).toBe(
      '403 InvalidAccessKeyId',
    );
    const other = keysOf((await webIdentity(await issuer.accessToken(alice))).Credentials);
    const mixed = s3({ ...keys, sessionToken: other.sessionToken ?? '' });
    expect(await failure(mixed.send(new ListObjectsV2Command({ Bucket: 'alices' })))).toBe(
      '403 InvalidAccessKeyId',
    );
  });

  it('lends them no longer than it is valid itself', async () => {
    const now = Math.floor(Date.now() / 1000);
    const short = await webIdentity(await issuer.accessToken(alice, { exp: now + 120 }));
    expect(short.Credentials?.Expiration?.getTime()).toBe((now + 120) * 1000);
    const long = await webIdentity(await issuer.accessToken(alice, { exp: now + 7200 }), {
      DurationSeconds: 900,
    });
    const endsIn = (long.Credentials?.Expiration?.getTime() ?? 0) - now * 1000;
    expect(endsIn).toBeGreaterThanOrEqual(899_000);
    expect(endsIn).toBeLessThanOrEqual(930_000);
  });

  it('is refused when it is expired, forged, for somebody else, or none', async () => {
    const now = Math.floor(Date.now() / 1000);
    const token = await issuer.accessToken(alice);
    const [head = '', , signature = ''] = token.split('.');
    const forged = Buffer.from(JSON.stringify({ ...issuer.claimsOf(alice, {}), sub: 'root' }));
    for (const [wrong, code] of [
      [await issuer.accessToken(alice, { exp: now - 600, iat: now - 900 }), 'ExpiredTokenException'],
      [`${head}.${forged.toString('base64url')}.${signature}`, 'InvalidIdentityToken'],
      [await issuer.accessToken(alice, { aud: 'another' }), 'InvalidIdentityToken'],
      [await issuer.accessToken(alice, { iss: 'https://elsewhere.example.com' }), 'InvalidIdentityToken'],
      ['nonsense', 'InvalidIdentityToken'],
    ] as const) {
      expect(await failure(webIdentity(wrong))).toMatch(new RegExp(`^400 ${code}`));
    }
    expect(await failure(webIdentity('x'.repeat(20_001)))).toBe('400 ValidationError');
  });

  it('takes on one of its roles, and no other', async () => {
    const token = await issuer.accessToken(alice);
    const role = (name: string) => ({ RoleArn: `arn:aws:iam::123456789012:role/${name}` });
    const answer = await webIdentity(token, role('developer'));
    expect(answer.AssumedRoleUser?.Arn).toBe('arn:aws:sts:::assumed-role/developer/laptop');
    // The role may read; what alice owns, and what every user may do, is not the role's.
    const client = s3(keysOf(answer.Credentials));
    const { KeyCount } = await client.send(new ListObjectsV2Command({ Bucket: 'alices' }));
    expect(KeyCount).toBe(1);
    const put = client.send(new PutObjectCommand({ Bucket: 'alices', Key: 'k', Body: 'x' }));
    expect(await failure(put)).toBe('403 AccessDenied');
    const create = client.send(new CreateBucketCommand({ Bucket: 'developers' }));
    expect(await failure(create)).toBe('403 AccessDenied');
    for (const name of ['admin', 'developers', 'self/developer']) {
      expect(await failure(webIdentity(token, role(name)))).toBe('403 AccessDenied');
    }
    expect(await failure(webIdentity(token, { RoleArn: 'developer-of-something' }))).toBe(
      '400 ValidationError',
    );
  });

  it('is narrowed by a session policy, for every session that comes from it', async () => {
    const Policy = JSON.stringify({
      Version: '2012-10-17',
      Statement: [{ Effect: 'Allow', Action: 's3:GetObject', Resource: 'arn:aws:s3:::alices/*' }],
    });
    const narrow = keysOf((await webIdentity(await issuer.accessToken(alice), { Policy })).Credentials);
    const chained = await sts(narrow).send(
      new AssumeRoleCommand({ RoleArn: 'arn:aws:iam:::role/self', RoleSessionName: 'chained' }),
    );
    for (const keys of [narrow, keysOf(chained.Credentials)]) {
      const client = s3(keys);
      expect((await client.send(new GetObjectCommand({ Bucket: 'alices', Key: 'k' }))).ContentLength).toBe(5);
      expect(
        await failure(client.send(new PutObjectCommand({ Bucket: 'alices', Key: 'k', Body: 'x' }))),
      ).toBe('403 AccessDenied');
    }
    for (const [wrong, code] of [
      ['{"Statement": []}', 'MalformedPolicyDocument'],
      ['not JSON', 'MalformedPolicyDocument'],
      [Policy.padEnd(2_049), 'PackedPolicyTooLarge'],
    ] as const) {
      const token = await issuer.accessToken(alice);
      expect(await failure(webIdentity(token, { Policy: wrong }))).toMatch(new RegExp(`^400 ${code}`));
    }
  });
});

describe('an access key', () => {
  it('lends itself for a time, with all its rights or a role', async () => {
    const answer = await sts(root).send(
      new AssumeRoleCommand({
        RoleArn: 'arn:aws:iam:::role/self',
        RoleSessionName: 'job',
        DurationSeconds: 900,
      }),
    );
    expect(answer.Credentials?.Expiration?.getTime()).toBeLessThan(Date.now() + 930_000);
    await s3(keysOf(answer.Credentials)).send(new CreateBucketCommand({ Bucket: 'roots' }));
    const asRole = await sts(root).send(
      new AssumeRoleCommand({ RoleArn: 'arn:aws:iam:::role/nobody', RoleSessionName: 'try' }),
    );
    expect(
      await failure(s3(keysOf(asRole.Credentials)).send(new ListObjectsV2Command({ Bucket: 'roots' }))),
    ).toBe('403 AccessDenied');
    // A role cannot be left again.
    expect(
      await failure(
        sts(keysOf(asRole.Credentials)).send(
          new AssumeRoleCommand({ RoleArn: 'arn:aws:iam:::role/other', RoleSessionName: 'out' }),
        ),
      ),
    ).toBe('403 AccessDenied');
    const self = await sts(keysOf(asRole.Credentials)).send(
      new AssumeRoleCommand({ RoleArn: 'arn:aws:iam:::role/self', RoleSessionName: 'out' }),
    );
    expect(
      await failure(s3(keysOf(self.Credentials)).send(new ListObjectsV2Command({ Bucket: 'roots' }))),
    ).toBe('403 AccessDenied');
  });

  it('says whose it is, and makes session tokens that make none', async () => {
    expect(await sts(root).send(new GetCallerIdentityCommand({}))).toMatchObject({
      Arn: 'arn:aws:iam:::user/root',
    });
    const answer = await sts(root).send(new GetSessionTokenCommand({}));
    expect(answer.Credentials?.Expiration?.getTime()).toBeLessThan(Date.now() + DAY_MS);
    const session = sts(keysOf(answer.Credentials));
    expect(await failure(session.send(new GetSessionTokenCommand({})))).toBe('403 AccessDenied');
    expect((await session.send(new GetCallerIdentityCommand({}))).Arn).toContain('assumed-role/self/root');
  });

  it('that is wrong is refused in the words of STS', async () => {
    const call = (keys: Keys) => failure(sts(keys).send(new GetCallerIdentityCommand({})));
    expect(await call({ accessKeyId: 'ZASNOBODY', secretAccessKey: 'x'.repeat(40) })).toBe(
      '403 InvalidClientTokenId',
    );
    expect(await call({ ...root, secretAccessKey: 'wrong-password' })).toBe('403 SignatureDoesNotMatch');
    expect(await call({ ...root, sessionToken: 'bm9uc2Vuc2U=' })).toBe('403 InvalidClientTokenId');
  });
});

describe('temporary credentials', () => {
  const session = async () =>
    keysOf(
      (
        await sts(root).send(
          new AssumeRoleCommand({ RoleArn: 'arn:aws:iam:::role/self', RoleSessionName: 'job' }),
        )
      ).Credentials,
    );
  const identify = (keys: Keys) => failure(sts(keys).send(new GetCallerIdentityCommand({})));
  const revoke = async (path: string, authorization = app.rootAuthorization) => {
    const answer = await fetch(`${app.url}/-/api/v1${path}`, {
      method: 'DELETE',
      headers: { authorization },
    });
    return answer.status;
  };

  it('of a user end when they are revoked, and new ones work', async () => {
    const ofRoot = await session();
    const ofAlice = keysOf((await webIdentity(await issuer.accessToken(alice))).Credentials);
    expect(await revoke('/users/alice/s3-sessions', `Bearer ${await issuer.accessToken(alice)}`)).toBe(403);
    expect(await identify(ofAlice)).toBe('it worked');
    expect(await revoke('/users/alice/s3-sessions')).toBe(204);
    expect(await identify(ofAlice)).toBe('403 InvalidClientTokenId');
    expect(await failure(s3(ofAlice).send(new ListObjectsV2Command({ Bucket: 'alices' })))).toBe(
      '403 InvalidAccessKeyId',
    );
    expect(await identify(ofRoot)).toBe('it worked');
    const again = keysOf((await webIdentity(await issuer.accessToken(alice))).Credentials);
    expect(await identify(again)).toBe('it worked');
  });

  it('of an access key end when they are revoked, through any number of sessions', async () => {
    const first = await session();
    const asked = { RoleArn: 'arn:aws:iam:::role/self', RoleSessionName: 'second' };
    const second = keysOf((await sts(first).send(new AssumeRoleCommand(asked))).Credentials);
    expect(await revoke('/access-keys/root/s3-sessions')).toBe(204);
    expect([await identify(first), await identify(second)]).toEqual([
      '403 InvalidClientTokenId',
      '403 InvalidClientTokenId',
    ]);
    expect(await identify(await session())).toBe('it worked');
  });
});

describe('the form', () => {
  it('may be in the query, without a role, as clients of other servers send it', async () => {
    const query = new URLSearchParams({
      Action: 'AssumeRoleWithWebIdentity',
      Version: '2011-06-15',
      WebIdentityToken: await issuer.accessToken(alice),
    });
    const answer = await fetch(`${app.url}/?${query}`, { method: 'POST' });
    const text = await answer.text();
    expect(answer.status).toBe(200);
    expect(text).toContain(
      '<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">',
    );
    expect(text).toMatch(/<ResponseMetadata><RequestId>[^<]+<\/RequestId><\/ResponseMetadata>/);
    expect(answer.headers.get('cache-control')).toBe('no-store');
  });

  it.each([
    [{ Version: '2011-06-15' }, 400, 'MissingAction'],
    [{ Action: 'GetFederationToken' }, 400, 'InvalidAction'],
    [{ Action: 'constructor' }, 400, 'InvalidAction'],
    [{ Action: 'GetCallerIdentity', Version: '2010-05-08' }, 400, 'ValidationError'],
    [{ Action: 'GetCallerIdentity' }, 403, 'MissingAuthenticationToken'],
    [{ Action: 'AssumeRoleWithWebIdentity' }, 400, 'MissingParameter'],
    [{ Action: 'AssumeRoleWithWebIdentity', WebIdentityToken: 't', ProviderId: 'x' }, 400, 'ValidationError'],
    [
      { Action: 'AssumeRoleWithWebIdentity', WebIdentityToken: 't', DurationSeconds: '60' },
      400,
      'ValidationError',
    ],
    [
      { Action: 'AssumeRoleWithWebIdentity', WebIdentityToken: 't', DurationSeconds: '43201' },
      400,
      'ValidationError',
    ],
    [
      { Action: 'AssumeRoleWithWebIdentity', WebIdentityToken: 't', RoleSessionName: 'a/b' },
      400,
      'ValidationError',
    ],
    [
      { Action: 'AssumeRoleWithWebIdentity', WebIdentityToken: 't', 'PolicyArns.member.1.arn': 'arn:x' },
      400,
      'ValidationError',
    ],
  ] as const)('%j is %i %s', async (form, status, code) => {
    const answer = await post(form);
    expect([answer.status, answer.code]).toEqual([status, code]);
    expect(answer.text).toMatch(/<ErrorResponse xmlns="[^"]+"><Error><Type>Sender<\/Type>/);
  });

  it('cannot name a parameter twice, nor be endless, nor be changed behind its signature', async () => {
    expect((await post('Action=GetCallerIdentity&Action=GetSessionToken')).code).toBe('ValidationError');
    expect((await post({ Action: 'A'.repeat(70_000) })).code).toBe('RequestEntityTooLarge');
    const answer = await post(
      { Action: 'GetCallerIdentity' },
      {
        'x-amz-content-sha256': createHash('sha256').update('other').digest('hex'),
        authorization: 'AWS4-HMAC-SHA256 x',
      },
    );
    expect([answer.status, answer.code]).toEqual([403, 'SignatureDoesNotMatch']);
  });

  it('is the only POST to the service', async () => {
    const answer = await fetch(`${app.url}/`, { method: 'POST', body: '{}' });
    expect(answer.status).toBe(405);
    expect(await answer.text()).toContain('<Code>MethodNotAllowed</Code>');
  });
});
