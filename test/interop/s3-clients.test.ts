import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PYTHON } from './clients.ts';
import { expectSameFile, openS3Session, REGION, type S3Session, type Transport } from './s3-session.ts';

const BOTO3_PROGRAM = join(dirname(fileURLToPath(import.meta.url)), 's3-boto3.py');

describe.each<Transport>(['http', 'https'])('over %s', (transport) => {
  let session: S3Session;
  let large: string;
  beforeAll(async () => {
    session = await openS3Session(transport);
    large = await session.makeFile('large', 20_000_000);
  });
  afterAll(() => session.close());

  it('boto3 stores, copies, lists, presigns, versions and removes', async () => {
    const trust = transport === 'https' ? [session.caPath] : [];
    await session.run(PYTHON, [BOTO3_PROGRAM, session.url, ...trust]);
  });

  it('boto3, s3cmd and rclone find a bucket by the name of a host', async () => {
    const { folder, domainUrl, viaProxy, accessKey, secretKey, caPath, run } = session;
    const { host } = new URL(domainUrl);
    const virtualHosts = join(folder, 'virtual-hosts');
    await writeFile(virtualHosts, '[default]\ns3 =\n  addressing_style = virtual\n');
    const trust = transport === 'https' ? [caPath] : [];
    const env = { ...viaProxy, AWS_CONFIG_FILE: virtualHosts };
    await run(PYTHON, [BOTO3_PROGRAM, domainUrl, ...trust], { env });

    const settings = join(folder, 's3cfg-by-host');
    const proxy = new URL(viaProxy.HTTP_PROXY ?? '');
    await writeFile(
      settings,
      [
        '[default]',
        `access_key = ${accessKey}`,
        `secret_key = ${secretKey}`,
        `host_base = ${host}`,
        `host_bucket = %(bucket)s.${host}`,
        `proxy_host = ${proxy.hostname}`,
        `proxy_port = ${proxy.port}`,
        `use_https = ${transport === 'https' ? 'True' : 'False'}`,
        ...(transport === 'https' ? [`ca_certs_file = ${caPath}`] : []),
      ].join('\n'),
    );
    const s3cmd = (...args: string[]) => run('s3cmd', ['-c', settings, '--no-progress', ...args]);
    await s3cmd('mb', 's3://s3cmd-host');
    await s3cmd('put', large, 's3://s3cmd-host/large');
    await s3cmd('get', 's3://s3cmd-host/large', join(folder, 's3cmd-host'));
    await expectSameFile(large, join(folder, 's3cmd-host'));

    await mkdir(join(folder, 'rclone-by-host'));
    const rclone = (...args: string[]) =>
      run('rclone', args, {
        env: {
          ...viaProxy,
          AWS_CA_BUNDLE: '',
          RCLONE_CONFIG_ZAS_TYPE: 's3',
          RCLONE_CONFIG_ZAS_PROVIDER: 'Other',
          RCLONE_CONFIG_ZAS_ENV_AUTH: 'true',
          RCLONE_CONFIG_ZAS_ENDPOINT: domainUrl,
          RCLONE_CONFIG_ZAS_FORCE_PATH_STYLE: 'false',
        },
      });
    await rclone('copyto', large, 'zas:rclone-by-host/large');
    await rclone('copy', 'zas:rclone-by-host/large', join(folder, 'rclone-by-host'));
    await expectSameFile(large, join(folder, 'rclone-by-host/large'));
  });

  it('s3cmd makes buckets, stores, lists and removes', async () => {
    const { folder, url, accessKey, secretKey, run, caPath } = session;
    const { host } = new URL(url);
    const settings = join(folder, 's3cfg');
    await writeFile(
      settings,
      [
        '[default]',
        `access_key = ${accessKey}`,
        `secret_key = ${secretKey}`,
        `host_base = ${host}`,
        `host_bucket = ${host}`,
        `use_https = ${transport === 'https' ? 'True' : 'False'}`,
        ...(transport === 'https' ? [`ca_certs_file = ${caPath}`] : []),
      ].join('\n'),
    );
    const s3cmd = (...args: string[]) => run('s3cmd', ['-c', settings, '--no-progress', ...args]);
    await s3cmd('mb', 's3://s3cmd');
    await s3cmd('put', large, 's3://s3cmd/dir/large', '--multipart-chunk-size-mb=5');
    await s3cmd('get', 's3://s3cmd/dir/large', join(folder, 's3cmd-back'));
    await expectSameFile(large, join(folder, 's3cmd-back'));
    await s3cmd('info', 's3://s3cmd');
    expect((await s3cmd('ls', '-r', 's3://s3cmd')).stdout).toContain('20000000  s3://s3cmd/dir/large');
    await s3cmd('rb', '--recursive', 's3://s3cmd');
  });

  it('rclone synchronises both ways, checks and purges', async () => {
    const { folder, url } = session;
    // It trusts SSL_CERT_FILE, and cannot be told so twice.
    const env = { AWS_CA_BUNDLE: '' };
    const run: S3Session['run'] = (command, args) => session.run(command, args, { env });
    await mkdir(join(folder, 'config/rclone'), { recursive: true });
    await writeFile(
      join(folder, 'config/rclone/rclone.conf'),
      `[zas]\ntype = s3\nprovider = Other\nenv_auth = true\nregion = ${REGION}\nendpoint = ${url}\n`,
    );
    const tree = join(folder, 'rclone-tree');
    await mkdir(join(tree, 'sub dir'), { recursive: true });
    for (const name of ['one', 'sub dir/two', 'sub dir/thrée+']) await writeFile(join(tree, name), name);
    await run('cp', [large, tree]);
    await run('rclone', [
      'sync',
      tree,
      'zas:rclone/tree',
      '--s3-upload-cutoff',
      '5M',
      '--s3-chunk-size',
      '5M',
    ]);
    await run('rclone', ['check', tree, 'zas:rclone/tree', '--download']);
    await run('rclone', ['sync', 'zas:rclone/tree', `${tree}-back`]);
    expect(await readFile(join(`${tree}-back`, 'sub dir/thrée+'), 'utf8')).toBe('sub dir/thrée+');
    expect((await run('rclone', ['lsf', 'zas:rclone/tree/sub dir'])).stdout).toBe('thrée+\ntwo\n');
    await run('rclone', ['purge', 'zas:rclone']);
  });

  it('restic makes a repository, backs up, checks, restores, forgets and prunes', async () => {
    const { folder, url, run, caPath } = session;
    const tree = join(folder, 'restic-tree');
    await mkdir(tree);
    await run('cp', [large, tree]);
    const env = { RESTIC_PASSWORD: 'of the repository', RESTIC_REPOSITORY: `s3:${url}/restic` };
    const trust = transport === 'https' ? ['--cacert', caPath] : [];
    const restic = (...args: string[]) => run('restic', [...trust, ...args], { env });
    await restic('init');
    await restic('backup', tree);
    await writeFile(join(tree, 'second'), 'second');
    await restic('backup', tree);
    await restic('check', '--read-data');
    await restic('restore', 'latest', '--target', join(folder, 'restic-back'));
    await expectSameFile(large, join(folder, 'restic-back', tree, 'large'));
    await restic('forget', '--keep-last', '1', '--prune');
    expect(JSON.parse((await restic('snapshots', '--json')).stdout)).toHaveLength(1);
    await restic('check');
  });
});
