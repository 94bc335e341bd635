import { once } from 'node:events';
import { createServer, request } from 'node:http';
import { connect } from 'node:net';
import { pipeline } from 'node:stream/promises';

export interface NamingProxy extends AsyncDisposable {
  readonly url: string;
}

/**
 * A forward proxy to which every name is the loopback: clients reach `bucket.s3.localhost` without a name server, and
 * what they send, Host included, arrives as it is.
 */
export async function startNamingProxy(): Promise<NamingProxy> {
  const server = createServer((incoming, outgoing) => {
    const { port, pathname, search } = new URL(incoming.url ?? '/', 'http://unknown');
    const path = (incoming.url ?? '').replace(/^http:\/\/[^/]*/, '') || `${pathname}${search}`;
    const onward = request(
      { host: '127.0.0.1', port, method: incoming.method, path, headers: incoming.headers, agent: false },
      (answer) => {
        outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
        pipeline(answer, outgoing).catch(() => outgoing.destroy());
      },
    );
    onward.on('error', () => outgoing.destroy());
    pipeline(incoming, onward).catch(() => outgoing.destroy());
  });
  server.on('connect', (incoming, socket) => {
    const onward = connect(Number(incoming.url?.split(':').at(-1)), '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 Connection Established\r\n\r\n');
      pipeline(socket, onward, socket).catch(() => {
        socket.destroy();
        onward.destroy();
      });
    });
    onward.on('error', () => socket.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the proxy has no port');
  return {
    url: `http://127.0.0.1:${address.port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
