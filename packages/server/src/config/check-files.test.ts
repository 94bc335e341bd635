import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generate } from 'selfsigned';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadConfig } from './load.ts';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'zas-tls-'));
  for (const name of ['one', 'two']) {
    const pair = await generate([{ name: 'commonName', value: name }], { keyType: 'ec' });
    await writeFile(join(folder, `${name}.cert`), pair.cert);
    await writeFile(join(folder, `${name}.key`), pair.private);
  }
  await writeFile(join(folder, 'htpasswd'), '');
});
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

async function load(http: Record<string, unknown>) {
  const file = join(folder, 'config.json');
  await writeFile(file, JSON.stringify({ http }));
  return loadConfig({ file, flags: {}, env: {}, cwd: folder, cores: 1, sections: {} });
}

describe('http.tls', () => {
  it('takes a certificate with its key', async () => {
    expect(await load({ tls: { cert: 'one.cert', key: 'one.key' } })).toMatchObject({
      config: {
        http: {
          tls: {
            certPath: join(folder, 'one.cert'),
            keyPath: join(folder, 'one.key'),
            clientCertificates: 'none',
          },
        },
      },
    });
  });

  it('refuses the key of another certificate', async () => {
    expect(await load({ tls: { cert: 'one.cert', key: 'two.key' } })).toMatchObject({
      problems: [{ place: 'http.tls.key' }],
    });
  });

  it('asks every client for a certificate when nothing else lets anybody in, and verifies those shown otherwise', async () => {
    const tls = { cert: 'one.cert', key: 'one.key', cacert: 'two.cert' };
    expect(await load({ tls })).toMatchObject({
      config: { http: { tls: { clientCertificates: 'required', caPath: join(folder, 'two.cert') } } },
    });
    expect(await load({ tls, auth: { htpasswd: { path: 'htpasswd' } } })).toMatchObject({
      config: { http: { tls: { clientCertificates: 'if-given' } } },
    });
  });
});
