import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ConnectionOptions, connect, type PeerCertificate } from 'node:tls';
import { type HttpRun, RawClient, runHttp } from '@zot-artifact-store/testkit/http-run.ts';
import pino from 'pino';
import { generate } from 'selfsigned';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { ClientCertificates } from './tls.ts';
import { TlsFiles } from './tls-files.ts';

interface Pair {
  readonly cert: string;
  readonly key: string;
}

let first: Pair;
let second: Pair;
let stranger: Pair;
beforeAll(async () => {
  [first, second, stranger] = (await Promise.all(['first', 'second', 'stranger'].map(makePair))) as [
    Pair,
    Pair,
    Pair,
  ];
});

async function makePair(name: string): Promise<Pair> {
  const pair = await generate([{ name: 'commonName', value: name }], {
    keyType: 'ec',
    extensions: [
      { name: 'basicConstraints', cA: true },
      { name: 'subjectAltName', altNames: [{ type: 2, value: 'localhost' }] },
    ],
  });
  return { cert: pair.cert, key: pair.private };
}

let folder = '';
let files: TlsFiles | undefined;
let run: HttpRun | undefined;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'zas-tls-'));
});
afterEach(async () => {
  files?.close();
  await run?.close();
  await rm(folder, { recursive: true, force: true });
});

interface ServeOptions {
  readonly clientCertificates?: ClientCertificates;
  readonly authority?: string;
}

/** A server on `tls.crt` and `tls.key` of `inFolder`; its one route tells whom the connection belongs to. */
async function serve(
  inFolder: string,
  { clientCertificates = 'none', authority }: ServeOptions = {},
): Promise<HttpRun> {
  const caPath = authority === undefined ? undefined : join(folder, 'ca.crt');
  if (caPath !== undefined) await writeFile(caPath, authority ?? '');
  files = await TlsFiles.open({
    certPath: join(inFolder, 'tls.crt'),
    keyPath: join(inFolder, 'tls.key'),
    caPath,
    clientCertificates,
    log: pino({ level: 'silent' }),
    pollMs: 5,
  });
  run = await runHttp(
    {
      who: ({ head }) => {
        const subject = head.tls?.clientCertificate?.subject;
        const name =
          typeof subject === 'object' && subject !== null && 'CN' in subject ? subject.CN : 'nobody';
        return { status: 200, headers: {}, body: `${name} by ${head.tls?.version}` };
      },
    },
    { tls: files },
  );
  return run;
}

async function put(pair: Pair, inFolder = folder): Promise<void> {
  await writeFile(join(inFolder, 'tls.crt'), pair.cert);
  await writeFile(join(inFolder, 'tls.key'), pair.key);
}

/** The name in the certificate the server shows to a new connection. */
function shownName(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(
      { port, host: '127.0.0.1', servername: 'localhost', rejectUnauthorized: false },
      () => {
        const { subject }: PeerCertificate = socket.getPeerCertificate();
        socket.destroy();
        resolve(String(subject.CN));
      },
    );
    socket.on('error', reject);
  });
}

async function ask(port: number, options: ConnectionOptions = {}): Promise<string> {
  const client = await RawClient.connectTls(port, { rejectUnauthorized: false, ...options });
  client.send('GET /t/who', 'Connection: close');
  const { body } = await client.response();
  return body.toString();
}

describe('certificates', () => {
  it('serve a client that trusts them, and none that speaks less than TLS 1.2', async () => {
    await put(first);
    const { port } = await serve(folder);
    expect(await ask(port, { ca: first.cert, rejectUnauthorized: true })).toBe('nobody by TLSv1.3');
    expect(await ask(port, { maxVersion: 'TLSv1.2' })).toBe('nobody by TLSv1.2');
    await expect(ask(port, { minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1' })).rejects.toThrow();
  });

  it('are read again when their files change, while connections stay', async () => {
    await put(first);
    const { port } = await serve(folder);
    const before = await RawClient.connectTls(port, { rejectUnauthorized: false });
    expect(await shownName(port)).toBe('first');
    await put(second);
    await expect.poll(() => shownName(port), { timeout: 30_000 }).toBe('second');
    before.send('GET /t/who', 'Connection: close');
    expect((await before.response()).status).toBe(200);
  });

  it('are read again when a mounted ConfigMap or Secret switches its symlink', async () => {
    for (const [name, pair] of Object.entries({ old: first, new: second })) {
      await mkdir(join(folder, name));
      await put(pair, join(folder, name));
    }
    const mount = join(folder, 'mount');
    await mkdir(mount);
    await symlink(join(folder, 'old'), join(mount, '..data'));
    for (const name of ['tls.crt', 'tls.key']) await symlink(join('..data', name), join(mount, name));
    const { port } = await serve(mount);
    expect(await shownName(port)).toBe('first');
    await symlink(join(folder, 'new'), join(mount, '..data_tmp'));
    await rename(join(mount, '..data_tmp'), join(mount, '..data'));
    await expect.poll(() => shownName(port), { timeout: 30_000 }).toBe('second');
  });

  it('stay in use while only one file of a new pair is there', async () => {
    await put(first);
    const { port } = await serve(folder);
    await writeFile(join(folder, 'tls.crt'), second.cert);
    // So many connections take the time of several looks at the files.
    for (let look = 0; look < 20; look++) expect(await shownName(port)).toBe('first');
    await writeFile(join(folder, 'tls.key'), second.key);
    await expect.poll(() => shownName(port), { timeout: 30_000 }).toBe('second');
  });

  it('that do not belong together are refused at the start, with the file', async () => {
    await put({ cert: first.cert, key: second.key });
    await expect(serve(folder)).rejects.toMatchObject({
      kind: 'argument-invalid',
      message: expect.stringContaining('tls.crt'),
    });
  });
});

describe('certificates of clients', () => {
  beforeEach(() => put(first));

  it('name whoever shows one the authorities signed', async () => {
    const { port } = await serve(folder, { clientCertificates: 'if-given', authority: second.cert });
    expect(await ask(port, { cert: second.cert, key: second.key })).toBe('second by TLSv1.3');
    expect(await ask(port)).toBe('nobody by TLSv1.3');
  });

  it.each(['if-given', 'required'] as const)(
    'that others signed end the connection when they are %s',
    async (mode) => {
      const { port } = await serve(folder, { clientCertificates: mode, authority: second.cert });
      await expect(ask(port, { cert: stranger.cert, key: stranger.key })).rejects.toThrow();
    },
  );

  it('are needed for a connection at all where they are required', async () => {
    const { port } = await serve(folder, { clientCertificates: 'required', authority: second.cert });
    expect(await ask(port, { cert: second.cert, key: second.key })).toBe('second by TLSv1.3');
    await expect(ask(port)).rejects.toThrow();
  });
});
