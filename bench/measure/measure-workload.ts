import { spawnSync } from 'node:child_process';
import type { LoadResult } from '../load/job.ts';
import type { LoadGenerator } from '../load/load-generator.ts';
import type { Contender, ContenderName, RunningContender } from '../peers/contender.ts';
import type { Prepared, Workload } from '../workload.ts';
import { prepare } from './prepare.ts';
import { cpuMsOf, PeakMemory } from './process-tree.ts';
import { median } from './statistics.ts';

export interface Round {
  readonly operationsPerSecond: number;
  readonly bytesPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Processor time of all its processes; says more than the rate on a machine that has other things to do. */
  readonly cpuMsPerOperation: number | undefined;
  readonly operations: number;
  readonly failures: number;
}

/** What one server did: every round, the medians, and why there are none. */
export interface Measurement {
  readonly contender: ContenderName;
  readonly rounds: readonly Round[];
  readonly operationsPerSecond: number;
  readonly bytesPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly cpuMsPerOperation: number | undefined;
  /** The most its processes together had resident in any round. */
  readonly peakBytes: number | undefined;
  /** It cannot do this, or did it wrong. */
  readonly problem?: string;
}

export interface Comparison {
  readonly workload: string;
  readonly concurrency: number;
  readonly measurements: readonly Measurement[];
  /** The first one's rate by the second one's: the median of the rounds' ratios. */
  readonly ratio: number | undefined;
  readonly aim: number | undefined;
}

interface Entry {
  readonly contender: Contender;
  readonly running: RunningContender;
  readonly rounds: Round[];
  prepared: Omit<Prepared, 'prefix'> | undefined;
  problem: string | undefined;
  peakBytes: number | undefined;
}

/**
 * Measures one workload on freshly started servers, in turns: each round runs on one and then on the other, so that
 * what else the machine does hits both. All servers are up the whole time; one that is not asked has nothing to do.
 */
export async function measureWorkload(
  workload: Workload,
  options: {
    readonly contenders: readonly Contender[];
    readonly rounds: number;
    readonly load: LoadGenerator;
    say(line: string): void;
  },
): Promise<Comparison> {
  const { contenders, rounds, load, say } = options;
  const entries: Entry[] = [];
  try {
    for (const contender of contenders) {
      const running = await contender.start();
      const entry = {
        contender,
        running,
        rounds: [],
        prepared: undefined,
        problem: undefined,
        peakBytes: undefined,
      };
      entries.push(entry);
      await getReady(entry, workload, load);
    }
    for (let round = 1; round <= rounds; round++) {
      for (const entry of entries) {
        if (entry.problem !== undefined) continue;
        await runRound(entry, workload, { load, round });
        say(`${workload.name}: round ${round} of ${rounds}, ${entry.contender.name}: ${summary(entry)}`);
      }
    }
  } finally {
    for (const { running } of entries) await running.stop();
  }
  for (const { contender, problem } of entries) {
    if (problem !== undefined) say(`${workload.name}: ${contender.name}: ${problem}`);
  }
  return compare(workload, entries);
}

async function getReady(entry: Entry, workload: Workload, load: LoadGenerator): Promise<void> {
  const server = serverOf(entry.running);
  try {
    entry.prepared = { images: await prepare(workload.setUp, { ...server, load }) };
    const prefix = 'warm-up/';
    await prepare(workload.beforeRound?.(prefix) ?? [], { ...server, load });
    const mix = workload.mix({ ...entry.prepared, prefix });
    const { concurrency, warmUp } = workload;
    const limits = { maxOperations: warmUp.operations, maxMs: warmUp.ms };
    entry.problem = problemOf(await load.run({ ...server, concurrency, mix, ...limits }));
  } catch (error) {
    entry.problem = error instanceof Error ? error.message : String(error);
  }
}

