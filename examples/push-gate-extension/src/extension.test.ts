import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type RunningServer, startServer } from '@zot-artifact-store/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const SOURCE = 'org.opencontainers.image.source';
const TIMEOUT_MS = 30_000;

let folder = '';
let journal = '';
let server: RunningServer;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'zot-push-gate-'));
  journal = join(folder, 'pushes.log');
  server = await startServer({
    dataDir: join(folder, 'data'),
    workers: 2,
    config: {
      http: { accessControl: { repositories: { '**': { anonymousPolicy: ['read'] } } } },
      extensions: { 'push-gate': { module: 'zot-push-gate', journal } },
    },
  });
}, TIMEOUT_MS);

afterAll(async () => {
  await server.stop();
  await rm(folder, { recursive: true, force: true });
}, TIMEOUT_MS);

function index(annotations: Readonly<Record<string, string>>): string {
  const mediaType = 'application/vnd.oci.image.index.v1+json';
  return JSON.stringify({ schemaVersion: 2, mediaType, manifests: [], annotations });
}

function push(repository: string, reference: string, body: string): Promise<Response> {
  return fetch(`${server.url}/v2/${repository}/manifests/${reference}`, {
    method: 'PUT',
    headers: {
      authorization: server.rootAuthorization,
      'content-type': 'application/vnd.oci.image.index.v1+json',
    },
    body,
  });
}

function digestOf(body: string): string {
  return `sha256:${createHash('sha256').update(body).digest('hex')}`;
}

describe('the push gate, loaded by its module name into a server', () => {
  it('refuses a tag on a manifest that does not say where it comes from, and stores nothing', async () => {
    const reply = await push('gate/closed', 'v1', index({}));
    expect(reply.status).toBe(403);
    expect(await reply.json()).toMatchObject({
      errors: [{ code: 'DENIED', message: expect.stringContaining(SOURCE) }],
    });
    const found = await fetch(`${server.url}/v2/gate/closed/manifests/v1`);
    expect(found.status).toBe(404);
  });

  it('lets through what is pushed by digest alone', async () => {
    const body = index({ of: 'a platform' });
    expect((await push('gate/child', digestOf(body), body)).status).toBe(201);
  });

  it(
    'writes down a push that passed, once it is stored, and tells of it at its route',
    async () => {
      const body = index({ [SOURCE]: 'https://example.com/app' });
      expect((await push('gate/open', 'v1', body)).status).toBe(201);
      const route = `${server.url}/-/example/last-push/gate/open`;
      await expect.poll(async () => (await fetch(route)).status, { timeout: TIMEOUT_MS }).toBe(200);
      expect(await (await fetch(route)).json()).toMatchObject({
        repository: 'gate/open',
        digest: digestOf(body),
        tags: ['v1'],
      });
      const lines = (await readFile(journal, 'utf8')).trimEnd().split('\n');
      expect(lines.map((line) => JSON.parse(line))).toContainEqual(
        expect.objectContaining({ repository: 'gate/open', tags: ['v1'], actor: 'root' }),
      );
    },
    TIMEOUT_MS,
  );

  it('answers at its route only what it is asked for', async () => {
    const at = (path: string, method = 'GET') => fetch(`${server.url}/-/example/${path}`, { method });
    expect((await at('last-push/never/pushed')).status).toBe(404);
    expect((await at('last-push/Not%20a%20name')).status).toBe(400);
    const refused = await at('last-push/gate/open', 'DELETE');
    expect(refused.status).toBe(405);
    expect(refused.headers.get('allow')).toBe('GET, HEAD');
  });

  it('is named in the log with its parts', () => {
    const sealed = server
      .logs()
      .split('\n')
      .find((line) => line.includes('extensions sealed'));
    expect(sealed).toContain('"source":"zot-push-gate"');
    expect(sealed).toContain('"vetoes":["beforeManifestPut"]');
    expect(sealed).toContain('"observers":["journal"]');
  });
});
