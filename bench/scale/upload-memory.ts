import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LoadGenerator } from '../load/load-generator.ts';
import { peaksOf } from '../measure/process-tree.ts';
import { startOwn } from '../peers/own-server.ts';
import type { ExperimentContext, Finding } from './experiment.ts';

const UPLOADS = 8;
const MIB = 1024 * 1024;
const LAYER_BYTES = 1024 * MIB;
const QUICK_LAYER_BYTES = 64 * MIB;
const WITHIN_MS = 600_000;

/** The peak of every server process while eight large layers are pushed at once: all to one worker, and to the default. */
export async function uploadMemory({ quick, workers, say }: ExperimentContext): Promise<Finding> {
  const figures: Record<string, string | number>[] = [];
  const load = new LoadGenerator();
  try {
    for (const count of [1, workers]) {
      for (const mode of ['monolith', 'streamed'] as const) {
        const folder = await mkdtemp(join(tmpdir(), 'zas-bench-memory-'));
        const server = await startOwn({ folder, workers: count });
        try {
          const result = await load.run({
            url: server.url,
            concurrency: UPLOADS,
            maxOperations: UPLOADS,
            maxMs: WITHIN_MS,
            mix: [
              {
                share: 1,
                task: {
                  kind: 'push',
                  mode,
                  prefix: 'big/',
                  sizeBytes: quick ? QUICK_LAYER_BYTES : LAYER_BYTES,
                },
              },
            ],
          });
          if (result.firstFailure !== undefined) throw new Error(result.firstFailure);
          const peaks = peaksOf(server.pid).map(({ peakBytes }) => Math.round(peakBytes / MIB));
          // With several workers the first process serves nothing; with one it is the worker.
          const serving = peaks.length > 1 ? peaks.slice(1) : peaks;
          figures.push({
            workers: serving.length,
            push: mode,
            'peak MiB of the largest worker': Math.max(...serving),
            'of each process': peaks.join(', '),
            'MiB/s': Math.round(result.bytes / MIB / (result.elapsedMs / 1000)),
          });
          say(`${serving.length} worker(s), ${mode}: ${peaks.join(', ')} MiB`);
        } finally {
          await server.stop();
          await rm(folder, { recursive: true, force: true });
        }
      }
    }
  } finally {
    load.close();
  }
  return { name: 'memory', aim: `less than 250 MiB in each worker while ${UPLOADS} uploads run`, figures };
}
