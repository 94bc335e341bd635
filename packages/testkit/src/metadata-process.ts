import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { ChildReply, ChildRequest } from './metadata-child.ts';

type Question = ChildRequest extends infer Each ? (Each extends unknown ? Omit<Each, 'id'> : never) : never;

export interface MetadataProcess {
  readonly child: ChildProcess;
  /** Rejects with an Error whose message is the StoreError's kind. */
  ask(question: Question): Promise<string | undefined>;
  onAcknowledged(listener: (row: readonly [number, number, number]) => void): void;
  /** Resolves when the process has ended. */
  kill(): Promise<void>;
}

export interface MetadataProcessOptions {
  readonly path: string;
  /** No file of the child may grow past this: what a full disk is to it, without one. */
  readonly maxFileBytes?: number;
}

/** Starts a process of its own on the LMDB store at `path`. */
export async function startMetadataProcess({
  path,
  maxFileBytes,
}: MetadataProcessOptions): Promise<MetadataProcess> {
  const script = fileURLToPath(new URL('./metadata-child.ts', import.meta.url));
  const limit = maxFileBytes === undefined ? '' : `ulimit -f ${Math.floor(maxFileBytes / 512)};`;
  const child = spawn('sh', ['-c', `${limit} exec "$0" "$@"`, process.execPath, script, path], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const asked = new Map<number, { resolve(value: string | undefined): void; reject(error: Error): void }>();
  let acknowledged: (row: readonly [number, number, number]) => void = () => {};
  let nextId = 0;
  const { promise: ready, resolve: onReady, reject: onDead } = Promise.withResolvers<void>();
  child.on('message', (reply: ChildReply) => {
    if ('ready' in reply) onReady();
    else if ('acknowledged' in reply) acknowledged(reply.acknowledged);
    else if (reply.error === undefined) asked.get(reply.id)?.resolve(reply.value);
    else asked.get(reply.id)?.reject(new Error(reply.error));
  });
  child.once('exit', (code, signal) => {
    const error = new Error(`the process ended (${code ?? signal})`);
    onDead(error);
    for (const { reject } of asked.values()) reject(error);
  });
  await ready;
  return {
    child,
    ask(question) {
      const id = nextId++;
      child.send({ ...question, id });
      return new Promise((resolve, reject) => asked.set(id, { resolve, reject }));
    },
    onAcknowledged(listener) {
      acknowledged = listener;
    },
    async kill() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      await ended;
    },
  };
}
