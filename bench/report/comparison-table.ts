import type { Comparison, Measurement } from '../measure/measure-workload.ts';
import { mebibytes, milliseconds, rate, table } from './format.ts';

/** The comparisons as a table: a line for each workload, what both servers did beside each other. */
export function comparisonTable(comparisons: readonly Comparison[]): string {
  const names = comparisons[0]?.measurements.length === 1 ? ['ours'] : ['ours', 'peer'];
  const columns: readonly [string, (measurement: Measurement) => string][] = [
    ['/s', ({ operationsPerSecond }) => rate(operationsPerSecond)],
    ['p50 ms', ({ p50Ms }) => milliseconds(p50Ms)],
    ['p99 ms', ({ p99Ms }) => milliseconds(p99Ms)],
    ['MiB/s', ({ bytesPerSecond }) => mebibytes(bytesPerSecond)],
    ['cpu ms', ({ cpuMsPerOperation }) => milliseconds(cpuMsPerOperation ?? Number.NaN)],
    ['peak MiB', ({ peakBytes }) => mebibytes(peakBytes)],
  ];
  const head = columns.flatMap(([title]) => names.map((name) => `${title} ${name}`));
  const rows = comparisons.map((comparison) => [
    comparison.workload,
    String(comparison.concurrency),
    ...columns.flatMap(([, cell]) => comparison.measurements.map(cell)),
    ratioCell(comparison),
  ]);
  const problems = comparisons.flatMap(({ workload, measurements }) =>
    measurements.flatMap(({ contender, problem }) =>
      problem === undefined ? [] : [`${workload}: ${contender}: ${problem}`],
    ),
  );
  return [table([['workload', 'clients', ...head, 'ratio (aim)'], ...rows]), ...problems].join('\n');
}

function ratioCell({ ratio, aim }: Comparison): string {
  const found = ratio === undefined ? '-' : ratio.toFixed(2);
  return aim === undefined ? found : `${found} (${aim})`;
}
