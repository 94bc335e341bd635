import { spawn } from 'node:child_process';
import type { RunningServer } from '@zot-artifact-store/testkit';

export interface Run {
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly cwd?: string;
  /** On top of the environment every client gets. */
  readonly env?: Readonly<Record<string, string>>;
}

export interface ClientRunner {
  /** Runs a client to its end; throws with its output when it exits non-zero. */
  run(command: string, args: readonly string[], options?: RunOptions): Promise<Run>;
  /** Runs a client that must be refused; returns what it said. */
  mustFail(command: string, args: readonly string[], options?: RunOptions): Promise<Run>;
}

export function createRunner(
  server: RunningServer,
  folder: string,
  env: Readonly<Record<string, string>>,
): ClientRunner {
  const execute = (command: string, args: readonly string[], options: RunOptions) =>
    new Promise<Run & { readonly status: number | null }>((resolve, reject) => {
      const child = spawn(command, args, {
        cwd: options.cwd ?? folder,
        env: { ...env, ...options.env },
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      let stdout = '';
      let stderr = '';
      child.stdout.setEncoding('utf8').on('data', (text: string) => {
        stdout += text;
      });
      child.stderr.setEncoding('utf8').on('data', (text: string) => {
        stderr += text;
      });
      child.on('error', reject);
      child.on('close', (status) => resolve({ stdout, stderr, status }));
    });
  return {
    async run(command, args, options = {}) {
      const result = await execute(command, args, options);
      if (result.status !== 0) {
        throw new Error(
          `${command} ${args.join(' ')} exited ${result.status}\n${result.stdout}${result.stderr}\nserver log:\n${server.logs().slice(-4000)}`,
        );
      }
      return result;
    },
    async mustFail(command, args, options = {}) {
      const result = await execute(command, args, options);
      if (result.status === 0) throw new Error(`${command} ${args.join(' ')} succeeded:\n${result.stdout}`);
      return result;
    },
  };
}
