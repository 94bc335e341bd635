import type { S3Task } from '../load/s3-task.ts';
import type { Bound, SetUpStep, Workload } from '../workload.ts';

const KIB = 1024;
const MIB = 1024 * KIB;

interface Size {
  readonly label: string;
  readonly bytes: number;
  readonly concurrency: number;
  /** There to be read: warp's number, and less where it would not fit. */
  readonly objects: number;
}

const TINY: Size = { label: '1KiB', bytes: KIB, concurrency: 64, objects: 2_500 };
const LARGE: Size = { label: '64MiB', bytes: 64 * MIB, concurrency: 4, objects: 4 };
const SIZES: readonly Size[] = [
  TINY,
  { label: '64KiB', bytes: 64 * KIB, concurrency: 32, objects: 1_000 },
  { label: '1MiB', bytes: MIB, concurrency: 16, objects: 100 },
  LARGE,
];

const BUCKET = 'warp-benchmark-bucket';
const BASE = 'base/';
const ROUND: Bound = { operations: 1_000_000, ms: 6_000 };
const WARM_UP: Bound = { operations: 1_000_000, ms: 3_000 };
const BATCH_KEYS = 100;
const PART_BYTES = 5 * MIB;
const COMPLETED_PARTS = 100;

const createBucket: SetUpStep = { count: 1, task: () => ({ kind: 'create-bucket', bucket: BUCKET }) };

/** The workloads of warp, MinIO's benchmark, in a bucket of their own. */
export function s3Workloads({ listed }: { readonly listed: number }): readonly Workload[] {
  return [
    ...SIZES.map(putOf),
    ...SIZES.map((size) => readOf('get', size)),
    readOf('stat', TINY),
    ...SIZES.map(mixedOf),
    deleteOne,
    deleteBatches,
    listOf(listed),
    multipart,
    completion,
  ];
}

function putOf(size: Size): Workload {
  return {
    ...common(size),
    name: `put ${size.label}`,
    mix: ({ prefix }) => [{ share: 1, task: put(prefix, size) }],
    aims: size === TINY ? { minio: 5 } : size === LARGE ? { minio: 1 } : {},
  };
}

function readOf(kind: 'get' | 'stat', size: Size): Workload {
  return {
    ...common(size),
    name: `${kind} ${size.label}`,
    setUp: [createBucket, objects(size)],
    mix: () => [{ share: 1, task: read(kind, size) }],
    aims: size === TINY ? { minio: 3 } : size === LARGE ? { minio: 1 } : {},
  };
}

/** What is read stays; what is deleted was put before. */
function mixedOf(size: Size): Workload {
  return {
    ...common(size),
    name: `mixed ${size.label}`,
    setUp: [createBucket, objects(size)],
    beforeRound: (prefix) => [
      { count: size.concurrency, concurrency: size.concurrency, task: () => put(prefix, size) },
    ],
    mix: ({ prefix }) => [
      { share: 45, task: read('get', size) },
      { share: 30, task: read('stat', size) },
      { share: 15, task: put(prefix, size) },
      { share: 10, task: { kind: 'delete', bucket: BUCKET, prefix } },
    ],
    aims: {},
  };
}

const deleteOne: Workload = {
  ...common(TINY),
  name: 'delete 1KiB',
  ...deletions(3_000, 1),
  mix: ({ prefix }) => [{ share: 1, task: { kind: 'delete', bucket: BUCKET, prefix } }],
};

/** As warp deletes unless told otherwise. */
const deleteBatches: Workload = {
  ...common(TINY),
  concurrency: 8,
  name: `delete 1KiB, ${BATCH_KEYS} at a time`,
  ...deletions(48, BATCH_KEYS),
  mix: ({ prefix }) => [
    { share: 1, task: { kind: 'delete-batch', bucket: BUCKET, prefix, keys: BATCH_KEYS } },
  ],
};

function deletions(operations: number, keys: number): Pick<Workload, 'beforeRound' | 'round' | 'warmUp'> {
  return {
    beforeRound: (prefix) => [
      { count: operations * keys, concurrency: TINY.concurrency, task: () => put(prefix, TINY) },
    ],
    round: { operations, ms: 60_000 },
    warmUp: { operations: Math.ceil(operations / 4), ms: WARM_UP.ms },
  };
}

/** One operation is the whole list. */
function listOf(count: number): Workload {
  return {
    ...common(TINY),
    name: `list ${count}`,
    concurrency: 2,
    setUp: [createBucket, { ...objects(TINY), count }],
    mix: () => [{ share: 1, task: { kind: 'list-objects', bucket: BUCKET, prefix: BASE, count } }],
    round: { operations: 10, ms: 30_000 },
    warmUp: { operations: 1, ms: 30_000 },
    aims: { minio: 5 },
  };
}

/** One operation is a whole upload, from its creation to its completion. */
const multipart: Workload = {
  ...common(LARGE),
  name: 'multipart 12 x 5MiB',
  mix: ({ prefix }) => [
    {
      share: 1,
      task: { kind: 'multipart', bucket: BUCKET, prefix, parts: 12, partBytes: PART_BYTES },
    },
  ],
};

const completion: Workload = {
  ...common(LARGE),
  name: `complete ${COMPLETED_PARTS} x 5MiB`,
  concurrency: 1,
  beforeRound: (prefix) => [
    {
      count: 2,
      task: () => ({
        kind: 'upload-parts',
        bucket: BUCKET,
        prefix,
        parts: COMPLETED_PARTS,
        partBytes: PART_BYTES,
      }),
    },
  ],
  mix: ({ prefix }) => [{ share: 1, task: { kind: 'complete', bucket: BUCKET, prefix } }],
  round: { operations: 2, ms: 60_000 },
  warmUp: { operations: 1, ms: 60_000 },
};

function common({
  concurrency,
}: Size): Pick<Workload, 'concurrency' | 'setUp' | 'round' | 'warmUp' | 'aims'> {
  return { concurrency, setUp: [createBucket], round: ROUND, warmUp: WARM_UP, aims: {} };
}

function objects(size: Size): SetUpStep {
  return { count: size.objects, concurrency: size.concurrency, task: () => put(BASE, size) };
}

function put(prefix: string, { bytes }: Size): S3Task {
  return { kind: 'put', bucket: BUCKET, prefix, sizeBytes: bytes };
}

function read(kind: 'get' | 'stat', { objects: count, bytes }: Size): S3Task {
  return { kind, bucket: BUCKET, prefix: BASE, count, sizeBytes: bytes };
}