async function runRound(
  entry: Entry,
  workload: Workload,
  { load, round }: { readonly load: LoadGenerator; readonly round: number },
): Promise<void> {
  const { running, prepared } = entry;
  if (prepared === undefined) return;
  const server = serverOf(running);
  const prefix = `round-${round}/`;
  await prepare(workload.beforeRound?.(prefix) ?? [], { ...server, load });
  // What the last round left to the kernel to write must not slow this one down.
  spawnSync('sync');
  const { pid } = running;
  const memory = pid === undefined ? undefined : new PeakMemory(pid);
  const cpuBefore = pid === undefined ? undefined : cpuMsOf(pid);
  try {
    const result = await load.run({
      ...server,
      concurrency: workload.concurrency,
      maxOperations: workload.round.operations,
      maxMs: workload.round.ms,
      mix: workload.mix({ ...prepared, prefix }),
    });
    entry.problem = problemOf(result);
    const cpuAfter = pid === undefined ? undefined : cpuMsOf(pid);
    const cpuMs = cpuBefore === undefined || cpuAfter === undefined ? undefined : cpuAfter - cpuBefore;
    entry.rounds.push(roundOf(result, cpuMs));
  } finally {
    const peakBytes = memory?.stop();
    if (peakBytes !== undefined) entry.peakBytes = Math.max(entry.peakBytes ?? 0, peakBytes);
  }
}

function serverOf({ url, access }: RunningContender): Pick<RunningContender, 'url' | 'access'> {
  return { url, ...(access !== undefined && { access }) };
}

function problemOf({ operations, failures, firstFailure }: LoadResult): string | undefined {
  return failures === 0 ? undefined : `${failures} of ${operations + failures} failed: ${firstFailure}`;
}

function roundOf(result: LoadResult, cpuMs: number | undefined): Round {
  const { operations, failures, elapsedMs, bytes, latencyMs } = result;
  return {
    cpuMsPerOperation: cpuMs === undefined ? undefined : cpuMs / operations,
    operationsPerSecond: (operations * 1000) / elapsedMs,
    bytesPerSecond: (bytes * 1000) / elapsedMs,
    p50Ms: latencyMs.p50,
    p99Ms: latencyMs.p99,
    operations,
    failures,
  };
}

function summary({ rounds }: Entry): string {
  const last = rounds.at(-1);
  return last === undefined ? '-' : `${last.operationsPerSecond.toFixed(1)}/s`;
}

function compare(workload: Workload, entries: readonly Entry[]): Comparison {
  const [ours, peer] = entries;
  const pairs = ours?.rounds.map((round, index) => {
    const other = peer?.rounds[index];
    return other === undefined ? Number.NaN : round.operationsPerSecond / other.operationsPerSecond;
  });
  const ratios = pairs?.filter((ratio) => Number.isFinite(ratio)) ?? [];
  const isSound = entries.every(({ problem }) => problem === undefined);
  return {
    workload: workload.name,
    concurrency: workload.concurrency,
    measurements: entries.map(measurementOf),
    ratio: isSound && ratios.length > 0 ? median(ratios) : undefined,
    aim: peer === undefined ? undefined : workload.aims[peer.contender.name],
  };
}

function measurementOf({ contender, rounds, peakBytes, problem }: Entry): Measurement {
  const middle = (value: (round: Round) => number): number => median(rounds.map(value));
  return {
    contender: contender.name,
    rounds,
    operationsPerSecond: middle((round) => round.operationsPerSecond),
    bytesPerSecond: middle((round) => round.bytesPerSecond),
    p50Ms: middle((round) => round.p50Ms),
    p99Ms: middle((round) => round.p99Ms),
    cpuMsPerOperation: rounds.some(({ cpuMsPerOperation }) => cpuMsPerOperation === undefined)
      ? undefined
      : middle((round) => round.cpuMsPerOperation ?? Number.NaN),
    peakBytes,
    ...(problem === undefined ? {} : { problem }),
  };
}
