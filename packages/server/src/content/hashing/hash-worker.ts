import { parentPort } from 'node:worker_threads';
import type { HashReply, HashRequest } from './hash-messages.ts';
import { type RunningHash, startHash } from './running-hash.ts';

if (parentPort === null) throw new Error('the hash worker runs only as a worker thread');
const port = parentPort;
const hashes = new Map<number, RunningHash>();

port.on('message', (request: HashRequest) => {
  const { stream } = request;
  switch (request.do) {
    case 'start':
      hashes.set(stream, startHash(request.algorithm));
      return;
    case 'bytes':
      hashes.get(stream)?.update(request.bytes);
      port.postMessage({ done: 'hashed', stream } satisfies HashReply);
      return;
    case 'digest': {
      const hex = hashes.get(stream)?.hex() ?? '';
      hashes.delete(stream);
      port.postMessage({ done: 'digest', stream, hex } satisfies HashReply);
      return;
    }
    case 'drop':
      hashes.delete(stream);
      return;
  }
});
