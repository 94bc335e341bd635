import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AWS_CLI } from './clients.ts';
import { expectSameFile, openS3Session, type S3Session, type Transport } from './s3-session.ts';

const PART_BYTES = 20_000_000;

describe.each<Transport>(['http', 'https'])('over %s', (transport) => {
  let session: S3Session;
  let large: string;
  beforeAll(async () => {
    session = await openS3Session(transport);
    large = await session.makeFile('large', PART_BYTES);
  });
  afterAll(() => session.close());

  it.each(Object.entries(AWS_CLI))(
    '%s of the AWS CLI makes buckets, copies, synchronises, lists, presigns and removes',
    async (version, aws) => {
      const { folder, url, run, mustFail } = session;
      const cli = (...args: string[]) => run(aws, ['--endpoint-url', url, ...args]);
      const bucket = `s3://cli-${version}`;
      await cli('s3', 'mb', bucket);
      await mustFail(aws, ['--endpoint-url', url, 's3', 'ls', 's3://there-is-none']);

      await cli('s3', 'cp', large, `${bucket}/dir/large`, '--only-show-errors');
      const back = join(folder, `${version}-back`);
      await cli('s3', 'cp', `${bucket}/dir/large`, back, '--only-show-errors');
      await expectSameFile(large, back);
      await cli('s3', 'cp', `${bucket}/dir/large`, `${bucket}/copy of large+1`, '--only-show-errors');
      expect((await cli('s3', 'ls', `${bucket}/`)).stdout).toMatch(/PRE dir\/\n.* 20000000 copy of large\+1/);

      const tree = join(folder, `${version}-tree`);
      await mkdir(join(tree, 'sub'), { recursive: true });
      for (const name of ['one', 'sub/two', 'sub/thrée']) await writeFile(join(tree, name), name);
      await cli('s3', 'sync', tree, `${bucket}/tree`, '--only-show-errors');
      expect((await cli('s3', 'sync', tree, `${bucket}/tree`)).stdout).toBe('');
      await cli('s3', 'sync', `${bucket}/tree`, `${tree}-back`, '--only-show-errors');
      expect(await readFile(join(`${tree}-back`, 'sub/thrée'), 'utf8')).toBe('sub/thrée');

      const presigned = (await cli('s3', 'presign', `${bucket}/tree/one`)).stdout.trim();
      const curl = ['--silent', '--fail', '--cacert', session.caPath, presigned];
      expect((await run('curl', curl)).stdout).toBe('one');

      await cli('s3', 'rm', '--recursive', bucket, '--only-show-errors');
      expect((await cli('s3', 'ls', bucket)).stdout).toBe('');
      await cli('s3', 'rb', bucket);
    },
  );

  it.each(Object.entries(AWS_CLI))(
    '%s of the AWS CLI finds a bucket by the name of a host',
    async (version, aws) => {
      const { folder, domainUrl, viaProxy, run } = session;
      const config = join(folder, 'virtual-hosts');
      await writeFile(config, '[default]\ns3 =\n  addressing_style = virtual\n');
      const env = { ...viaProxy, AWS_CONFIG_FILE: config };
      const cli = (...args: string[]) => run(aws, ['--endpoint-url', domainUrl, ...args], { env });
      const bucket = `s3://by-host-${version}`;
      await cli('s3', 'mb', bucket);
      await cli('s3', 'cp', large, `${bucket}/dir/large`, '--only-show-errors');
      const back = join(folder, `${version}-by-host`);
      await cli('s3', 'cp', `${bucket}/dir/large`, back, '--only-show-errors');
      await expectSameFile(large, back);
      await cli('s3', 'rb', '--force', bucket);
    },
  );

  // A key of the client is refused where others could read it on the way.
  const ways = transport === 'https' ? ['AES256', 'of its own'] : ['AES256'];
  it.each(
    Object.entries(AWS_CLI).flatMap(([version, aws]) => ways.map((way) => [version, way, aws] as const)),
  )('%s of the AWS CLI encrypts with a key, %s', async (version, way, aws) => {
    const { folder, url, run, mustFail } = session;
    const key = join(folder, 'customer.key');
    await writeFile(key, Buffer.alloc(32, 7));
    const given = way === 'AES256' ? [] : ['--sse-c', 'AES256', '--sse-c-key', `fileb://${key}`];
    const writing = way === 'AES256' ? ['--sse', 'AES256'] : given;
    const cli = (...args: string[]) => run(aws, ['--endpoint-url', url, ...args]);
    const bucket = `s3://sealed-${version}`;
    await cli('s3', 'mb', bucket);
    await cli('s3', 'cp', large, `${bucket}/large`, '--only-show-errors', ...writing);
    const back = join(folder, `${version}-opened`);
    await cli('s3', 'cp', `${bucket}/large`, back, '--only-show-errors', ...given);
    await expectSameFile(large, back);
    if (way !== 'AES256') {
      await mustFail(aws, ['--endpoint-url', url, 's3', 'cp', `${bucket}/large`, back]);
    }
    await cli('s3', 'rb', '--force', bucket);
  });

  it.each(Object.entries(AWS_CLI))(
    '%s of the AWS CLI sets up a bucket and looks at versions',
    async (version, aws) => {
      const { folder, url, run } = session;
      const api = (...args: string[]) => run(aws, ['--endpoint-url', url, 's3api', ...args]);
      const of = ['--bucket', `api-${version}`];
      await api('create-bucket', ...of);
      await api('put-bucket-versioning', ...of, '--versioning-configuration', 'Status=Enabled');
      await api('put-bucket-tagging', ...of, '--tagging', 'TagSet=[{Key=team,Value=a}]');
      const body = join(folder, 'one.txt');
      await writeFile(body, 'one');
      const key = ['--key', 'a'];
      await api('put-object', ...of, ...key, '--body', body, '--tagging', 'k=v', '--metadata', 'name=value');
      await api('put-object', ...of, ...key, '--body', body, '--checksum-algorithm', 'SHA256');
      const head = JSON.parse((await api('head-object', ...of, ...key, '--checksum-mode', 'ENABLED')).stdout);
      expect(head).toMatchObject({ ContentLength: 3, ETag: '"f97c5d29941bfb1b2fdab0874906ab82"' });
      expect(head.ChecksumSHA256).toBe('dpLDrTVAu4A8Ags67mbNiIcSMjTqDG5xQ8Ct1z/0Me0=');
      const { Versions } = JSON.parse((await api('list-object-versions', ...of)).stdout);
      expect(Versions).toHaveLength(2);
      for (const { VersionId } of Versions)
        await api('delete-object', ...of, ...key, '--version-id', VersionId);
      await api('delete-bucket', ...of);
    },
  );
});
