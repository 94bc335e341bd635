import { setTimeout as wait } from 'node:timers/promises';
import { type RunningServer, StartFailed, startServer } from '../server-launcher.ts';
import { Client, ConnectionLost } from './client.ts';
import { DEFAULT_CLIENTS, explained, type FaultRun, verifyAll, withServer } from './fault-run.ts';
import { killAll, processTree } from './process-tree.ts';
import type { Random } from './random.ts';
import { checkStore, readConfig } from './store-check.ts';
import { Violation } from './violation.ts';
import type { Actor } from './workload.ts';

/** The moment of the kill after the first request; early ones meet a server that has just come up. */
const MAX_LIFE_MS = 900;
/** A start that is killed has not come far enough to be served by. */
const MAX_START_MS = 700;

/** How the end comes. */
type Death = 'all at once' | 'main process only' | 'while starting';

/**
 * Starts the server, lets everybody act, kills it at a random moment, checks the store, starts it again, and compares
 * what is there with what was acknowledged; over and over on one data folder. Throws a Violation that names the seed.
 */
export async function runKills(run: FaultRun, { kills }: { readonly kills: number }): Promise<void> {
  const { random, config } = run;
  const checked = await readConfig(config);
  for (let kill = 1; kill <= kills; kill++) {
    const round = { ...run, random: random.fork(String(kill)) };
    await explained(run, `kill ${kill}`, async () => {
      if (deathOf(round.random) === 'while starting') await killStart(round);
      await withServer(round, async (server) => {
        if (kill > 1) await verifyAll(server, round, { isLast: false });
        await actUntilKilled(server, round);
      });
      await checkStore(checked);
    });
  }
  await explained(run, 'at the end', async () => {
    await withServer(run, async (server) => {
      await verifyAll(server, run, { isLast: true });
      await server.stop();
    });
    await checkStore(checked);
  });
}

function deathOf(random: Random): Death {
  const choice = random.fork('death').fraction();
  if (choice < 0.15) return 'while starting';
  return choice < 0.35 ? 'main process only' : 'all at once';
}

async function killStart({ config, workers, random }: FaultRun): Promise<void> {
  const lifeMs = random.integer(0, MAX_START_MS);
  const killed = Promise.withResolvers<void>();
  const kill = async (pid: number): Promise<void> => {
    await wait(lifeMs);
    killAll(await processTree(pid));
  };
  try {
    const onSpawned = (pid: number) => void kill(pid).then(killed.resolve, killed.reject);
    const server = await startServer({ config, workers, onSpawned });
    await server.exited;
  } catch (error) {
    if (!(error instanceof StartFailed && error.exit.signal === 'SIGKILL')) throw error;
  }
  await killed.promise;
}

async function actUntilKilled(server: RunningServer, run: FaultRun): Promise<void> {
  const { workloads, random, clients = DEFAULT_CLIENTS } = run;
  const actors = workloads.flatMap((workload) => workload.actors);
  const end = new AbortController();
  const acting = Array.from({ length: clients }, (_, index) =>
    actUntilLost(server, actors, { random: random.fork(`client ${index}`), signal: end.signal }),
  );
  const broken = Promise.all(acting);
  broken.catch(() => undefined);
  const [main = server.pid, ...others] = await processTree(server.pid);
  await Promise.race([wait(random.integer(1, MAX_LIFE_MS)), broken]);
  end.abort();
  killAll(deathOf(random) === 'main process only' ? [main] : random.shuffled([main, ...others]));
  await broken;
  await server.exited;
}

async function actUntilLost(
  server: RunningServer,
  actors: readonly Actor[],
  { random, signal }: { readonly random: Random; readonly signal: AbortSignal },
): Promise<void> {
  const client = new Client(server);
  try {
    while (!signal.aborted) await random.weighted(actors)?.act({ client, random });
  } catch (error) {
    if (!(error instanceof ConnectionLost)) throw error;
    if (!signal.aborted) {
      throw new Violation('the server hung up on a client before it was killed', { cause: error });
    }
  } finally {
    client.close();
  }
}
