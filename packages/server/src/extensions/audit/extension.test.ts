import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type RunningApp, startApp } from '@zot-artifact-store/testkit/in-process-app.ts';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

let folder = '';
let server: RunningApp | undefined;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'zas-audit-'));
});
afterEach(async () => {
  await server?.close();
  server = undefined;
  await rm(folder, { recursive: true, force: true });
});

async function start(audit: Readonly<Record<string, unknown>> = {}): Promise<RunningApp> {
  server = await startApp({
    config: {
      http: { accessControl: { repositories: { 'open/**': { anonymousPolicy: ['read', 'create'] } } } },
      extensions: { audit: { folder, ...audit } },
    },
  });
  return server;
}

interface Entry {
  readonly type: string;
  readonly event?: string;
  readonly result?: string;
  readonly who?: object;
  readonly request?: { readonly id: string };
}

/** What is on disk now. */
async function entries(): Promise<readonly Entry[]> {
  const found: Entry[] = [];
  for (const stream of await readdir(folder)) {
    for (const name of (await readdir(join(folder, stream)))
      .filter((each) => each.endsWith('.jsonl'))
      .sort()) {
      const lines = (await readFile(join(folder, stream, name), 'utf8')).split('\n').slice(0, -1);
      found.push(...lines.map((line) => JSON.parse(line) as Entry));
    }
  }
  return found.filter(({ type }) => type === 'request');
}

const upload = (url: string, repository: string, headers: Record<string, string> = {}) =>
  fetch(`${url}/v2/${repository}/blobs/uploads/`, { method: 'POST', headers });

describe('The audit trail', () => {
  it('has each change, refusal and failed login when the client has its answer', async () => {
    const { url, rootAuthorization } = await start();
    expect((await upload(url, 'app', { authorization: rootAuthorization })).status).toBe(202);
    expect((await upload(url, 'app')).status).toBe(401);
    const wrong = `Basic ${Buffer.from('root:a-wrong-password').toString('base64')}`;
    expect((await upload(url, 'app', { authorization: wrong })).status).toBe(401);
    expect((await upload(url, 'open/app', { 'user-agent': 'curl' })).status).toBe(202);
    expect(await entries()).toMatchObject([
      {
        event: 'change',
        result: 'done',
        who: { name: 'root', via: 'root', root: true },
        request: { operation: 'oci.StartUpload', status: 202 },
        decisions: [{ action: 'oci:Push', resource: 'repository:app', effect: 'allow' }],
      },
      { event: 'refusal', result: 'refused', who: { anonymous: true } },
      { event: 'login-failed', result: 'refused', who: { anonymous: true, triedAs: 'root' } },
      { event: 'change', result: 'done', who: { anonymous: true }, from: { userAgent: 'curl' } },
    ]);
    expect(JSON.stringify(await entries())).not.toContain('a-wrong-password');
  });

  it('names the request by the id that the client got', async () => {
    const { url, rootAuthorization } = await start();
    const response = await upload(url, 'app', { authorization: rootAuthorization });
    expect((await entries())[0]?.request?.id).toBe(response.headers.get('x-request-id'));
  });

  it('has no reads, unless it is told to', async () => {
    const { url } = await start();
    await fetch(`${url}/v2/`);
    await fetch(`${url}/-/api/v1/whoami`);
    expect(await entries()).toEqual([]);
    await server?.close();
    const reading = await start({ reads: true });
    await fetch(`${reading.url}/-/api/v1/whoami`);
    expect(await entries()).toMatchObject([{ event: 'read', request: { operation: 'api.WhoAmI' } }]);
  });

  it('keeps the server from starting where it cannot be written', async () => {
    const file = join(folder, 'file');
    await writeFile(file, '');
    await expect(start({ folder: join(file, 'audit') })).rejects.toThrow(
      /audit trail in .* cannot be written/,
    );
  });

  it('is for its owner alone', async () => {
    await start();
    const [stream = ''] = await readdir(folder);
    expect((await stat(join(folder, stream))).mode & 0o777).toBe(0o700);
    expect((await stat(join(folder, stream, '000000000001.jsonl'))).mode & 0o777).toBe(0o600);
  });

  it('can be switched off', async () => {
    const { url, rootAuthorization } = await start({ enable: false });
    expect((await upload(url, 'app', { authorization: rootAuthorization })).status).toBe(202);
    expect(await readdir(folder)).toEqual([]);
  });
});
