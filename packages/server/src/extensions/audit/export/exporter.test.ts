import { createHmac } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer as createTlsServer } from 'node:tls';
import pino from 'pino';
import { generate } from 'selfsigned';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MemoryMetadataStore } from '../../../metadata/memory/memory-metadata-store.ts';
import { signingKey } from '../trail/signing-key.ts';
import { StreamWriter } from '../trail/stream-writer.ts';
import type { Destination, ExportedRecord } from './destination.ts';
import { runExport } from './exporter.ts';
import { fileDestination } from './file-destination.ts';
import { readTrouble } from './progress.ts';
import { syslogDestination } from './syslog-destination.ts';
import { webhookDestination } from './webhook-destination.ts';
import { zotLine } from './zot-line.ts';

let folder = '';
let metadata: MemoryMetadataStore;
let writer: StreamWriter;
const log = pino({ level: 'silent' });

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'zas-export-'));
  metadata = new MemoryMetadataStore();
  await metadata.open();
  writer = await StreamWriter.open({
    folder,
    stream: 'main',
    metadata,
    key: signingKey(new Uint8Array(32)),
    clock: Date,
    log,
    rotateBytes: 4096,
    keepFiles: 100,
    checkpointRecords: 1000,
    checkpointMs: 60_000,
    syncEach: false,
  });
});
afterEach(async () => {
  await writer.close();
  await rm(folder, { recursive: true, force: true });
});

async function write(from: number, to: number): Promise<void> {
  for (let nth = from; nth <= to; nth++) {
    await writer.append({
      type: 'request',
      time: new Date().toISOString(),
      result: 'done',
      event: 'change',
      nth,
    });
  }
}

/** Keeps what it gets, and fails as often as it is told to. */
class Collector implements Destination {
  readonly numbers: number[] = [];
  failures = 0;
  #onDelivered: () => void = () => {};

  async deliver(records: readonly ExportedRecord[]): Promise<void> {
    if (this.failures > 0) {
      this.failures -= 1;
      throw new Error('not now');
    }
    for (const { record } of records) if (typeof record.nth === 'number') this.numbers.push(record.nth);
    this.#onDelivered();
  }

  async has(nth: number): Promise<void> {
    while (!this.numbers.includes(nth)) {
      await new Promise<void>((resolve) => {
        this.#onDelivered = resolve;
      });
    }
  }

  async close(): Promise<void> {}
}

function start(destination: Destination): { stop(): Promise<void> } {
  const stopping = new AbortController();
  const options = { name: 'out', folder, metadata, clock: Date, log, open: async () => destination };
  const running = runExport(options, stopping.signal);
  return {
    async stop() {
      stopping.abort();
      await running;
    },
  };
}

const range = (from: number, to: number): number[] =>
  Array.from({ length: to - from + 1 }, (_, index) => from + index);

describe('an export', () => {
  it('sends everything once and in order, over all files, and goes on where it was', async () => {
    await write(1, 60);
    const first = new Collector();
    const running = start(first);
    await first.has(60);
    await write(61, 70);
    await first.has(70);
    await running.stop();
    expect(first.numbers).toEqual(range(1, 70));

    await write(71, 75);
    const second = new Collector();
    const again = start(second);
    await second.has(75);
    await again.stop();
    expect(second.numbers).toEqual(range(71, 75));
  });

  it('tries again what was not taken, and says so meanwhile', async () => {
    await write(1, 5);
    const collector = new Collector();
    collector.failures = 1;
    const running = start(collector);
    await collector.has(5);
    await running.stop();
    expect(collector.numbers).toEqual(range(1, 5));

    collector.failures = Number.POSITIVE_INFINITY;
    await write(6, 6);
    const troubled = start(collector);
    let trouble = await readTrouble(metadata, 'out');
    while (trouble === undefined) {
      await new Promise((resolve) => setImmediate(resolve));
      trouble = await readTrouble(metadata, 'out');
    }
    expect(trouble.message).toBe('not now');
    await troubled.stop();
  });

  it('appends the changes to a file in the form of zot', async () => {
    const path = join(folder, 'logs', 'zot.log');
    const file = fileDestination({ path, lineOf: zotLine });
    const record = {
      type: 'request',
      time: '2026-01-01T00:00:00.000Z',
      result: 'done',
      who: { name: 'alice' },
      from: { address: '192.0.2.1' },
      request: { id: 'r', method: 'PUT', path: '/v2/a', status: 201, operation: 'oci.PutManifest' },
    };
    const refused = { ...record, result: 'refused' };
    await file.deliver(
      [
        { text: '', record },
        { text: '', record: refused },
        { text: '', record: {} },
      ],
      signal,
    );
    const lines = (await readFile(path, 'utf8')).trimEnd().split('\n');
    expect(lines).toHaveLength(1);
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({
      component: 'session',
      clientIP: '192.0.2.1',
      subject: 'alice',
      action: 'PUT',
      object: '/v2/a',
      message: 'HTTP API Audit',
    });
  });
});

