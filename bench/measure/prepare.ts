import type { ImageReference } from '../load/image.ts';
import type { LoadGenerator } from '../load/load-generator.ts';
import type { RunningContender } from '../peers/contender.ts';
import type { SetUpStep } from '../workload.ts';

const CONCURRENCY = 8;
const WITHIN_MS = 300_000;

/** Fills a server before it is measured. Resolves with the images it was given; throws when it does not take all. */
export async function prepare(
  steps: readonly SetUpStep[],
  { url, access, load }: Pick<RunningContender, 'url' | 'access'> & { readonly load: LoadGenerator },
): Promise<readonly ImageReference[]> {
  const images: ImageReference[] = [];
  for (const { count, task, concurrency = CONCURRENCY } of steps) {
    const result = await load.run({
      url,
      ...(access !== undefined && { access }),
      concurrency: Math.min(concurrency, count),
      maxOperations: count,
      maxMs: WITHIN_MS,
      mix: [{ share: 1, task: task(images) }],
    });
    if (result.firstFailure !== undefined) throw new Error(`the set-up failed: ${result.firstFailure}`);
    if (result.operations < count) {
      throw new Error(`the set-up took ${result.operations} of ${count} in ${WITHIN_MS / 1000} s`);
    }
    images.push(...result.pushed);
  }
  return images;
}
