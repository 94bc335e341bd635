import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { median } from '../measure/statistics.ts';
import { startOwn } from '../peers/own-server.ts';
import type { ExperimentContext, Finding } from './experiment.ts';

const STARTS = 9;

/** From the start of the process to its readiness line, second starts on stores that are there, in turns. */
export async function startTime({ workers, largeStore, say }: ExperimentContext): Promise<Finding> {
  const large = await largeStore();
  const small = await mkdtemp(join(tmpdir(), 'zas-bench-small-'));
  try {
    const cases = [
      { store: 'empty', folder: small, times: [] as number[] },
      { store: `${large.count} manifests`, folder: large.folder, times: [] as number[] },
    ];
    // The first start makes what is missing.
    for (const { folder } of cases) await timeStart(folder, workers);
    for (let start = 1; start <= STARTS; start++) {
      for (const { folder, times } of cases) times.push(await timeStart(folder, workers));
      say(`start ${start} of ${STARTS}: ${cases.map(({ times }) => `${times.at(-1)} ms`).join(', ')}`);
    }
    return {
      name: 'start',
      aim: 'ready in less than 1000 ms',
      figures: cases.map(({ store, times }) => ({
        store,
        'median ms': Math.round(median(times)),
        'least ms': Math.min(...times),
        'most ms': Math.max(...times),
      })),
    };
  } finally {
    await rm(small, { recursive: true, force: true });
  }
}

async function timeStart(folder: string, workers: number | undefined): Promise<number> {
  const began = performance.now();
  const server = await startOwn({ folder, workers });
  const elapsed = performance.now() - began;
  await server.stop();
  return Math.round(elapsed);
}
