import type { ImageReference } from './load/image.ts';
import type { Job, Task } from './load/job.ts';
import type { ContenderName } from './peers/contender.ts';

/** One line of the report: what a server must hold before, and what it is then asked. */
export interface Workload {
  /** The name it has in zb or warp, where they have it. */
  readonly name: string;
  readonly concurrency: number;
  /** What must be there before; its pushes and tags are not measured. */
  readonly setUp: readonly SetUpStep[];
  /** What one round uses up; also made for the warm-up, and not measured. */
  beforeRound?(prefix: string): readonly SetUpStep[];
  /** Made once the set-up is done. */
  mix(prepared: Prepared): Job['mix'];
  /** A round of the measurement ends when one of these is reached. */
  readonly round: Bound;
  /** Not counted, before the first round. */
  readonly warmUp: Bound;
  /** How many times the peer's rate is aimed at. */
  readonly aims: Readonly<Partial<Record<ContenderName, number>>>;
}

export interface Bound {
  readonly operations: number;
  readonly ms: number;
}

export interface Prepared {
  /** The images of all push steps, in order. */
  readonly images: readonly ImageReference[];
  /** Starts the names of new repositories and objects; different for every round. */
  readonly prefix: string;
}

export interface SetUpStep {
  readonly count: number;
  /** 8 unless given. */
  readonly concurrency?: number;
  task(images: readonly ImageReference[]): Task;
}
