import { connect } from 'node:net';
import { type RunningServer, startServer } from '@zot-artifact-store/testkit';
import { killAll, processTree } from '@zot-artifact-store/testkit/fault/process-tree.ts';
import { afterEach, expect, it } from 'vitest';

let server: RunningServer | undefined;

afterEach(async () => {
  await server?.kill('SIGKILL');
  server = undefined;
});

it('leaves no client waiting whose connection went to a worker that is killed', async () => {
  server = await startServer({ workers: 2 });
  const [, victim = 0, other = 0] = await processTree(server.pid);
  const port = Number(new URL(server.url).port);
  // It is given connections, and does not take them.
  process.kill(victim, 'SIGSTOP');
  const ended = Array.from({ length: 6 }, async () => {
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => undefined);
    socket.end('GET /livez HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n');
    socket.resume();
    await new Promise((resolve) => socket.once('close', resolve));
  });
  await Promise.any(ended);
  killAll([victim]);
  await Promise.all(ended);
  expect(await processTree(server.pid)).toContain(other);
});
