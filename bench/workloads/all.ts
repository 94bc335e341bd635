import type { Bound, Workload } from '../workload.ts';
import { PUSHES_AND_PULLS } from './push-and-pull.ts';
import { CATALOG, lists, SINGLE_READS } from './reads.ts';

const FULL = { tags: 10_000, referrers: 5_000 };
const QUICK = { tags: 500, referrers: 250 };
/** A quick round is this many times shorter. */
const QUICKER = 8;

/** Every workload, zb's first and in zb's order. Quick ones ask the same of less, for less long. */
export function allWorkloads({ quick }: { readonly quick: boolean }): readonly Workload[] {
  const workloads = [CATALOG, ...PUSHES_AND_PULLS, ...SINGLE_READS, ...lists(quick ? QUICK : FULL)];
  return quick ? workloads.map(quickened) : workloads;
}

function quickened(workload: Workload): Workload {
  const { round, warmUp } = workload;
  return { ...workload, round: shortened(round), warmUp: shortened(warmUp) };
}

function shortened({ operations, ms }: Bound): Bound {
  return { operations: Math.ceil(operations / QUICKER), ms: Math.ceil(ms / QUICKER) };
}
