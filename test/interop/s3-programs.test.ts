import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Run } from './client-runner.ts';
import { AWS_CLI, clientPath, GO_SDK_PROGRAM, hasTerraform, PYTHON } from './clients.ts';
import { expectSameFile, openS3Session, REGION, type S3Session, type Transport } from './s3-session.ts';

const here = dirname(fileURLToPath(import.meta.url));

describe.each<Transport>(['http', 'https'])('over %s', (transport) => {
  let session: S3Session;
  let large: string;
  beforeAll(async () => {
    session = await openS3Session(transport);
    large = await session.makeFile('large', 20_000_000);
  });
  afterAll(() => session.close());

  it('the AWS SDK for Go stores, copies, lists, presigns and removes, by path and by the name of a host', async () => {
    const { url, domainUrl, viaProxy, run } = session;
    await run(GO_SDK_PROGRAM, [url, 'path']);
    await run(GO_SDK_PROGRAM, [domainUrl, 'host'], { env: viaProxy });
  });

  it('mc makes buckets, copies, mirrors, looks at versions, shares and removes', async () => {
    const { folder, url, accessKey, secretKey, caPath, run, mustFail } = session;
    const settings = join(folder, 'mc');
    await mkdir(join(settings, 'certs/CAs'), { recursive: true });
    if (transport === 'https') await run('cp', [caPath, join(settings, 'certs/CAs/ca.pem')]);
    const mc = (...args: string[]) => run('mc', ['--config-dir', settings, '--quiet', ...args]);
    await mc('alias', 'set', 'zas', url, accessKey, secretKey);
    await mc('mb', '--with-lock', 'zas/mc-bucket');
    await mc('cp', large, 'zas/mc-bucket/dir/large');
    const back = join(folder, 'mc-back');
    await mc('cp', 'zas/mc-bucket/dir/large', back);
    await expectSameFile(large, back);
    expect((await mc('stat', 'zas/mc-bucket/dir/large')).stdout).toMatch(/Size\s*: 19 MiB/);

    const tree = join(folder, 'mc-tree');
    await mkdir(join(tree, 'sub dir'), { recursive: true });
    for (const name of ['one', 'sub dir/two', 'sub dir/thrée+']) await writeFile(join(tree, name), name);
    await mc('mirror', tree, 'zas/mc-bucket/tree');
    expect((await mc('diff', tree, 'zas/mc-bucket/tree')).stdout).toBe('');
    await mc('mirror', 'zas/mc-bucket/tree', `${tree}-back`);
    expect(await readFile(join(`${tree}-back`, 'sub dir/thrée+'), 'utf8')).toBe('sub dir/thrée+');
    expect((await mc('cat', 'zas/mc-bucket/tree/one')).stdout).toBe('one');

    await mc('tag', 'set', 'zas/mc-bucket/tree/one', 'k=v');
    expect((await mc('tag', 'list', 'zas/mc-bucket/tree/one')).stdout).toContain('v');
    await mc('rm', 'zas/mc-bucket/tree/one');
    await mustFail('mc', ['--config-dir', settings, 'stat', 'zas/mc-bucket/tree/one']);
    const versions = (await mc('ls', '--versions', '--json', 'zas/mc-bucket/tree/one')).stdout
      .trim()
      .split('\n');
    expect(versions.map((line) => JSON.parse(line).isDeleteMarker ?? false)).toEqual([true, false]);
    await mc('undo', '--force', 'zas/mc-bucket/tree/one');
    expect((await mc('cat', 'zas/mc-bucket/tree/one')).stdout).toBe('one');

    const shared = (await mc('share', 'download', '--json', 'zas/mc-bucket/tree/one')).stdout;
    const curl = ['--silent', '--fail', '--cacert', caPath, JSON.parse(shared).share];
    expect((await run('curl', curl)).stdout).toBe('one');
    await mc('anonymous', 'set', 'download', 'zas/mc-bucket/tree');
    expect((await run('curl', ['-sf', '--cacert', caPath, `${url}/mc-bucket/tree/one`])).stdout).toBe('one');
    await mc('rb', '--force', 'zas/mc-bucket');
  });

  it('s3fs mounts a bucket, in which files are written, moved, read in part and removed', async () => {
    const { folder, url, accessKey, secretKey, caPath, run } = session;
    const passwords = join(folder, 'passwd-s3fs');
    await writeFile(passwords, `${accessKey}:${secretKey}\n`, { mode: 0o600 });
    const mount = join(folder, 'mount');
    await mkdir(mount);
    await aws(session, 's3', 'mb', 's3://s3fs');
    const options = [
      'use_path_request_style',
      `passwd_file=${passwords}`,
      'multipart_size=5',
      'curldbg=normal',
    ];
    const trust = transport === 'https' ? { CURL_CA_BUNDLE: caPath } : {};
    const child = spawn(
      's3fs',
      ['s3fs', mount, '-f', '-o', `url=${url}`, ...options.flatMap((each) => ['-o', each])],
      {
        env: { PATH: clientPath(), HOME: folder, ...trust },
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    );
    let said = '';
    child.stdout.on('data', (text) => (said += text));
    child.stderr.on('data', (text) => (said += text));
    const ended = once(child, 'close');
    try {
      const outside = (await stat(folder)).dev;
      while ((await stat(mount)).dev === outside) {
        if (child.exitCode !== null) throw new Error(`s3fs did not mount: ${said}`);
        await pause(50);
      }
      await run('cp', [large, join(mount, 'large')]);
      await run('mv', [join(mount, 'large'), join(mount, 'moved')]);
      await expectSameFile(large, join(mount, 'moved'));
      await mkdir(join(mount, 'dir'));
      await writeFile(join(mount, 'dir/a b'), 'one');
      await run('sh', ['-c', `printf two >> '${join(mount, 'dir/a b')}'`]);
      expect(await readFile(join(mount, 'dir/a b'), 'utf8')).toBe('onetwo');
      await run('chmod', ['600', join(mount, 'dir/a b')]);
      expect((await stat(join(mount, 'dir/a b'))).mode & 0o777).toBe(0o600);
      await run('rm', ['-r', join(mount, 'dir')]);
      expect((await run('ls', [mount])).stdout).toBe('moved\n');
    } finally {
      await run('umount', [mount]).catch(() => child.kill());
      await ended;
    }
  });

  it('DuckDB writes and reads Parquet and CSV', async () => {
    const { url, caPath, run } = session;
    await aws(session, 's3', 'mb', 's3://duckdb');
    const trust = transport === 'https' ? [caPath] : [];
    await run(PYTHON, [join(here, 's3-duckdb.py'), new URL(url).host, ...trust]);
  });

  // The one client that is used where it is, and not installed: there is no package of it.
  if (!hasTerraform()) {
    it('Terraform was NOT tried: it is not on this machine', () => {
      console.warn('terraform is not on the PATH: its S3 backend was not tried');
    });
    return;
  }
  it('Terraform keeps its state, and locks it with a file', async () => {
    const { folder, url, run, mustFail } = session;
    await aws(session, 's3', 'mb', 's3://terraform');
    const project = join(folder, 'terraform');
    await mkdir(project);
    await writeFile(join(project, 'main.tf'), terraformProject(url));
    const options = {
      cwd: project,
      env: { TF_CLI_CONFIG_FILE: join(project, 'none.tfrc'), CHECKPOINT_DISABLE: '1' },
    };
    await writeFile(join(project, 'none.tfrc'), '');
    const terraform = (...args: string[]) => run('terraform', args, options);
    await terraform('init', '-input=false', '-no-color');
    await terraform('apply', '-auto-approve', '-input=false', '-no-color', '-var', 'value=first');
    await terraform('apply', '-auto-approve', '-input=false', '-no-color', '-var', 'value=second');
    expect((await terraform('output', '-raw', 'kept')).stdout).toBe('second');
    const lock = join(project, 'lock');
    await writeFile(
      lock,
      '{"ID":"somebody","Operation":"apply","Who":"else","Created":"2026-01-01T00:00:00Z"}',
    );
    await aws(session, 's3', 'cp', lock, 's3://terraform/state.tfstate.tflock');
    const refused = await mustFail(
      'terraform',
      ['apply', '-auto-approve', '-no-color', '-var', 'value=third'],
      options,
    );
    expect(refused.stderr).toContain('Error acquiring the state lock');
    await aws(session, 's3', 'rm', 's3://terraform/state.tfstate.tflock');
    await terraform('apply', '-auto-approve', '-input=false', '-no-color', '-var', 'value=third');
    expect((await terraform('output', '-raw', 'kept')).stdout).toBe('third');
  });
});

function aws({ url, run }: S3Session, ...args: string[]): Promise<Run> {
  return run(AWS_CLI.v1, ['--endpoint-url', url, ...args]);
}

function terraformProject(url: string): string {
  return `
    terraform {
      backend "s3" {
        bucket                      = "terraform"
        key                         = "state.tfstate"
        region                      = "${REGION}"
        endpoints                   = { s3 = "${url}" }
        use_path_style              = true
        use_lockfile                = true
        encrypt                     = true
        skip_credentials_validation = true
        skip_requesting_account_id  = true
        skip_region_validation      = true
        skip_metadata_api_check     = true
      }
    }
    variable "value" {}
    resource "terraform_data" "kept" { input = var.value }
    output "kept" { value = terraform_data.kept.output }
  `;
}
