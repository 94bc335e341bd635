import type { Task } from '../load/job.ts';
import type { Prepared, SetUpStep, Workload } from '../workload.ts';
import { LARGE, MEDIUM, SIZES, SMALL } from './sizes.ts';

type Size = (typeof SIZES)[number];
type Mode = 'monolith' | 'streamed';

const ROUND_MS = 12_000;
const WARM_UP_MS = 4_000;
/** As many different images of a size are pulled in turn. */
const PULLED_IMAGES = 4;

/** The pushes and pulls of zb, in its order. */
export const PUSHES_AND_PULLS: readonly Workload[] = [
  ...SIZES.map((size) => pushOf(size, 'monolith', `Push Monolith ${size.label}`)),
  ...SIZES.map((size) => pushOf(size, 'streamed', `Push Chunk Streamed ${size.label}`)),
  ...SIZES.map(pullOf),
  mixed({
    name: 'Pull Mixed 20% 1MB, 70% 10MB, 10% 100MB',
    operations: 100,
    setUp: SIZES.map((size) => imagesOf(size, 1)),
    mix: ({ images }) => [
      { share: 20, task: pull(images.slice(0, 1)) },
      { share: 70, task: pull(images.slice(1, 2)) },
      { share: 10, task: pull(images.slice(2, 3)) },
    ],
  }),
  mixed({
    name: 'Push Monolith Mixed 20% 1MB, 70% 10MB, 10% 100MB',
    operations: 60,
    mix: ({ prefix }) => [
      { share: 20, task: push(SMALL, 'monolith', prefix) },
      { share: 70, task: push(MEDIUM, 'monolith', prefix) },
      { share: 10, task: push(LARGE, 'monolith', prefix) },
    ],
  }),
  mixed({
    name: 'Push Chunk Mixed 33% 1MB, 33% 10MB, 33% 100MB',
    operations: 30,
    mix: ({ prefix }) => SIZES.map((size) => ({ share: 33, task: push(size, 'streamed', prefix) })),
  }),
  ...SIZES.map(pullAndPush),
];

function pushOf(size: Size, mode: Mode, name: string): Workload {
  return {
    ...bounds(size, size.operations),
    name,
    setUp: [],
    mix: ({ prefix }) => [{ share: 1, task: push(size, mode, prefix) }],
    aims: size === SMALL ? { 'docker-registry': 3 } : size === LARGE ? { 'docker-registry': 2 } : {},
  };
}

function pullOf(size: Size): Workload {
  return {
    ...bounds(size, size.operations * 10),
    name: `Pull ${size.label}`,
    setUp: [imagesOf(size, PULLED_IMAGES)],
    mix: ({ images }) => [{ share: 1, task: pull(images) }],
    aims: size === LARGE ? { 'docker-registry': 1, zot: 1 } : {},
  };
}

function pullAndPush(size: Size): Workload {
  return {
    ...bounds(size, size.operations * 2),
    name: `Pull 75% and Push 25% Mixed ${size.label}`,
    setUp: [imagesOf(size, PULLED_IMAGES)],
    mix: ({ images, prefix }) => [
      { share: 75, task: pull(images) },
      { share: 25, task: push(size, 'monolith', prefix) },
    ],
    aims: {},
  };
}

function mixed(workload: {
  readonly name: string;
  readonly operations: number;
  readonly setUp?: readonly SetUpStep[];
  readonly mix: Workload['mix'];
}): Workload {
  return { setUp: [], ...workload, ...bounds(LARGE, workload.operations), aims: {} };
}

function bounds(size: Size, operations: number): Pick<Workload, 'concurrency' | 'round' | 'warmUp'> {
  return {
    concurrency: size.concurrency,
    round: { operations, ms: ROUND_MS },
    warmUp: { operations: Math.ceil(operations / 4), ms: WARM_UP_MS },
  };
}

function imagesOf(size: Size, count: number): SetUpStep {
  return { count, task: () => push(size, 'monolith', 'base/') };
}

function push({ bytes }: Size, mode: Mode, prefix: string): Task {
  return { kind: 'push', mode, prefix, sizeBytes: bytes };
}

function pull(images: Prepared['images']): Task {
  return { kind: 'pull', images };
}
