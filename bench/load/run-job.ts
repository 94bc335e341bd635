import { percentile } from '../measure/statistics.ts';
import { type Address, Connection } from './connection.ts';
import { execute } from './execute.ts';
import { executeS3 } from './execute-s3.ts';
import type { ImageFactory, ImageReference } from './image.ts';
import type { Job, LoadResult, Task } from './job.ts';
import type { S3Session } from './s3-session.ts';
import { S3Signer } from './s3-signer.ts';

/** More failures than this end the load: what it measures then is not the server any more. */
const MAX_FAILURES = 20;
const MAX_PUSHED = 1_000;

/** What outlasts a load. */
export interface LoadState {
  readonly images: ImageFactory;
  readonly session: S3Session;
}

/** Runs a load to its end. Never throws for what a server does; that is in the result. */
export async function runJob(job: Job, { images, session }: LoadState): Promise<LoadResult> {
  const { host: hostHeader, hostname, port } = new URL(job.url);
  const address: Address = { host: hostname, port: Number(port) };
  const signer = job.access && new S3Signer(job.access, hostHeader);
  const choose = chooser(job.mix);
  const latencies: number[] = [];
  const pushed: ImageReference[] = [];
  const first = job.firstOperation ?? 0;
  let next = 0;
  let bytes = 0;
  let failures = 0;
  let firstFailure: string | undefined;
  const startedAt = performance.now();
  const deadline = startedAt + job.maxMs;

  const run = (task: Task, connection: Connection, index: number): Promise<number> => {
    if ('bucket' in task) {
      if (signer === undefined) throw new TypeError('S3 requests need an access key');
      return executeS3(task, { connection, signer, session, index });
    }
    const onPushed = (image: ImageReference): void => {
      if (pushed.length < MAX_PUSHED) pushed.push(image);
    };
    return execute(task, { connection, host: hostHeader, images, index, onPushed });
  };
  const client = async (): Promise<void> => {
    let connection: Connection | undefined;
    while (next < job.maxOperations && failures <= MAX_FAILURES && performance.now() < deadline) {
      const index = first + next++;
      const began = performance.now();
      try {
        if (connection?.isUsable !== true) connection = await Connection.open(address);
        const moved = await run(choose(index), connection, index);
        bytes += moved;
        latencies.push(performance.now() - began);
      } catch (error) {
        failures++;
        firstFailure ??= error instanceof Error ? error.message : String(error);
        connection?.close();
      }
    }
    connection?.close();
  };
  await Promise.all(Array.from({ length: job.concurrency }, client));

  const elapsedMs = performance.now() - startedAt;
  latencies.sort((a, b) => a - b);
  return {
    operations: latencies.length,
    failures,
    firstFailure,
    elapsedMs,
    bytes,
    latencyMs: {
      p50: percentile(latencies, 50),
      p90: percentile(latencies, 90),
      p99: percentile(latencies, 99),
      max: percentile(latencies, 100),
    },
    pushed,
  };
}

const GOLDEN_RATIO = 0.618_033_988_749_895;

/** Spreads the tasks by their shares evenly over a load, always in the same order, so that both servers get the same. */
export function chooser(mix: Job['mix']): (index: number) => Task {
  const [first] = mix;
  if (first === undefined) throw new RangeError('a load needs a task');
  const whole = mix.reduce((sum, { share }) => sum + share, 0);
  return (index) => {
    let point = ((index * GOLDEN_RATIO) % 1) * whole;
    for (const { share, task } of mix) {
      point -= share;
      if (point < 0) return task;
    }
    return first.task;
  };
}
