import type { Options } from '../options.ts';
import { decisions } from './decisions.ts';
import type { ExperimentContext, Finding } from './experiment.ts';
import { headLatency } from './head-latency.ts';
import { fillLargeStore, type LargeStore } from './large-store.ts';
import { startTime } from './start-time.ts';
import { uploadMemory } from './upload-memory.ts';

export const EXPERIMENTS: readonly {
  readonly name: string;
  run(context: ExperimentContext): Promise<Finding>;
}[] = [
  { name: 'start', run: startTime },
  { name: 'head', run: headLatency },
  { name: 'memory', run: uploadMemory },
  { name: 'decisions', run: decisions },
];

/** Runs the experiments asked for and prints what they found. Throws for a name that is none. */
export async function runExperiments(options: Options, say: (line: string) => void): Promise<void> {
  for (const name of options.scale) {
    if (name !== 'all' && !EXPERIMENTS.some((experiment) => experiment.name === name)) {
      throw new Error(
        `"${name}" is no experiment; there are ${EXPERIMENTS.map((each) => each.name).join(', ')}`,
      );
    }
  }
  const wanted = EXPERIMENTS.filter(
    ({ name }) => options.scale.includes('all') || options.scale.includes(name),
  );
  let filling: Promise<LargeStore> | undefined;
  const findings: Finding[] = [];
  try {
    for (const experiment of wanted) {
      findings.push(
        await experiment.run({
          quick: options.quick,
          workers: options.workers,
          say,
          largeStore: () => {
            filling ??= fillLargeStore({ count: options.scaleCount, workers: options.workers, say });
            return filling;
          },
        }),
      );
    }
  } finally {
    // A store that could not be filled has removed itself.
    await filling?.then(
      (store) => store.remove(),
      () => {},
    );
  }
  if (options.json) {
    console.log(JSON.stringify(findings, undefined, 2));
    return;
  }
  for (const { name, aim, figures } of findings) {
    console.log(`\n${name}: ${aim}`);
    console.table(figures);
  }
}
