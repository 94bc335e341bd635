import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { numberedTag } from '../load/execute.ts';
import { LoadGenerator } from '../load/load-generator.ts';
import { prepare } from '../measure/prepare.ts';
import { startOwn } from '../peers/own-server.ts';

/** A stopped server's folder with many manifests, each with a tag of its own. */
export interface LargeStore {
  readonly folder: string;
  readonly count: number;
  /** The path of the manifest with this number. */
  manifestPath(index: number): string;
  remove(): Promise<void>;
}

const REPOSITORIES = 1_000;
const LAYER_BYTES = 1024;
/** For each step of the filling, so that the progress can be seen. */
const STEP = 50_000;
const STEP_WITHIN_MS = 600_000;
const CONCURRENCY = 64;

/** Pushes `count` manifests with tags through the server's own API. */
export async function fillLargeStore(options: {
  readonly count: number;
  readonly workers: number | undefined;
  say(line: string): void;
}): Promise<LargeStore> {
  const { count, workers, say } = options;
  const folder = await mkdtemp(join(tmpdir(), 'zas-bench-large-'));
  const remove = (): Promise<void> => rm(folder, { recursive: true, force: true });
  const load = new LoadGenerator();
  try {
    const server = await startOwn({ folder, workers });
    const { url } = server;
    const images = await prepare(
      [
        {
          count: Math.min(REPOSITORIES, count),
          task: () => ({ kind: 'push', mode: 'monolith', prefix: 'many/', sizeBytes: LAYER_BYTES }),
        },
      ],
      { url, load },
    );
    for (let done = 0; done < count; done += STEP) {
      const result = await load.run({
        url,
        concurrency: CONCURRENCY,
        firstOperation: done,
        maxOperations: Math.min(STEP, count - done),
        maxMs: STEP_WITHIN_MS,
        mix: [{ share: 1, task: { kind: 'variant', images } }],
      });
      if (result.firstFailure !== undefined) throw new Error(`filling failed: ${result.firstFailure}`);
      say(`${done + result.operations} of ${count} manifests, ${perSecond(result)}/s`);
    }
    await server.stop();
    return {
      folder,
      count,
      manifestPath(index) {
        const repository = images[index % images.length]?.repository ?? '';
        return `/v2/${repository}/manifests/${numberedTag(index)}`;
      },
      remove,
    };
  } catch (error) {
    await remove();
    throw error;
  } finally {
    load.close();
  }
}

function perSecond({
  operations,
  elapsedMs,
}: {
  readonly operations: number;
  readonly elapsedMs: number;
}): number {
  return Math.round((operations * 1000) / elapsedMs);
}
