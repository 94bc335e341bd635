import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type RunningServer, startServer } from '@zot-artifact-store/testkit';
import { Client } from '@zot-artifact-store/testkit/fault/client.ts';
import { type Content, contentOf } from '@zot-artifact-store/testkit/fault/oci/content.ts';
import { Random } from '@zot-artifact-store/testkit/fault/random.ts';
import { afterEach, beforeEach, expect, it } from 'vitest';

const OCTETS = { 'content-type': 'application/octet-stream' };
const UPLOADS = 8;

let folder = '';
let server: RunningServer;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'zas-drain-'));
});
afterEach(async () => {
  await server.kill('SIGKILL');
  await rm(folder, { recursive: true, force: true });
});

const start = (workers: number) => startServer({ workers, dataDir: join(folder, 'data') });

async function isRefused(url: string): Promise<boolean> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  return new Promise((resolve) => {
    socket.once('error', () => resolve(true));
    socket.once('connect', () => resolve(false));
  }).finally(() => socket.destroy()) as Promise<boolean>;
}

/** A body that stops in its middle until it is let go. */
function held({ bytes }: Content) {
  const begun = Promise.withResolvers<void>();
  const rest = Promise.withResolvers<void>();
  const middle = Math.ceil(bytes.length / 2);
  async function* body() {
    yield bytes.subarray(0, middle);
    begun.resolve();
    await rest.promise;
    yield bytes.subarray(middle);
  }
  return { body: body(), begun: begun.promise, letGo: () => rest.resolve() };
}

it.each([1, 2])(
  'finishes the uploads under way after SIGTERM and ends with status 0, with %i workers',
  async (workers) => {
    server = await start(workers);
    const random = new Random('drain');
    const contents = Array.from({ length: UPLOADS }, () => contentOf(random.bytes(300_000)));
    const clients = contents.map(() => new Client(server));
    const uploads = await Promise.all(
      contents.map(async (content, index) => {
        const client = clients[index] ?? new Client(server);
        const { body, begun, letGo } = held(content);
        const session = await client.send({ method: 'POST', target: '/v2/app/blobs/uploads/' });
        const location = session.headers.location ?? '';
        const isWhole = index % 2 === 0;
        const answered = isWhole
          ? client.send({
              method: 'POST',
              target: `/v2/app/blobs/uploads/?digest=${content.digest}`,
              headers: OCTETS,
              body,
              isChunked: true,
            })
          : client.send({ method: 'PATCH', target: location, headers: OCTETS, body, isChunked: true });
        answered.catch(() => undefined);
        await begun;
        return { content, isWhole, location, letGo, answered };
      }),
    );
    // The server has seen the beginning of each: it has answered something that came after it.
    const witness = new Client(server);
    for (let request = 0; request < 4 * workers; request++) {
      await witness.send({ method: 'GET', target: '/livez' });
    }
    witness.close();
    const exited = server.kill('SIGTERM');
    await expect.poll(() => isRefused(server.url), { timeout: 20_000 }).toBe(true);
    for (const { letGo } of uploads) letGo();
    for (const { answered, isWhole } of uploads) expect((await answered).status).toBe(isWhole ? 201 : 202);
    expect(await exited).toEqual({ code: 0, signal: null });
    for (const client of clients) client.close();

    server = await start(workers);
    const client = new Client(server);
    for (const { content, isWhole, location } of uploads) {
      if (!isWhole) {
        const status = await client.send({ method: 'GET', target: location });
        expect(status.headers.range).toBe(`0-${content.bytes.length - 1}`);
        const finished = await client.send({ method: 'PUT', target: `${location}?digest=${content.digest}` });
        expect(finished.status).toBe(201);
      }
      const blob = await client.send({ method: 'GET', target: `/v2/app/blobs/${content.digest}` });
      expect(blob.body.equals(content.bytes)).toBe(true);
    }
    client.close();
  },
);
