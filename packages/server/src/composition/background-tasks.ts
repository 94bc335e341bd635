import type { Logger } from 'pino';
import { sweepOrphans } from '../content/orphan-sweep.ts';
import type { Observer } from '../extension/contract.ts';
import { drainOutbox } from '../extension/drain-outbox.ts';
import type { ScheduledTask } from '../work/scheduler.ts';
import { collectVolume } from './collect.ts';
import type { Stores, Volume } from './open-stores.ts';

export interface BackgroundOptions {
  readonly stores: Stores;
  readonly observers: readonly Observer[];
  readonly gcUntagged: boolean;
  readonly clock: { now(): number };
  readonly log: Logger;
}

const MINUTE_MS = 60_000;
const UPLOADS_EVERY_MS = 10 * MINUTE_MS;
/** Only a crash leaves orphans, and finding them means reading every folder. */
const ORPHANS_EVERY_MS = 12 * 60 * MINUTE_MS;
/** A commit never takes this long, however short gcDelay is. */
const ORPHAN_GRACE_AT_LEAST_MS = 15 * MINUTE_MS;

/** `gcInterval: 0` means once at every start: its next time never comes. */
const NEVER_MS = 1e12;

/** What the server does by itself, each task in one worker of all at a time. */
export function backgroundTasks(options: BackgroundOptions): ScheduledTask[] {
  const { stores, observers, clock, log } = options;
  const collected = stores.volumes.filter(({ config }) => config.gc.enabled);
  return [
    expireUploads(stores, log),
    ...collected.map((volume) => collect(volume, options)),
    ...collected.map((volume) => removeOrphans(volume, options)),
    ...observers.map((observer) => drainOutbox(observer, { metadata: stores.metadata, clock, log })),
  ];
}

/** Names of the tasks to run once when the server starts, whenever they ran last. */
export function tasksAtStart({ volumes }: Stores): string[] {
  return volumes
    .filter(({ config }) => config.gc.enabled && config.gc.intervalMs === 0)
    .map(({ config }) => collectName(config.path));
}

function expireUploads({ registry }: Stores, log: Logger): ScheduledTask {
  return {
    name: 'uploads',
    intervalMs: UPLOADS_EVERY_MS,
    async run(signal) {
      const uploads = await registry.sweep.expireUploads(signal);
      const repositories = await registry.sweep.dropEmptyRepositories(signal);
      if (uploads + repositories > 0) {
        log.info({ uploads, repositories }, 'expired uploads and empty repositories removed');
      }
    },
  };
}

function collect(volume: Volume, { stores, gcUntagged, clock, log }: BackgroundOptions): ScheduledTask {
  const { path, gc } = volume.config;
  return {
    name: collectName(path),
    intervalMs: gc.intervalMs === 0 ? NEVER_MS : gc.intervalMs,
    async run(signal) {
      const report = await collectVolume(stores, volume, {
        clock,
        log,
        signal,
        dryRun: false,
        untagged: gcUntagged,
      });
      log.info({ volume: path, ...report }, 'garbage collected');
    },
  };
}

function removeOrphans(volume: Volume, { stores, clock, log }: BackgroundOptions): ScheduledTask {
  const { path, gc } = volume.config;
  return {
    name: `orphans:${path}`,
    intervalMs: ORPHANS_EVERY_MS,
    async run(signal) {
      const report = await sweepOrphans({
        metadata: stores.metadata,
        driver: volume.driver,
        volume: volume.content.volume,
        now: clock.now(),
        graceMs: Math.max(gc.delayMs, ORPHAN_GRACE_AT_LEAST_MS),
        log,
        isStagedClaimed: (id) => stores.registry.isStagedClaimed(id),
        signal,
      });
      log.info({ volume: path, ...report }, 'orphans swept');
    },
  };
}

function collectName(volumePath: string): string {
  return `gc:${volumePath}`;
}
