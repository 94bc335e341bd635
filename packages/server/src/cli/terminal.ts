import { availableParallelism } from 'node:os';
import { StoreError } from '@zot-artifact-store/spec';
import type { Environment } from '../config/overrides.ts';

/** What a command gets of the process it runs in. */
export interface Terminal {
  readonly env: Environment;
  readonly cwd: string;
  readonly cores: number;
  /** Reports and the readiness line; a line break is added. */
  print(text: string): void;
  /** Sentences for people about what went wrong; a line break is added. */
  complain(text: string): void;
  /** The whole of standard input. Throws `argument-invalid` above MAX_INPUT_BYTES. */
  readInput(): Promise<string>;
}

/** What is read from standard input is a secret, a line. */
const MAX_INPUT_BYTES = 64 * 1024;

export function processTerminal(): Terminal {
  // Whoever read us went away (`zas config schema | head`): that is their right, and no reason to end with a stack.
  process.stdout.on('error', () => {});
  process.stderr.on('error', () => {});
  return {
    env: process.env,
    cwd: process.cwd(),
    cores: availableParallelism(),
    print: (text) => void process.stdout.write(`${text}\n`),
    complain: (text) => void process.stderr.write(`${text}\n`),
    readInput: () => readAll(process.stdin),
  };
}

async function readAll(input: AsyncIterable<Uint8Array>): Promise<string> {
  const pieces: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const piece of input) {
    sizeBytes += piece.length;
    if (sizeBytes > MAX_INPUT_BYTES) {
      throw new StoreError('argument-invalid', `Standard input has more than ${MAX_INPUT_BYTES} bytes.`);
    }
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString('utf8');
}
