import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { TestIssuer, type TestUser } from '@zot-artifact-store/testkit/test-issuer.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AWS_CLI, PYTHON } from './clients.ts';
import { openS3Session, type S3Session, type Transport } from './s3-session.ts';

const PROGRAM = fileURLToPath(new URL('./s3-sts.py', import.meta.url));
const SELF = 'arn:aws:iam:::role/self';
const DEVELOPER = 'arn:aws:iam:::role/developer';
const alice: TestUser = { subject: 'f:1:alice', name: 'alice', roles: ['developer'] };

describe.each<Transport>(['http', 'https'])('temporary credentials over %s', (transport) => {
  let issuer: TestIssuer;
  let session: S3Session;
  let tokenFile: string;
  beforeAll(async () => {
    issuer = await TestIssuer.start();
    session = await openS3Session(transport, {
      rbac: {
        providers: [{ name: 'test', issuer: issuer.url, audience: ['artstore'] }],
        everyUser: ['bucket-owner'],
        attachments: { 'role:developer': ['reader'] },
      },
    });
    tokenFile = join(session.folder, 'token');
    await writeFile(tokenFile, await issuer.accessToken(alice));
  });
  afterAll(async () => {
    await session.close();
    await issuer.goDown();
  });

  /** The environment of a job: no keys, but a token in a file. */
  const job = (role: string) => ({
    AWS_ACCESS_KEY_ID: '',
    AWS_SECRET_ACCESS_KEY: '',
    AWS_WEB_IDENTITY_TOKEN_FILE: tokenFile,
    AWS_ROLE_ARN: role,
    AWS_ROLE_SESSION_NAME: 'job',
    AWS_ENDPOINT_URL: session.url,
    AWS_ENDPOINT_URL_STS: session.url,
    AWS_ENDPOINT_URL_S3: session.url,
  });

  it.each(Object.entries(AWS_CLI))(
    '%s of the AWS CLI trades a token, lends a key, and works with both',
    async (version, aws) => {
      const { url, run, mustFail, folder } = session;
      const cli = (env: Record<string, string>, ...args: string[]) =>
        run(aws, ['--endpoint-url', url, '--output', 'json', ...args], { env });
      const asked = ['--role-arn', SELF, '--role-session-name', 'laptop'];
      const token = await issuer.accessToken(alice);
      const traded = JSON.parse(
        (await cli({}, 'sts', 'assume-role-with-web-identity', ...asked, '--web-identity-token', token))
          .stdout,
      );
      expect(traded).toMatchObject({ Provider: issuer.url, SubjectFromWebIdentityToken: alice.subject });
      const lent = JSON.parse(
        (await cli({}, 'sts', 'assume-role', ...asked, '--duration-seconds', '900')).stdout,
      );
      const bucket = `s3://sts-${version}`;
      for (const { Credentials, AssumedRoleUser } of [traded, lent]) {
        const env = {
          AWS_ACCESS_KEY_ID: Credentials.AccessKeyId,
          AWS_SECRET_ACCESS_KEY: Credentials.SecretAccessKey,
          AWS_SESSION_TOKEN: Credentials.SessionToken,
        };
        const who = JSON.parse((await cli(env, 'sts', 'get-caller-identity')).stdout);
        expect(who.Arn).toBe(AssumedRoleUser.Arn);
        await cli(env, 's3', 'mb', bucket);
        await writeFile(join(folder, 'one'), 'one');
        await cli(env, 's3', 'cp', join(folder, 'one'), `${bucket}/one`, '--only-show-errors');
        expect((await cli(env, 's3', 'cp', `${bucket}/one`, '-')).stdout).toBe('one');
        const presigned = (await cli(env, 's3', 'presign', `${bucket}/one`)).stdout.trim();
        const curl = ['--silent', '--fail', '--cacert', session.caPath, presigned];
        expect((await run('curl', curl)).stdout).toBe('one');
        await cli(env, 's3', 'rb', '--force', bucket);
        const wrong = { ...env, AWS_SESSION_TOKEN: 'bm90IG9uZQ==' };
        const { stderr } = await mustFail(aws, ['--endpoint-url', url, 's3', 'ls'], { env: wrong });
        expect(stderr).toMatch(/InvalidToken|InvalidAccessKeyId/);
      }
    },
  );

  it('boto3 gets its credentials from the token of a job by itself', async () => {
    const { stdout } = await session.run(PYTHON, [PROGRAM, session.url], { env: job(SELF) });
    expect(stdout).toContain('all well');
  });

  it('boto3 may do as a role what the role may, and no more', async () => {
    const { stdout } = await session.run(PYTHON, [PROGRAM, session.url, 'role'], { env: job(DEVELOPER) });
    expect(stdout).toContain('all well');
  });
});
