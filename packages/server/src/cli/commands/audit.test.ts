import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type RunningApp, startApp } from '@zot-artifact-store/testkit/in-process-app.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openStore } from '../../composition/store-tools.ts';
import { runCli } from '../run-cli.ts';

let folder = '';
let server: RunningApp;
let env: Record<string, string>;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'zas-audit-'));
  server = await startApp({
    config: {
      storage: { rootDirectory: join(folder, 'data'), metadataDriver: 'lmdb', blobDriver: 'filesystem' },
      http: { accessControl: { repositories: {} } },
    },
  });
  const [, encoded = ''] = server.rootAuthorization.split(' ');
  const [, password = ''] = Buffer.from(encoded, 'base64').toString().split(':');
  env = { ZAS_SERVER: server.url, ZAS_ROOT_PASSWORD: password };
  for (const repository of ['team-a/app', 'team-b/app']) {
    await fetch(`${server.url}/v2/${repository}/blobs/uploads/`, {
      method: 'POST',
      headers: { authorization: server.rootAuthorization },
    });
  }
  await fetch(`${server.url}/v2/team-a/app/blobs/uploads/`, {
    method: 'POST',
    headers: { authorization: `Basic ${Buffer.from('mallory:guess').toString('base64')}` },
  });
});
afterAll(async () => {
  await server.close();
  await rm(folder, { recursive: true, force: true });
});

async function audit(...args: readonly string[]) {
  const out: string[] = [];
  const err: string[] = [];
  const terminal = {
    env,
    cwd: folder,
    cores: 1,
    print: (text: string) => void out.push(text),
    complain: (text: string) => void err.push(text),
    readInput: async () => '',
  };
  const code = await runCli(['audit', ...args], terminal, {
    serve: async () => {},
    checkExtensions: async () => [],
    openStore,
  });
  return { code, out: out.join('\n'), err: err.join('\n') };
}

/** A copy of the trail, as a backup has it. */
async function copy(): Promise<string> {
  const target = await mkdtemp(join(folder, 'copy-'));
  await cp(join(folder, 'data', 'audit'), target, { recursive: true });
  return target;
}

describe('zas audit', () => {
  it('lists what was done, with filters', async () => {
    const all = await audit('list');
    expect(all).toMatchObject({ code: 0, err: '' });
    expect(all.out.split('\n')).toHaveLength(4);
    expect(all.out).toMatch(/\(mallory\) +login-failed +refused/);
    const some = await audit('list', '--resource', 'repository:team-a/', '--json', '--from', '1h');
    expect(JSON.parse(some.out)).toMatchObject({
      items: [{ who: { name: 'root' }, request: { operation: 'oci.StartUpload' } }],
    });
  });

  it('prints the last records in the order they were written, and all as JSON lines', async () => {
    const tail = await audit('tail', '-n', '2');
    expect(tail.out.split('\n')[0]).toContain('team-b/app');
    expect(tail.out.split('\n')[1]).toContain('mallory');
    const lines = (await audit('export', '--user', 'root')).out.split('\n').map((line) => JSON.parse(line));
    expect(lines.map(({ event }) => event)).toEqual(['change', 'change']);
  });

  it.each<[what: string, args: readonly string[], message: RegExp]>([
    ['a time that is none', ['list', '--from', 'yesterday'], /"yesterday" is no time/],
    ['a count that is none', ['list', '--limit', 'many'], /"many" is no count/],
    ['a result that there is not', ['list', '--result', 'fine'], /in the query/],
    ['a folder that is not there', ['verify', '/nowhere'], /not a folder/],
    ['a key that is none', ['verify', '/tmp', '--key', 'x'], /no key of checkpoints/],
    ['heads that are none', ['verify', '--heads', '/dev/null'], /does not hold/],
  ])('refuses %s with a sentence', async (_what, args, message) => {
    const { code, err } = await audit(...args);
    expect(code).toBe(1);
    expect(err).toMatch(message);
  });

  it('verifies the trail of the store while the server runs', async () => {
    const { code, out, err } = await audit('verify', '--data', join(folder, 'data'));
    expect(err).toBe('');
    expect(out).toContain('The trail is whole.');
    expect(code).toBe(0);
  });

  it('verifies a copy with the heads that were kept elsewhere', async () => {
    const heads = join(folder, 'heads.json');
    await writeFile(heads, (await audit('heads')).out);
    const place = await copy();
    expect(await audit('verify', place, '--heads', heads)).toMatchObject({ code: 0 });
    expect((await audit('verify', place)).out).toContain('Signatures were not checked');

    const [stream = ''] = await readdir(place);
    const path = join(place, stream, '000000000001.jsonl');
    const text = await readFile(path, 'utf8');
    await writeFile(path, text.replace('"name":"root"', '"name":"alic"'));
    const altered = await audit('verify', place, '--heads', heads, '--json');
    expect(altered.code).toBe(1);
    expect(JSON.parse(altered.out)).toMatchObject({
      flaws: [{ kind: 'altered', file: `${stream}/000000000001.jsonl`, line: 3 }],
    });
  });

  it('needs a permission of its own', async () => {
    const response = await fetch(`${server.url}/-/api/v1/audit`);
    expect(response.status).toBe(401);
    const answer = await fetch(`${server.url}/-/api/v1/audit?limit=1&x=1`, {
      headers: { authorization: server.rootAuthorization },
    });
    expect(answer.status).toBe(400);
  });
});
