import type { RepositoryName } from '@zot-artifact-store/spec';
import type { Logger } from 'pino';
import { collectGarbage, type GarbageReport } from '../content/gc.ts';
import type { Stores, Volume } from './open-stores.ts';

export interface CollectOptions {
  readonly clock: { now(): number };
  readonly log: Logger;
  readonly signal: AbortSignal;
  readonly dryRun: boolean;
  /** Also manifests that nothing leads to. */
  readonly untagged: boolean;
}

export type CollectReport = GarbageReport & { readonly untaggedManifests: number };

/**
 * One collection of one volume: what repositories no longer need is given up first, then what nobody owns is removed.
 * What the first part gives up has its own grace, so it is removed by a later collection.
 */
export async function collectVolume(
  { metadata, registry, volumeOf }: Pick<Stores, 'metadata' | 'registry' | 'volumeOf'>,
  volume: Volume,
  { clock, log, signal, dryRun, untagged }: CollectOptions,
): Promise<CollectReport> {
  const { driver, content, config } = volume;
  const graceMs = config.gc.delayMs;
  const includes = (repository: RepositoryName): boolean => volumeOf(repository) === volume;
  const untaggedManifests = untagged
    ? await registry.removeUntagged({ delayMs: graceMs, includes, dryRun }, signal)
    : 0;
  if (!dryRun) await registry.sweep.sweepMemberships(signal, includes);
  const report = await collectGarbage({
    metadata,
    driver,
    volume: content.volume,
    now: clock.now(),
    graceMs,
    log,
    dryRun,
    signal,
  });
  return { ...report, untaggedManifests };
}
