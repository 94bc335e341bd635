import { parentPort } from 'node:worker_threads';
import { verifyShaCrypt } from './sha-crypt.ts';

/** One password to check; the answer is a message with the same id. */
export interface ShaCryptQuestion {
  readonly id: number;
  readonly password: string;
  readonly hash: string;
}

export interface ShaCryptAnswer {
  readonly id: number;
  readonly isRight: boolean;
}

if (parentPort === null) throw new Error('the SHA-crypt worker runs only as a worker thread');
const port = parentPort;

port.on('message', ({ id, password, hash }: ShaCryptQuestion) => {
  port.postMessage({ id, isRight: verifyShaCrypt(password, hash) } satisfies ShaCryptAnswer);
});
