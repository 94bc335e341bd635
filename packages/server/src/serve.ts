import { flushCompileCache, getCompileCacheDir } from 'node:module';
import type { Logger } from 'pino';
import type { ServeOptions } from './cli/services.ts';
import { stopWithNpm } from './cluster/parent-watch.ts';
import { readinessLine } from './cluster/readiness-line.ts';
import { DRAIN_DEADLINE_MS, onStopSignal } from './cluster/stop-signals.ts';
import { lockDataFolders } from './composition/data-folders.ts';
import type { Config } from './config/config.ts';
import { EXIT_STORAGE_FAILED, failStop, failUncaught } from './process-failure.ts';
import type { WorkerSetup } from './worker.ts';

/** What comes after the requests: background work, extensions, stores. */
const CLOSING_DEADLINE_MS = 20_000;
/** Twice the default: file calls and hashing wait for each other in this pool. */
const THREAD_POOL_SIZE = '8';
/** After the end nothing should keep the process; should something, it does not keep it for long. */
const LINGER_MS = 1_000;

/**
 * Serves until SIGTERM or SIGINT. Resolves when everything has been finished and closed; rejects when the server
 * cannot start or had to end. The data folders are locked by this process, the workers live under its locks.
 */
export async function serve(config: Config, { log, print }: ServeOptions): Promise<void> {
  process.env.UV_THREADPOOL_SIZE ??= THREAD_POOL_SIZE;
  const folders = await lockDataFolders(config);
  const offNpm = stopWithNpm(process.env);
  const { keepRootPassword } = await import('./extensions/rbac/identity/password/root-password.ts');
  try {
    if (config.access.rootPassword === undefined) await keepRootPassword(config.access.rootPasswordPath);
    const announce = (port: number): void => {
      print(describeReadiness(config, port));
      log.info({ address: config.http.address, port, workers: config.workers }, 'serving');
      flushCompileCache();
    };
    if (config.workers === 1) await serveAlone(config, { log, announce });
    else await serveWithWorkers(config, { log, announce });
    log.info('stopped');
  } finally {
    offNpm();
    for (const folder of folders) folder.close();
    setTimeout(() => process.exit(), LINGER_MS).unref();
  }
}

interface RunOptions {
  readonly log: Logger;
  announce(port: number): void;
}

async function serveAlone(config: Config, { log, announce }: RunOptions): Promise<void> {
  const stopped = Promise.withResolvers<void>();
  const offSignals = onStopSignal((signal) => {
    log.info({ signal }, 'stopping');
    stopped.resolve();
  });
  const offUncaught = failUncaught(log);
  try {
    const { compose } = await import('./compose.ts');
    const app = await compose(config, {
      log,
      workerId: 'main',
      onFatal: failStop(log),
      serverStartedAtMs: Date.now(),
    });
    try {
      const { port } = await app.listen(config.http.port);
      announce(port);
      await stopped.promise;
    } finally {
      await app.close({ deadlineMs: DRAIN_DEADLINE_MS });
    }
  } finally {
    offUncaught();
    offSignals();
  }
}

async function serveWithWorkers(config: Config, { log, announce }: RunOptions): Promise<void> {
  const { FatalWorkerExit, Supervisor } = await import('./cluster/supervisor.ts');
  const entry = import.meta.url.endsWith('.ts') ? './worker.ts' : './worker.js';
  const supervisor = new Supervisor({
    workers: config.workers,
    entry: new URL(entry, import.meta.url),
    setup: { config, serverStartedAtMs: Date.now() } satisfies WorkerSetup,
    port: config.http.port,
    env: workerEnvironment(),
    fatalExitCode: EXIT_STORAGE_FAILED,
    log,
  });
  const offSignals = onStopSignal(
    (signal) => {
      log.info({ signal }, 'stopping');
      supervisor.stop(DRAIN_DEADLINE_MS + CLOSING_DEADLINE_MS);
    },
    () => supervisor.killAll(),
  );
  try {
    const port = await supervisor.start();
    // 0: stopped before it started.
    if (port > 0) announce(port);
    await supervisor.ended();
  } catch (error) {
    if (!(error instanceof FatalWorkerExit)) throw error;
    log.fatal({ err: error }, 'server ended');
    process.exit(EXIT_STORAGE_FAILED);
  } finally {
    offSignals();
  }
}

function workerEnvironment(): Record<string, string> {
  const cache = getCompileCacheDir();
  return {
    UV_THREADPOOL_SIZE: process.env.UV_THREADPOOL_SIZE ?? THREAD_POOL_SIZE,
    ...(cache === undefined ? {} : { NODE_COMPILE_CACHE: cache }),
  };
}

function describeReadiness({ http, storage, access }: Config, port: number): string {
  return readinessLine({
    isTls: http.tls !== undefined,
    host: http.address,
    port,
    dataFolder: storage.volumes[0].rootDirectory,
    rootPasswordPath: access.rootPassword === undefined ? access.rootPasswordPath : undefined,
  });
}
