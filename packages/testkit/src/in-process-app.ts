import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import pino from 'pino';
import { type App, compose } from '../../server/src/compose.ts';
import { BUILT_IN_SECTIONS } from '../../server/src/composition/built-in-sections.ts';
import { lockDataFolders } from '../../server/src/composition/data-folders.ts';
import type { Config } from '../../server/src/config/config.ts';
import { loadConfig } from '../../server/src/config/load.ts';

export interface StartAppOptions {
  /** As in a config file; everything is kept in memory unless it names drivers. */
  readonly config?: Readonly<Record<string, unknown>>;
}

export interface RunningApp {
  readonly app: App;
  readonly config: Config;
  readonly url: string;
  /** For the `Authorization` header of root. */
  readonly rootAuthorization: string;
  /** Parsed log lines so far. */
  readonly lines: readonly Record<string, unknown>[];
  /** Throws when a driver had failed for good. */
  close(): Promise<void>;
}

const ROOT_PASSWORD = 'root-password-of-a-test';

/** The whole server with one worker inside this process, for wire tests that need no processes. */
export async function startApp(options: StartAppOptions = {}): Promise<RunningApp> {
  const scratch = await mkdtemp(join(tmpdir(), 'zas-app-'));
  const config = await effectiveConfig(options.config ?? {}, scratch);
  const lines: Record<string, unknown>[] = [];
  const log = pino({ level: config.log.level, base: null }, lineCollector(lines));
  const folders = await lockDataFolders(config);
  let fatal: unknown;
  const app = await compose(config, {
    serverStartedAtMs: Date.now(),
    log,
    workerId: 'test',
    onFatal: (error) => {
      fatal = error;
    },
  });
  const { port } = await app.listen(config.http.port);
  const scheme = config.http.tls === undefined ? 'http' : 'https';
  return {
    app,
    config,
    url: `${scheme}://127.0.0.1:${port}`,
    rootAuthorization: `Basic ${Buffer.from(`root:${ROOT_PASSWORD}`).toString('base64')}`,
    lines,
    async close() {
      await app.close({ deadlineMs: 1_000 });
      for (const folder of folders) folder.close();
      await rm(scratch, { recursive: true, force: true });
      if (fatal !== undefined) throw fatal;
    },
  };
}

async function effectiveConfig(given: Readonly<Record<string, unknown>>, scratch: string): Promise<Config> {
  const file = join(scratch, 'config.json');
  const storage = {
    rootDirectory: join(scratch, 'data'),
    metadataDriver: 'memory',
    blobDriver: 'memory',
    ...sectionOf(given, 'storage'),
  };
  await writeFile(file, JSON.stringify({ ...given, storage }));
  const loaded = await loadConfig({
    file,
    flags: { host: '127.0.0.1', port: '0' },
    env: { ZAS_ROOT_PASSWORD: ROOT_PASSWORD },
    cwd: scratch,
    cores: 1,
    sections: BUILT_IN_SECTIONS,
  });
  if (loaded.ok) return loaded.config;
  throw new Error(loaded.problems.map(({ place, message }) => `${place} ${message}`).join('\n'));
}

function sectionOf(config: Readonly<Record<string, unknown>>, name: string): object {
  const section = config[name];
  return typeof section === 'object' && section !== null ? section : {};
}

function lineCollector(lines: Record<string, unknown>[]): Writable {
  return new Writable({
    write(chunk, _encoding, done) {
      lines.push(JSON.parse(String(chunk)));
      done();
    },
  });
}
