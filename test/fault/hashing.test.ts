import { createHash, Hash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type RunningApp, startApp } from '@zot-artifact-store/testkit';
import { Client, type ClientRequest } from '@zot-artifact-store/testkit/fault/client.ts';
import { Random } from '@zot-artifact-store/testkit/fault/random.ts';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';

/** Bytes that were hashed on the thread that serves requests; other threads have a prototype of their own. */
let hashedBytes = 0;
const update = Hash.prototype.update;

const MEBIBYTE = 1024 * 1024;
const BYTES = new Random('hashing').bytes(24 * MEBIBYTE);
const PIECES = Array.from({ length: 24 }, (_, index) =>
  BYTES.subarray(index * MEBIBYTE, (index + 1) * MEBIBYTE),
);
/** What decides whether a body is small is hashed where it is. */
const SMALL_BYTES = MEBIBYTE;
const OCTETS = { 'content-type': 'application/octet-stream' };

let folder = '';
let running: RunningApp;
let client: Client;

beforeAll(() => {
  Hash.prototype.update = function (this: Hash, data: Uint8Array | string): Hash {
    hashedBytes += data.length;
    return Reflect.apply(update, this, [data]);
  };
});
afterAll(() => {
  Hash.prototype.update = update;
});
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'zas-hashing-'));
  running = await startApp({
    config: {
      storage: { rootDirectory: join(folder, 'data'), metadataDriver: 'lmdb', blobDriver: 'filesystem' },
    },
  });
  client = new Client(running);
});
afterEach(async () => {
  client.close();
  await running.close();
  await rm(folder, { recursive: true, force: true });
});

const send = (method: ClientRequest['method'], target: string, more: Partial<ClientRequest> = {}) =>
  client.send({ method, target, ...more });

async function open(query = ''): Promise<string> {
  const { headers } = await send('POST', `/v2/app/blobs/uploads/${query}`);
  return headers.location ?? '';
}

it.each(['sha256', 'sha512'])(
  'hashes a large body with %s on other threads than requests are served on',
  async (algorithm) => {
    const digest = `${algorithm}:${createHash(algorithm).update(BYTES).digest('hex')}`;
    const query = `digest=${encodeURIComponent(digest)}`;
    hashedBytes = 0;
    const whole = await send('POST', `/v2/one/blobs/uploads/?${query}`, { headers: OCTETS, body: PIECES });
    expect(whole.status).toBe(201);
    const streamed = await open(`?digest-algorithm=${algorithm}`);
    await send('PATCH', streamed, { headers: OCTETS, body: PIECES, isChunked: true });
    expect((await send('PUT', `${streamed}?${query}`)).status).toBe(201);
    const chunked = await open();
    for (const half of [PIECES.slice(0, 12), PIECES.slice(12)])
      await send('PATCH', chunked, { headers: OCTETS, body: half });
    expect((await send('PUT', `${chunked}?${query}`)).status).toBe(201);
    expect(hashedBytes).toBeLessThan(SMALL_BYTES);
    // That it counts at all: small bodies cost less where they are.
    const before = hashedBytes;
    const small = Buffer.alloc(100_000, 's');
    const smallDigest = `sha256:${createHash('sha256').update(small).digest('hex')}`;
    await send('POST', `/v2/app/blobs/uploads/?digest=${smallDigest}`, { headers: OCTETS, body: [small] });
    // Once for itself and once for its digest; what the audit trail writes of it is hashed, too.
    const counted = hashedBytes - before;
    expect(counted).toBeGreaterThanOrEqual(2 * small.length);
    expect(counted).toBeLessThan(2 * small.length + 10_000);
  },
);

it('answers others while a large body is on its way', async () => {
  const half = Promise.withResolvers<void>();
  const rest = Promise.withResolvers<void>();
  async function* body() {
    yield* PIECES.slice(0, 12);
    half.resolve();
    await rest.promise;
    yield* PIECES.slice(12);
  }
  const location = await open();
  const patch = send('PATCH', location, { headers: OCTETS, body: body(), isChunked: true });
  await half.promise;
  expect((await send('GET', '/livez')).status).toBe(200);
  expect((await send('GET', location)).status).toBe(204);
  rest.resolve();
  expect((await patch).headers.range).toBe(`0-${BYTES.length - 1}`);
});
