import { StoreError } from '@zot-artifact-store/spec';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type RunningRegistry, startRegistry } from './start-registry.ts';
import { digestOf, expectError, type Pushed, Wire } from './wire.ts';

let server: RunningRegistry;
let wire: Wire;
let image: Pushed;
let refused: string | undefined;
beforeAll(async () => {
  server = await startRegistry({
    mayPull: (name) => name !== 'secret',
    vetoes: {
      async beforeServe({ kind, digest }) {
        if (digest === refused) throw new StoreError('denied', `this ${kind} has not been signed`);
      },
    },
  });
  wire = new Wire(server.url);
  image = await wire.pushImage('open', 'v1');
  await wire.pushImage('secret', 'v1');
});
afterAll(() => server.close());

it('answers 401 with the body of the spec where the client may not read', async () => {
  for (const path of [
    'manifests/v1',
    `blobs/${digestOf('layer')}`,
    'tags/list',
    `referrers/${digestOf('x')}`,
  ]) {
    const answer = await wire.get(`/v2/secret/${path}`);
    expectError(answer, 401, 'UNAUTHORIZED');
    expect(answer.headers['docker-distribution-api-version']).toBe('registry/2.0');
  }
  const head = await wire.head('/v2/secret/manifests/v1');
  expect(head.status).toBe(401);
  expect(head.body).toHaveLength(0);
});

it('asks the vetoes before it serves a manifest or the bytes of a blob', async () => {
  refused = image.digest;
  for (const reference of ['v1', image.digest]) {
    expectError(await wire.get(`/v2/open/manifests/${reference}`), 403, 'DENIED');
    expect((await wire.head(`/v2/open/manifests/${reference}`)).status).toBe(403);
  }
  refused = digestOf('layer');
  const blob = `/v2/open/blobs/${refused}`;
  expectError(await wire.get(blob), 403, 'DENIED');
  expectError(await wire.get(blob, { range: 'bytes=0-1' }), 403, 'DENIED');
  expect((await wire.head(blob)).status).toBe(200);
  refused = undefined;
  expect((await wire.get(blob)).status).toBe(200);
});
