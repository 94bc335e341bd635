import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RunningServer } from '@zot-artifact-store/testkit';
import type { LoadResult } from '../load/job.ts';
import { LoadGenerator } from '../load/load-generator.ts';
import { prepare } from '../measure/prepare.ts';
import { median } from '../measure/statistics.ts';
import { startOwn } from '../peers/own-server.ts';
import type { ExperimentContext, Finding } from './experiment.ts';

const CLIENTS = 4;
const ROUNDS = 7;
const ROUND_MS = 4_000;
const QUICK_ROUND_MS = 500;
/** As many of the tags are asked for, spread over all of them. */
const ASKED_TAGS = 50_000;

interface Case {
  readonly store: string;
  readonly server: RunningServer;
  readonly paths: readonly string[];
  readonly rounds: LoadResult[];
}

/** HEAD of manifests by tag on two servers in turns: one with a single image, one with the large store. */
export async function headLatency(context: ExperimentContext): Promise<Finding> {
  const { quick, workers, largeStore, say } = context;
  const large = await largeStore();
  const folder = await mkdtemp(join(tmpdir(), 'zas-bench-small-'));
  const load = new LoadGenerator();
  const servers: RunningServer[] = [];
  try {
    for (const each of [folder, large.folder]) servers.push(await startOwn({ folder: each, workers }));
    const [small, filled] = servers;
    if (small === undefined || filled === undefined) throw new Error('a server did not start');
    const [image] = await prepare(
      [{ count: 1, task: () => ({ kind: 'push', mode: 'monolith', prefix: 'one/', sizeBytes: 1024 }) }],
      { url: small.url, load },
    );
    const asked = Math.min(ASKED_TAGS, large.count);
    // A step without a common divisor with the number of repositories goes through all of them.
    const step = Math.max(1, Math.floor(large.count / asked)) | 1;
    const cases: readonly Case[] = [
      {
        store: 'one image',
        server: small,
        paths: [`/v2/${image?.repository}/manifests/${image?.tag}`],
        rounds: [],
      },
      {
        store: `${large.count} tags`,
        server: filled,
        paths: Array.from({ length: asked }, (_, index) => large.manifestPath((index * step) % large.count)),
        rounds: [],
      },
    ];
    for (let round = 0; round <= ROUNDS; round++) {
      for (const each of cases) {
        const result = await headRound(each, load, quick ? QUICK_ROUND_MS : ROUND_MS);
        // The first warms both up.
        if (round > 0) each.rounds.push(result);
      }
      if (round > 0) say(`round ${round} of ${ROUNDS}: p99 ${cases.map(lastP99).join(' and ')}`);
    }
    return findingOf(cases);
  } finally {
    load.close();
    for (const server of servers) await server.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

async function headRound({ server, paths }: Case, load: LoadGenerator, maxMs: number): Promise<LoadResult> {
  const result = await load.run({
    url: server.url,
    concurrency: CLIENTS,
    maxOperations: 1_000_000,
    maxMs,
    mix: [{ share: 1, task: { kind: 'request', method: 'HEAD', paths } }],
  });
  if (result.firstFailure !== undefined) throw new Error(result.firstFailure);
  return result;
}

function findingOf(cases: readonly Case[]): Finding {
  const [small] = cases;
  return {
    name: 'head',
    aim: 'p99 of a HEAD with the large store within 20 % of that with one image',
    figures: cases.map(({ store, rounds }) => ({
      store,
      'HEAD/s': Math.round(
        median(rounds.map(({ operations, elapsedMs }) => (operations * 1000) / elapsedMs)),
      ),
      'p50 ms': round3(median(rounds.map(({ latencyMs }) => latencyMs.p50))),
      'p99 ms': round3(median(rounds.map(({ latencyMs }) => latencyMs.p99))),
      'p99 to that of one image': round3(
        median(
          rounds.map(({ latencyMs }, i) => latencyMs.p99 / (small?.rounds[i]?.latencyMs.p99 ?? Number.NaN)),
        ),
      ),
    })),
  };
}

function lastP99({ rounds }: Case): string {
  return `${round3(rounds.at(-1)?.latencyMs.p99 ?? Number.NaN)} ms`;
}

function round3(number: number): number {
  return Math.round(number * 1000) / 1000;
}
