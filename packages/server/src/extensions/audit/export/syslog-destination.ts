import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect as connectTcp, type Socket } from 'node:net';
import { hostname } from 'node:os';
import { connect as connectTls } from 'node:tls';
import type { Destination, ExportedRecord } from './destination.ts';
import { syslogMessage } from './syslog-message.ts';

export interface SyslogOptions {
  readonly url: URL;
  readonly facility: number;
  /** Certificates of authorities, in PEM. */
  readonly ca?: string;
}

const CONNECT_WITHIN_MS = 10_000;
/** A longer one cannot be sent; collectors cut them earlier. */
const MAX_DATAGRAM_BYTES = 60_000;

/**
 * A collector of RFC 5424. Over UDP a datagram for each record; over TCP and TLS counted frames (RFC 6587 3.4.1, RFC
 * 5425 4.3). Syslog has no answer: what the system took counts as delivered.
 */
export function syslogDestination(options: SyslogOptions): Destination {
  const messagesOf = (records: readonly ExportedRecord[]): readonly Buffer[] =>
    records.map((record) =>
      Buffer.from(syslogMessage(record, { facility: options.facility, hostName: hostname() })),
    );
  return options.url.protocol === 'udp:' ? overUdp(options.url, messagesOf) : overStream(options, messagesOf);
}

type Messages = (records: readonly ExportedRecord[]) => readonly Buffer[];

function overUdp(url: URL, messagesOf: Messages): Destination {
  let socket: UdpSocket | undefined;
  return {
    async deliver(records) {
      const open = socket ?? createSocket(hostOf(url).includes(':') ? 'udp6' : 'udp4');
      socket = open;
      for (const message of messagesOf(records)) {
        await new Promise<void>((resolve, reject) => {
          open.send(message.subarray(0, MAX_DATAGRAM_BYTES), Number(url.port), hostOf(url), (error) =>
            error ? reject(error) : resolve(),
          );
        });
      }
    },
    async close() {
      socket?.close();
      socket = undefined;
    },
  };
}

function overStream(options: SyslogOptions, messagesOf: Messages): Destination {
  let socket: Socket | undefined;
  const drop = (): void => {
    socket?.destroy();
    socket = undefined;
  };
  return {
    async deliver(records, signal) {
      if (socket === undefined || socket.destroyed || !socket.writable)
        socket = await connect(options, signal);
      const open = socket;
      const frames = messagesOf(records).flatMap((message) => [Buffer.from(`${message.length} `), message]);
      const failed = Promise.withResolvers<never>();
      const fail = (error?: Error): void =>
        failed.reject(error ?? new Error('the collector closed the connection'));
      const stop = (): void => fail(new Error('the server is stopping'));
      const closed = (): void => fail();
      open.once('error', fail).once('close', closed);
      signal.addEventListener('abort', stop, { once: true });
      try {
        const written = new Promise<void>((resolve, reject) => {
          open.write(Buffer.concat(frames), (error) => (error ? reject(error) : resolve()));
        });
        await Promise.race([written, failed.promise]);
      } catch (error) {
        drop();
        throw error;
      } finally {
        signal.removeEventListener('abort', stop);
        open.off('error', fail).off('close', closed);
      }
    },
    async close() {
      drop();
    },
  };
}

async function connect({ url, ca }: SyslogOptions, signal: AbortSignal): Promise<Socket> {
  const place = { host: hostOf(url), port: Number(url.port) };
  const isTls = url.protocol === 'tls:';
  const socket = isTls
    ? connectTls({ ...place, servername: place.host, ...(ca !== undefined && { ca }) })
    : connectTcp(place);
  // Between deliveries an error only means that the next one connects anew.
  socket.on('error', () => {});
  socket.unref();
  // A collector that closes is noticed only by reading.
  socket.resume();
  try {
    const within = AbortSignal.any([signal, AbortSignal.timeout(CONNECT_WITHIN_MS)]);
    await once(socket, isTls ? 'secureConnect' : 'connect', { signal: within });
    return socket;
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

/** Without the brackets of IPv6. */
function hostOf(url: URL): string {
  return url.hostname.replace(/^\[|\]$/g, '');
}
