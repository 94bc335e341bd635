import { once } from 'node:events';
import { createServer, request } from 'node:http';
import { pipeline } from 'node:stream/promises';

export interface RewritingProxy extends AsyncDisposable {
  /** host:port */
  readonly registry: string;
}

/** Passes everything on to `registry` and back, with the request target as `rewrite` wants it. */
export async function startProxy(
  registry: string,
  rewrite: (target: string) => string,
): Promise<RewritingProxy> {
  const [host, port] = registry.split(':');
  const server = createServer((incoming, outgoing) => {
    const onward = request(
      {
        host,
        port,
        method: incoming.method,
        path: rewrite(incoming.url ?? '/'),
        headers: incoming.headers,
        agent: false,
      },
      (answer) => {
        outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
        pipeline(answer, outgoing).catch(() => outgoing.destroy());
      },
    );
    onward.on('error', () => outgoing.destroy());
    pipeline(incoming, onward).catch(() => outgoing.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the proxy has no port');
  return {
    registry: `127.0.0.1:${address.port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
