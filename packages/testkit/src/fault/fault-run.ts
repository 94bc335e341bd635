import { type RunningServer, startServer } from '../server-launcher.ts';
import { Client } from './client.ts';
import type { Ledger } from './ledger.ts';
import { killAll, processTree } from './process-tree.ts';
import type { Random } from './random.ts';
import { Violation } from './violation.ts';
import type { Turn, Workload } from './workload.ts';

/** What every fault run needs. */
export interface FaultRun {
  /** Everything is chosen by it: who does what, and when the fault comes. */
  readonly random: Random;
  /** Names the data folder. */
  readonly config: Readonly<Record<string, unknown>>;
  readonly workers: number;
  readonly ledger: Ledger;
  readonly workloads: readonly Workload[];
  /** So many operations are under way at a time. */
  readonly clients?: number;
}

export const DEFAULT_CLIENTS = 12;

/** Runs `work` on a started server; when it throws, the server ends too, and the error has the end of its log. */
export async function withServer<T>(run: FaultRun, work: (server: RunningServer) => Promise<T>): Promise<T> {
  const server = await startServer(run);
  try {
    return await work(server);
  } catch (error) {
    killAll(await processTree(server.pid));
    await server.exited;
    throw new Violation(`${messageOf(error)}\nthe server said:\n${server.logs().slice(-4_000)}`, {
      cause: error,
    });
  }
}

/** Compares what is there with everything that was acknowledged. */
export async function verifyAll(
  server: RunningServer,
  { workloads, random }: Pick<FaultRun, 'workloads' | 'random'>,
  { isLast }: { readonly isLast: boolean },
): Promise<void> {
  const client = new Client(server);
  const turn: Turn = { client, random: random.fork('verify') };
  try {
    for (const workload of workloads) await workload.verify(turn, { isLast });
  } finally {
    client.close();
  }
}

/** An error of `work` tells how to repeat it. */
export async function explained<T>(
  { random }: Pick<FaultRun, 'random'>,
  where: string,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw new Violation(`seed ${random.seed}, ${where}: ${messageOf(error)}`, { cause: error });
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
