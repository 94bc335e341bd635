import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type RunningServer, startServer } from '@zot-artifact-store/testkit';
import { Client } from '@zot-artifact-store/testkit/fault/client.ts';
import { processTree } from '@zot-artifact-store/testkit/fault/process-tree.ts';
import { Random } from '@zot-artifact-store/testkit/fault/random.ts';
import { afterEach, beforeEach, expect, it } from 'vitest';

const MEBIBYTE = 1024 * 1024;
const UPLOADS = 8;
const UPLOAD_MEBIBYTES = 200;
const SLOW_CLIENTS = 200;
/** For each worker, its code and its caches included; the bodies are six times as much. */
const MOST_BYTES = 250 * MEBIBYTE;
/** What has arrived of an upload, or waits to be taken by a reader, and their connections. */
const MOST_BYTES_PER_SLOW_CLIENT = 512 * 1024;

let folder = '';
let server: RunningServer;
let sockets: Socket[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'zas-memory-'));
  server = await startServer({ dataDir: join(folder, 'data'), workers: 2 });
});
afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  sockets = [];
  await server.kill('SIGKILL');
  await rm(folder, { recursive: true, force: true });
});

/** The most memory a process has ever had, as the kernel counted. */
async function peakBytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024;
}

/** No two uploads have the same bytes. */
async function* body(upload: number, hash: ReturnType<typeof createHash>) {
  const bytes = new Random(`memory ${upload}`).bytes(MEBIBYTE);
  for (let piece = 0; piece < UPLOAD_MEBIBYTES; piece++) {
    bytes.writeUInt32LE(piece);
    hash.update(bytes);
    yield Buffer.from(bytes);
  }
}

async function push(upload: number): Promise<string> {
  const client = new Client(server);
  const hash = createHash('sha256');
  const { headers } = await client.send({ method: 'POST', target: '/v2/app/blobs/uploads/' });
  const location = headers.location ?? '';
  const octets = { 'content-type': 'application/octet-stream' };
  await client.send({
    method: 'PATCH',
    target: location,
    headers: octets,
    body: body(upload, hash),
    isChunked: true,
  });
  const digest = `sha256:${hash.digest('hex')}`;
  const { status } = await client.send({ method: 'PUT', target: `${location}?digest=${digest}` });
  expect(status).toBe(201);
  client.close();
  return digest;
}

/** A connection that asks for something and then neither sends nor takes any more. */
async function stall(head: string, sent: Uint8Array = Buffer.alloc(0)): Promise<void> {
  const { port } = new URL(server.url);
  const socket = connect(Number(port), '127.0.0.1');
  socket.on('error', () => undefined);
  sockets.push(socket);
  socket.pause();
  await new Promise<void>((resolve) => {
    socket.write(`${head}\r\nhost: a\r\nauthorization: ${server.rootAuthorization}\r\n\r\n`);
    socket.write(sent, () => resolve());
  });
}

it('stays within its memory under large bodies and many slow clients', { timeout: 300_000 }, async () => {
  const [, ...workers] = await processTree(server.pid);
  expect(workers).toHaveLength(2);
  const [first] = await Promise.all(Array.from({ length: UPLOADS }, (_, index) => push(index)));
  for (const pid of workers) expect(await peakBytes(pid)).toBeLessThan(MOST_BYTES);

  for (let client = 0; client < SLOW_CLIENTS; client++) {
    // A part of a body of unknown end, and a reader of a large blob who does not read.
    await stall(
      `POST /v2/app/blobs/uploads/?digest=sha256:${'0'.repeat(64)} HTTP/1.1\r\ntransfer-encoding: chunked`,
      Buffer.concat([Buffer.from('10000\r\n'), Buffer.alloc(60_000)]),
    );
    await stall(`GET /v2/app/blobs/${first} HTTP/1.1`);
  }
  await Promise.all([push(UPLOADS), push(UPLOADS + 1)]);
  for (const pid of workers) {
    expect(await peakBytes(pid)).toBeLessThan(MOST_BYTES + SLOW_CLIENTS * MOST_BYTES_PER_SLOW_CLIENT);
  }
});
