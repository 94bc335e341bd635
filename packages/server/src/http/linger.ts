import type { IncomingMessage, ServerResponse } from 'node:http';
import { MAX_DRAINED_BYTES } from './exchange.ts';

/** How long a client that is still sending may take to notice its answer. */
const LINGER_MS = 500;

/**
 * Ends a response whose request body nobody wants. Closing a socket with unread bytes in it makes the kernel send a
 * reset, which can wipe the answer from the client's buffer before it is read; so the whole answer is out already, a
 * little more of the body is read past, and the connection ends when the client hangs up or its time is over.
 */
export async function linger(request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (!response.destroyed && !request.complete) await waitForClient(request, response);
  response.end();
}

function waitForClient(request: IncomingMessage, response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    let discardedBytes = 0;
    const onData = (chunk: Buffer): void => {
      discardedBytes += chunk.length;
      if (discardedBytes > MAX_DRAINED_BYTES) request.pause();
    };
    const settle = (): void => {
      clearTimeout(timer);
      request.off('data', onData);
      request.off('end', settle);
      request.off('close', settle);
      response.off('close', settle);
      resolve();
    };
    const timer = setTimeout(settle, LINGER_MS);
    request.on('data', onData);
    request.on('end', settle);
    request.on('close', settle);
    response.on('close', settle);
    request.resume();
  });
}
