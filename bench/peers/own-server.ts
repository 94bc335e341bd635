import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type RunningServer, startServer } from '@zot-artifact-store/testkit';
import type { Contender } from './contender.ts';
import { OPEN_CONFIG } from './open-config.ts';

/** This repository's server, from its sources, with one worker per core unless told otherwise. */
export function ownServer({ workers }: { readonly workers?: number | undefined }): Contender {
  return {
    name: 'ours',
    description: `this repository on Node ${process.versions.node}, ${workers ?? 'one'} worker${
      workers === undefined ? ' per core' : '(s)'
    }, durability full, access log to a file`,
    async start() {
      const folder = await mkdtemp(join(tmpdir(), 'zas-bench-'));
      const server = await startOwn({ folder, workers });
      return {
        url: server.url,
        access: {
          accessKeyId: server.rootUser,
          secretAccessKey: server.rootPassword,
          region: 'us-east-1',
        },
        pid: server.pid,
        async stop() {
          await server.stop();
          await rm(folder, { recursive: true, force: true });
        },
      };
    },
  };
}

/** Starts the server with its data in a folder that stays. */
export function startOwn({
  folder,
  workers,
}: {
  readonly folder: string;
  readonly workers?: number | undefined;
}): Promise<RunningServer> {
  return startServer({
    config: OPEN_CONFIG,
    dataDir: join(folder, 'data'),
    logPath: join(folder, 'log'),
    ...(workers === undefined ? {} : { workers }),
  });
}
