import type { Bound, Workload } from '../workload.ts';
import { PUSHES_AND_PULLS } from './push-and-pull.ts';
import { CATALOG, lists, SINGLE_READS } from './reads.ts';
import { s3Workloads } from './s3.ts';

const FULL = { tags: 10_000, referrers: 5_000, objects: 100_000 };
const QUICK = { tags: 500, referrers: 250, objects: 2_500 };
/** A quick round is this many times shorter. */
const QUICKER = 8;

/** The registry's, zb's first and in zb's order, or those of S3. Quick ones ask the same of less, for less long. */
export function allWorkloads({
  quick,
  s3,
}: {
  readonly quick: boolean;
  readonly s3: boolean;
}): readonly Workload[] {
  const size = quick ? QUICK : FULL;
  const workloads = s3
    ? s3Workloads({ listed: size.objects })
    : [CATALOG, ...PUSHES_AND_PULLS, ...SINGLE_READS, ...lists(size)];
  return quick ? workloads.map(quickened) : workloads;
}

function quickened(workload: Workload): Workload {
  const { round, warmUp } = workload;
  return { ...workload, round: shortened(round), warmUp: shortened(warmUp) };
}

function shortened({ operations, ms }: Bound): Bound {
  return { operations: Math.ceil(operations / QUICKER), ms: Math.ceil(ms / QUICKER) };
}
