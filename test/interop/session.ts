import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type RunningServer, startServer } from '@zot-artifact-store/testkit';
import { type ClientRunner, createRunner } from './client-runner.ts';
import { clientPath } from './clients.ts';

/** A started server, a scratch folder that is also HOME, and logged-in clients. */
export interface Session extends ClientRunner {
  /** host:port */
  readonly registry: string;
  readonly url: string;
  readonly user: string;
  readonly password: string;
  readonly folder: string;
  close(): Promise<void>;
}

export const USER = 'root';
const PASSWORD = 'correct-horse-battery-staple';

export interface SessionOptions {
  /** The config file, given the scratch folder. */
  config?(folder: string): Promise<Readonly<Record<string, unknown>>>;
  /** Clients start without any credentials. */
  readonly isLoggedOut?: boolean;
}

export async function openSession(options: SessionOptions = {}): Promise<Session> {
  const folder = await mkdtemp(join(tmpdir(), 'zas-interop-'));
  const config = await options.config?.(folder);
  const server: RunningServer = await startServer({
    dataDir: join(folder, 'data'),
    ...(config && { config }),
    env: { ZAS_ROOT_USER: USER, ZAS_ROOT_PASSWORD: PASSWORD },
  });
  const registry = new URL(server.url).host;
  const logins = JSON.stringify({
    auths: { [registry]: { auth: Buffer.from(`${USER}:${PASSWORD}`).toString('base64') } },
  });
  if (!options.isLoggedOut) {
    await writeFile(join(folder, 'auth.json'), logins);
    await writeFile(join(folder, 'config.json'), logins);
  }
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
  return {
    ...createRunner(server, folder, env),
    registry,
    url: server.url,
    user: USER,
    password: PASSWORD,
    folder,
    async close() {
      await server.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
