import { setTimeout as wait } from 'node:timers/promises';
import type { RunningServer } from '../server-launcher.ts';
import { Client, ConnectionLost } from './client.ts';
import { DEFAULT_CLIENTS, explained, type FaultRun, verifyAll, withServer } from './fault-run.ts';
import { killAll, processTree } from './process-tree.ts';
import type { Random } from './random.ts';
import { checkStore, readConfig } from './store-check.ts';
import { Violation } from './violation.ts';
import type { Actor } from './workload.ts';

export interface WorkerKillReport {
  /** Requests whose connection ended with a worker. */
  readonly lostRequests: number;
}

const MAX_LIFE_MS = 900;
/** A client gives up when so many of its requests in a row get no answer. */
const MAX_TRIES = 20;
const RETRY_AFTER_MS = 50;

/**
 * Kills single workers of one server at random moments, while clients go on and repeat what got no answer. The server
 * must stay, start each worker again, keep what it acknowledged, and stop cleanly at the end.
 */
export async function runWorkerKills(
  run: FaultRun,
  { kills }: { readonly kills: number },
): Promise<WorkerKillReport> {
  const checked = await readConfig(run.config);
  let lostRequests = 0;
  await explained(run, `${kills} workers killed`, async () => {
    await withServer(run, async (server) => {
      const end = new AbortController();
      const acting = startActing(server, run, { signal: end.signal, onLost: () => (lostRequests += 1) });
      const killing = killWorkers(server, run, kills).finally(() => end.abort());
      await Promise.all([killing, acting]);
      await verifyAll(server, run, { isLast: true });
      await server.stop();
    });
    await checkStore(checked);
  });
  return { lostRequests };
}

async function killWorkers(
  server: RunningServer,
  { random, workers }: FaultRun,
  kills: number,
): Promise<void> {
  const choices = random.fork('kills');
  for (let kill = 1; kill <= kills; kill++) {
    await wait(choices.integer(50, MAX_LIFE_MS));
    const [, ...alive] = await processTree(server.pid);
    const victim = choices.pick(alive);
    if (victim !== undefined) killAll([victim]);
    await untilAllServe(server, workers);
  }
}

/** Every process begins the ids of its requests in its own way, and new connections go to all of them in turn. */
async function untilAllServe(server: RunningServer, workers: number): Promise<void> {
  for (;;) {
    const serving = new Set<string>();
    for (let request = 0; request < 3 * workers; request++) {
      const client = new Client(server);
      try {
        const { headers } = await client.send({ method: 'GET', target: '/livez' });
        serving.add(headers['x-request-id']?.split('-')[0] ?? '');
      } catch (error) {
        if (!(error instanceof ConnectionLost)) throw error;
      } finally {
        client.close();
      }
    }
    if (serving.size >= workers) return;
    await wait(RETRY_AFTER_MS);
  }
}

async function startActing(
  server: RunningServer,
  { workloads, random, clients = DEFAULT_CLIENTS }: FaultRun,
  how: { readonly signal: AbortSignal; onLost(): void },
): Promise<void> {
  const actors = workloads.flatMap((workload) => workload.actors);
  await Promise.all(
    Array.from({ length: clients }, (_, index) =>
      actOnAndOn(server, actors, { ...how, random: random.fork(`client ${index}`) }),
    ),
  );
}

async function actOnAndOn(
  server: RunningServer,
  actors: readonly Actor[],
  { random, signal, onLost }: { readonly random: Random; readonly signal: AbortSignal; onLost(): void },
): Promise<void> {
  const client = new Client(server);
  let tries = 0;
  try {
    while (!signal.aborted) {
      try {
        await random.weighted(actors)?.act({ client, random });
        tries = 0;
      } catch (error) {
        if (!(error instanceof ConnectionLost)) throw error;
        onLost();
        tries += 1;
        if (tries >= MAX_TRIES) throw new Violation('the server does not come back', { cause: error });
        await wait(RETRY_AFTER_MS * tries);
      }
    }
  } finally {
    client.close();
  }
}
