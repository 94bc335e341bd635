import { availableParallelism } from 'node:os';
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
}

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
  };
}