const RECORD: ExportedRecord = {
  text: '{"event":"login-failed","result":"refused"}',
  record: { event: 'login-failed', result: 'refused', time: '2026-01-01T00:00:00.000Z' },
};
const MESSAGE =
  /^<109>1 2026-01-01T00:00:00\.000Z \S+ zas \d+ login-failed - \ufeff\{"event":"login-failed","result":"refused"\}$/;
const signal = new AbortController().signal;

async function listening(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

describe('syslog', () => {
  it('gets a datagram for each record over UDP', async () => {
    const socket = createSocket('udp4');
    socket.bind(0, '127.0.0.1');
    await once(socket, 'listening');
    const url = new URL(`udp://127.0.0.1:${socket.address().port}`);
    const destination = syslogDestination({ url, facility: 13 });
    const got = once(socket, 'message');
    await destination.deliver([RECORD], signal);
    const [message] = (await got) as [Buffer];
    expect(message.toString()).toMatch(MESSAGE);
    await destination.close();
    socket.close();
  });

  it.each(['tcp', 'tls'] as const)(
    'gets counted frames over %s, also after the collector restarted',
    async (scheme) => {
      const certificate = await generate([{ name: 'commonName', value: 'localhost' }], {
        extensions: [{ name: 'subjectAltName', altNames: [{ type: 2, value: 'localhost' }] }],
      });
      let received = '';
      const sockets: Socket[] = [];
      let onData = (): void => {};
      const onConnection = (socket: Socket): void => {
        sockets.push(socket);
        socket.on('error', () => {});
        socket.on('data', (chunk) => {
          received += chunk.toString();
          onData();
        });
      };
      const server =
        scheme === 'tcp'
          ? createTcpServer(onConnection)
          : createTlsServer({ cert: certificate.cert, key: certificate.private }, onConnection);
      const port = await listening(server);
      const url = new URL(`${scheme}://localhost:${port}`);
      const destination = syslogDestination({ url, facility: 13, ca: certificate.cert });
      const frames = async (count: number): Promise<string[]> => {
        for (;;) {
          const found = [...received.matchAll(/(\d+) (<[\s\S]*?\})(?=\d+ <|$)/g)];
          if (found.length >= count) {
            for (const [, size, text = ''] of found) expect(Buffer.byteLength(text)).toBe(Number(size));
            return found.map(([, , text = '']) => text);
          }
          await new Promise<void>((resolve) => {
            onData = resolve;
          });
        }
      };
      await destination.deliver([RECORD, RECORD], signal);
      for (const frame of await frames(2)) expect(frame).toMatch(MESSAGE);

      const [socket] = sockets;
      socket?.destroy();
      // What is sent into a connection that just ended may be lost or refused; the exporter tries again.
      while (sockets.length < 2) {
        await destination.deliver([RECORD], signal).catch(() => {});
        await new Promise((resolve) => setImmediate(resolve));
      }
      await frames(3);
      await destination.close();
      server.close();
    },
  );

  it('does not talk to a collector whose certificate nobody vouches for', async () => {
    const certificate = await generate([{ name: 'commonName', value: 'localhost' }]);
    const server = createTlsServer({ cert: certificate.cert, key: certificate.private });
    server.on('tlsClientError', () => {});
    const port = await listening(server);
    const destination = syslogDestination({ url: new URL(`tls://localhost:${port}`), facility: 13 });
    await expect(destination.deliver([RECORD], signal)).rejects.toThrow(/self-signed/);
    server.close();
  });
});

describe('a webhook', () => {
  it('gets the records in one signed body, and answers with any 2xx', async () => {
    const requests: { readonly head: IncomingMessage; readonly body: string }[] = [];
    const statuses = [302, 500, 204];
    const server = createServer((request, response) => {
      let body = '';
      request.on('data', (chunk) => {
        body += chunk;
      });
      request.on('end', () => {
        requests.push({ head: request, body });
        response.writeHead(statuses[requests.length - 1] ?? 204, { location: '/elsewhere' }).end();
      });
    });
    const port = await listening(server);
    const tokenFile = join(folder, 'token');
    const secretFile = join(folder, 'secret');
    await writeFile(tokenFile, 'a-token\n');
    await writeFile(secretFile, 'a-secret\n');
    const destination = webhookDestination({ url: `http://127.0.0.1:${port}/audit`, tokenFile, secretFile });
    await expect(destination.deliver([RECORD], signal)).rejects.toThrow('302');
    await expect(destination.deliver([RECORD], signal)).rejects.toThrow('500');
    await destination.deliver([RECORD, RECORD], signal);
    const { head, body } = requests[2] ?? {};
    expect(JSON.parse(body ?? '')).toEqual({ records: [JSON.parse(RECORD.text), JSON.parse(RECORD.text)] });
    expect(head?.headers.authorization).toBe('Bearer a-token');
    const hmac = createHmac('sha256', 'a-secret')
      .update(body ?? '')
      .digest('hex');
    expect(head?.headers['x-zas-signature']).toBe(`sha256=${hmac}`);
    server.close();
    server.closeAllConnections();
  });
});
