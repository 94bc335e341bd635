import { setTimeout as wait } from 'node:timers/promises';
import { type RunningServer, StartFailed, startServer } from '../server-launcher.ts';
import { Client, ConnectionLost } from './client.ts';
import type { Ledger } from './ledger.ts';
import { killAll, processTree } from './process-tree.ts';
import type { Random } from './random.ts';
import { checkStore, readConfig } from './store-check.ts';
import { Violation } from './violation.ts';
import type { Actor, Turn, Workload } from './workload.ts';

export interface KillRunOptions {
  /** Everything is chosen by it: who does what, and when the kill comes. */
  readonly random: Random;
  readonly kills: number;
  /** Names the data folder. */
  readonly config: Readonly<Record<string, unknown>>;
  readonly workers: number;
  readonly ledger: Ledger;
  readonly workloads: readonly Workload[];
  /** So many operations are under way at a time. */
  readonly clients?: number;
  readonly onKill?: (kills: number) => void;
}

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
export async function runKills(options: KillRunOptions): Promise<void> {
  const { random, kills, workloads, config } = options;
  const checked = await readConfig(config);
  for (let kill = 1; kill <= kills; kill++) {
    const turnRandom = random.fork(String(kill));
    await explained(options, kill, async () => {
      if (deathOf(turnRandom) === 'while starting') await killStart(options, turnRandom);
      const server = await startServer(options);
      await logged(server, async () => {
        if (kill > 1) await verifyAll(server, workloads, { random: turnRandom, isLast: false });
        await actUntilKilled(server, options, turnRandom);
      });
      await checkStore(checked);
    });
    options.onKill?.(kill);
  }
  await explained(options, kills, async () => {
    const server = await startServer(options);
    await logged(server, () => verifyAll(server, workloads, { random, isLast: true }));
    await server.stop();
    await checkStore(checked);
  });
}

function deathOf(random: Random): Death {
  const choice = random.fork('death').fraction();
  if (choice < 0.15) return 'while starting';
  return choice < 0.35 ? 'main process only' : 'all at once';
}

async function killStart({ config, workers }: KillRunOptions, random: Random): Promise<void> {
  const lifeMs = random.integer(0, MAX_START_MS);
  const { promise: killed, resolve } = Promise.withResolvers<void>();
  const onSpawned = async (pid: number): Promise<void> => {
    await wait(lifeMs);
    killAll(await processTree(pid));
    resolve();
  };
  try {
    const server = await startServer({ config, workers, onSpawned: (pid) => void onSpawned(pid) });
    await killed;
    await server.exited;
  } catch (error) {
    if (!(error instanceof StartFailed && error.exit.signal === 'SIGKILL')) throw error;
  }
}

async function actUntilKilled(server: RunningServer, options: KillRunOptions, random: Random): Promise<void> {
  const { workloads, clients = 12 } = options;
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
    if (!signal.aborted)
      throw new Violation('the server hung up on a client before it was killed', { cause: error });
  } finally {
    client.close();
  }
}

async function verifyAll(
  server: RunningServer,
  workloads: readonly Workload[],
  { random, isLast }: { readonly random: Random; readonly isLast: boolean },
): Promise<void> {
  const client = new Client(server);
  const turn: Turn = { client, random: random.fork('verify') };
  try {
    for (const workload of workloads) await workload.verify(turn, { isLast });
  } finally {
    client.close();
  }
}

/** A failure is told with the end of the server's log, and leaves no server behind. */
async function logged(server: RunningServer, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    killAll(await processTree(server.pid));
    await server.exited;
    throw new Violation(`${messageOf(error)}\nthe server said:\n${server.logs().slice(-4_000)}`, {
      cause: error,
    });
  }
}

async function explained({ random }: KillRunOptions, kill: number, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    throw new Violation(`seed ${random.seed}, kill ${kill}: ${messageOf(error)}`, { cause: error });
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
