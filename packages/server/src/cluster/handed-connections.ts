import type { ChildProcess } from 'node:child_process';

/** What node:cluster sends along with a connection; not documented, the same since its beginning. */
interface Handing {
  readonly cmd: 'NODE_CLUSTER';
  readonly act: 'newconn';
  readonly seq: number;
}

interface Connection {
  close(): void;
}

/**
 * The connections that the main process handed to a worker and that the worker has not taken yet. When a worker is
 * killed at that moment node:cluster forgets them: they stay open and nobody serves them, so their clients would wait for
 * ever. Closed, they are what every client knows: a connection that ended before the answer, to be tried again.
 */
export class HandedConnections {
  readonly #waiting = new Map<number, Connection>();

  /** Follows what cluster sends to `worker` from now on. */
  constructor(worker: ChildProcess) {
    const send = worker.send.bind(worker) as (...args: unknown[]) => boolean; // one of its overloads
    worker.send = (...args: unknown[]) => {
      const [message, handle] = args;
      if (isHanding(message) && isConnection(handle)) this.#waiting.set(message.seq, handle);
      return send(...args);
    };
    worker.on('internalMessage', (message: unknown) => {
      const ack =
        typeof message === 'object' && message !== null && 'ack' in message ? message.ack : undefined;
      if (typeof ack === 'number') this.#waiting.delete(ack);
    });
  }

  /** To be called once the worker has ended. */
  close(): void {
    for (const connection of this.#waiting.values()) connection.close();
    this.#waiting.clear();
  }
}

function isHanding(message: unknown): message is Handing {
  if (typeof message !== 'object' || message === null) return false;
  return Reflect.get(message, 'cmd') === 'NODE_CLUSTER' && Reflect.get(message, 'act') === 'newconn';
}

function isConnection(handle: unknown): handle is Connection {
  return typeof handle === 'object' && handle !== null && typeof Reflect.get(handle, 'close') === 'function';
}
