/** Speed of this server beside another's. `npm run bench -- --help` tells the options. */
import { availableParallelism, constants, cpus, release, totalmem, type } from 'node:os';
import { LoadGenerator } from './load/load-generator.ts';
import { type Comparison, measureWorkload } from './measure/measure-workload.ts';
import { HELP, type Options, parseOptions } from './options.ts';
import type { Contender } from './peers/contender.ts';
import { defaultPeer } from './peers/default-peer.ts';
import { ownServer } from './peers/own-server.ts';
import { peerBinary } from './peers/peer-binary.ts';
import { peerUrl } from './peers/peer-url.ts';
import { comparisonTable } from './report/comparison-table.ts';
import { EXPERIMENTS, runExperiments } from './scale/experiments.ts';
import { allWorkloads } from './workloads/all.ts';

/** Progress goes to standard error; what was found, at the end, to standard output. */
const say = (line: string): void => console.error(line);

async function main(args: readonly string[]): Promise<void> {
  const options = parseOptions(args, process.env);
  if (options.help) return console.log(HELP);
  if (options.list) {
    for (const { name } of allWorkloads(options)) console.log(name);
    for (const { name } of EXPERIMENTS) console.log(`--scale ${name}`);
    return;
  }
  if (options.scale.length > 0) return runExperiments(options, say);
  await compare(options);
}

async function compare(options: Options): Promise<void> {
  const wanted = allWorkloads(options).filter(({ name }) => isWanted(name, options.filters));
  if (wanted.length === 0) throw new Error('no workload has this in its name; --list shows them');
  const peer = findPeer(options);
  const contenders = [ownServer(options), ...(peer === undefined ? [] : [peer])];
  for (const { name, description } of contenders) say(`${name}: ${description}`);
  const comparisons: Comparison[] = [];
  const load = new LoadGenerator();
  try {
    for (const workload of wanted) {
      comparisons.push(await measureWorkload(workload, { contenders, rounds: options.rounds, load, say }));
    }
  } finally {
    load.close();
  }
  const machine = describeMachine();
  if (options.json) {
    const described = contenders.map(({ name, description }) => ({ name, description }));
    console.log(JSON.stringify({ machine, contenders: described, comparisons }, undefined, 2));
    return;
  }
  console.log(`\n${machine}`);
  for (const { name, description } of contenders) console.log(`${name}: ${description}`);
  console.log(`\n${comparisonTable(comparisons)}`);
}

function isWanted(name: string, filters: readonly string[]): boolean {
  const lower = name.toLowerCase();
  return filters.length === 0 || filters.some((filter) => lower.includes(filter.toLowerCase()));
}

function findPeer({ peer, access }: Options): Contender | undefined {
  switch (peer.kind) {
    case 'default':
      return defaultPeer(say);
    case 'binary':
      return peerBinary(peer.path);
    case 'url':
      return peerUrl(peer.url, access);
    case 'none':
      return undefined;
  }
}

function describeMachine(): string {
  const model = cpus()[0]?.model.trim() ?? 'unknown processor';
  const gib = Math.round(totalmem() / 1024 ** 3);
  return `${availableParallelism()} cores of ${model}, ${gib} GiB, ${type()} ${release()}; ${new Date().toISOString().slice(0, 10)}`;
}

// Without a listener a signal ends the process and none of its exit hooks run, which end the servers.
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => process.exit(128 + constants.signals[signal]));
}
try {
  await main(process.argv.slice(2));
} catch (error) {
  console.error(`bench: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}
