import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type RunningServer, startServer } from '@zot-artifact-store/testkit';
import { clientPath } from './clients.ts';

export interface Run {
  readonly stdout: string;
  readonly stderr: string;
}

/** A started server, a scratch folder that is also HOME, and logged-in clients. */
export interface Session {
  /** host:port */
  readonly registry: string;
  readonly url: string;
  readonly user: string;
  readonly password: string;
  readonly folder: string;
  /** Runs a client to its end; throws with its output when it exits non-zero. */
  run(command: string, args: readonly string[], options?: { readonly cwd?: string }): Promise<Run>;
  /** Runs a client that must be refused; returns what it said. */
  mustFail(command: string, args: readonly string[]): Promise<Run>;
  close(): Promise<void>;
}

export const USER = 'root';
const PASSWORD = 'correct-horse-battery-staple';

export async function openSession(): Promise<Session> {
  const folder = await mkdtemp(join(tmpdir(), 'zas-interop-'));
  const server: RunningServer = await startServer({
    dataDir: join(folder, 'data'),
    env: { ZAS_ROOT_USER: USER, ZAS_ROOT_PASSWORD: PASSWORD },
  });
  const registry = new URL(server.url).host;
  await writeFile(
    join(folder, 'auth.json'),
    JSON.stringify({
      auths: { [registry]: { auth: Buffer.from(`${USER}:${PASSWORD}`).toString('base64') } },
    }),
  );
  const env = {
    PATH: clientPath(),
    HOME: folder,
    XDG_RUNTIME_DIR: folder,
    XDG_CONFIG_HOME: join(folder, 'config'),
    XDG_CACHE_HOME: join(folder, 'cache'),
    XDG_DATA_HOME: join(folder, 'share'),
    REGISTRY_AUTH_FILE: join(folder, 'auth.json'),
    DOCKER_CONFIG: folder,
    TMPDIR: folder,
  };
  await writeFile(
    join(folder, 'config.json'),
    JSON.stringify({
      auths: { [registry]: { auth: Buffer.from(`${USER}:${PASSWORD}`).toString('base64') } },
    }),
  );
  const execute = (command: string, args: readonly string[], cwd: string) =>
    new Promise<Run & { readonly status: number | null }>((resolve, reject) => {
      const child = spawn(command, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
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
    registry,
    url: server.url,
    user: USER,
    password: PASSWORD,
    folder,
    async run(command, args, options = {}) {
      const result = await execute(command, args, options.cwd ?? folder);
      if (result.status !== 0) {
        throw new Error(
          `${command} ${args.join(' ')} exited ${result.status}\n${result.stdout}${result.stderr}\nserver log:\n${server.logs().slice(-4000)}`,
        );
      }
      return result;
    },
    async mustFail(command, args) {
      const result = await execute(command, args, folder);
      if (result.status === 0) throw new Error(`${command} ${args.join(' ')} succeeded:\n${result.stdout}`);
      return result;
    },
    async close() {
      await server.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
