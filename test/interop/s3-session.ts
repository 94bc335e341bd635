import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type RunningServer, startServer } from '@zot-artifact-store/testkit';
import { generate } from 'selfsigned';
import { type ClientRunner, createRunner } from './client-runner.ts';
import { clientPath } from './clients.ts';
import { type NamingProxy, startNamingProxy } from './naming-proxy.ts';

export type Transport = 'http' | 'https';

/** A started server that speaks S3, a scratch folder that is also HOME, and clients that know its keys. */
export interface S3Session extends ClientRunner {
  /** With the address of the loopback. */
  readonly url: string;
  /** By the domain whose subdomains are buckets; only clients that use `viaProxy` find it. */
  readonly domainUrl: string;
  /** Makes a client find the names under the domain, which no name server knows. */
  readonly viaProxy: Readonly<Record<string, string>>;
  readonly accessKey: string;
  readonly secretKey: string;
  readonly folder: string;
  /** The certificate to trust, over https. */
  readonly caPath: string;
  /** A file of `bytes` random bytes in the folder; returns its path. */
  makeFile(name: string, bytes: number): Promise<string>;
  close(): Promise<void>;
}

export const REGION = 'us-east-1';
const DOMAIN = 's3.localhost';
const ACCESS_KEY = 'interop-root';
const SECRET_KEY = 'correct-horse-battery-staple';

/** `extensions` is added to those sections of the config file. */
export async function openS3Session(
  transport: Transport,
  extensions: Readonly<Record<string, unknown>> = {},
): Promise<S3Session> {
  const folder = await mkdtemp(join(tmpdir(), 'zas-s3-interop-'));
  const caPath = join(folder, 'ca.pem');
  const tls = { cert: caPath, key: join(folder, 'server.key') };
  if (transport === 'https') await writeCertificate(tls);
  const server: RunningServer = await startServer({
    dataDir: join(folder, 'data'),
    env: { ZAS_ROOT_USER: ACCESS_KEY, ZAS_ROOT_PASSWORD: SECRET_KEY },
    config: {
      http: transport === 'https' ? { tls } : {},
      extensions: { s3: { domains: [DOMAIN] }, ...extensions },
    },
  });
  const { port } = new URL(server.url);
  const proxy: NamingProxy = await startNamingProxy();
  const runner = createRunner(server, folder, {
    PATH: clientPath(),
    HOME: folder,
    TMPDIR: folder,
    XDG_CONFIG_HOME: join(folder, 'config'),
    XDG_CACHE_HOME: join(folder, 'cache'),
    AWS_ACCESS_KEY_ID: ACCESS_KEY,
    AWS_SECRET_ACCESS_KEY: SECRET_KEY,
    AWS_DEFAULT_REGION: REGION,
    AWS_REGION: REGION,
    AWS_EC2_METADATA_DISABLED: 'true',
    ...(transport === 'https' && { AWS_CA_BUNDLE: caPath, SSL_CERT_FILE: caPath }),
  });
  return {
    ...runner,
    url: `${transport}://127.0.0.1:${port}`,
    domainUrl: `${transport}://${DOMAIN}:${port}`,
    viaProxy: {
      HTTP_PROXY: proxy.url,
      HTTPS_PROXY: proxy.url,
      http_proxy: proxy.url,
      https_proxy: proxy.url,
    },
    accessKey: ACCESS_KEY,
    secretKey: SECRET_KEY,
    folder,
    caPath,
    async makeFile(name, bytes) {
      const path = join(folder, name);
      await runner.run('sh', ['-c', `head -c ${bytes} /dev/urandom > '${path}'`]);
      return path;
    },
    async close() {
      await proxy[Symbol.asyncDispose]();
      await server.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Throws unless both files hold the same bytes. */
export async function expectSameFile(one: string, other: string): Promise<void> {
  const [first, second] = await Promise.all([readFile(one), readFile(other)]);
  if (!first.equals(second))
    throw new Error(`${one} (${first.length} bytes) is not ${other} (${second.length})`);
}

async function writeCertificate({
  cert,
  key,
}: {
  readonly cert: string;
  readonly key: string;
}): Promise<void> {
  const pair = await generate([{ name: 'commonName', value: DOMAIN }], {
    keyType: 'ec',
    extensions: [
      { name: 'basicConstraints', cA: true },
      {
        name: 'subjectAltName',
        altNames: [
          { type: 2, value: 'localhost' },
          { type: 2, value: DOMAIN },
          { type: 2, value: `*.${DOMAIN}` },
          { type: 7, ip: '127.0.0.1' },
        ],
      },
    ],
  });
  await writeFile(cert, pair.cert);
  await writeFile(key, pair.private);
}
