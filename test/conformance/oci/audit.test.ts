import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startApp } from '@zot-artifact-store/testkit/in-process-app.ts';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { Wire } from './wire.ts';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'zas-audit-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

it('appends a line to the audit log for each change, with who made it, and none for reads and refusals', async () => {
  const audit = join(folder, 'logs', 'audit.log');
  const app = await startApp({
    config: {
      http: { accessControl: { repositories: { '**': { anonymousPolicy: ['read', 'create'] } } } },
      log: { audit },
    },
  });
  const wire = new Wire(app.url);
  const { digest } = await wire.pushImage('audited/app', 'v1');
  await wire.get('/v2/audited/app/manifests/v1');
  const asRoot = { headers: { authorization: app.rootAuthorization } };
  expect((await wire.send('DELETE', `/v2/audited/app/manifests/${digest}`)).status).toBe(401);
  expect((await wire.send('DELETE', `/v2/audited/app/manifests/${digest}`, asRoot)).status).toBe(202);

  const lines = await vi.waitFor(
    async () => {
      const found = (await readFile(audit, 'utf8')).trimEnd().split('\n');
      expect(found.length).toBeGreaterThanOrEqual(4);
      return found;
    },
    { timeout: 20_000 },
  );
  await app.close();
  const object = { blob: '/v2/audited/app/blobs/uploads/', manifest: '/v2/audited/app/manifests' };
  const changes = lines.map((line) => JSON.parse(line) as Readonly<Record<string, unknown>>);
  expect(changes.map(({ subject, action, object, status }) => [subject, action, object, status])).toEqual([
    ['anonymous', 'POST', object.blob, 201],
    ['anonymous', 'POST', object.blob, 201],
    ['anonymous', 'PUT', `${object.manifest}/v1`, 201],
    ['root', 'DELETE', `${object.manifest}/${digest}`, 202],
  ]);
  expect(changes[0]).toMatchObject({
    message: 'HTTP API Audit',
    component: 'session',
    clientIP: '127.0.0.1',
  });
});
