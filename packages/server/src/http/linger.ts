import type { IncomingMessage, ServerResponse } from 'node:http';

/** A client that is still sending has noticed its answer when it sends nothing for so long, ... */
const IDLE_MS = 500;
/** ... and may take so long to notice it. */
const LINGER_MS = 5_000;

/**
 * Ends a response whose request body nobody wants. Closing a socket with unread bytes in it makes the kernel send a
 * reset, which can wipe the answer from the client's buffer before it is read, and breaks the sending of a client that
 * looks for an answer only after it has sent everything. So the whole answer is out already, what still comes is read
 * past, and the connection ends when the client stops sending, hangs up or its time is over.
 */
export async function linger(request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (!response.destroyed && !request.complete) await waitForClient(request, response);
  response.end();
}

function waitForClient(request: IncomingMessage, response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const settle = (): void => {
      clearTimeout(idle);
      clearTimeout(deadline);
      request.off('data', onData);
      request.off('end', settle);
      request.off('close', settle);
      response.off('close', settle);
      resolve();
    };
    const idle = setTimeout(settle, IDLE_MS);
    const deadline = setTimeout(settle, LINGER_MS);
    const onData = (): void => void idle.refresh();
    request.on('data', onData);
    request.on('end', settle);
    request.on('close', settle);
    response.on('close', settle);
    request.resume();
  });
}
