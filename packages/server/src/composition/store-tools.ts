import type { Logger } from 'pino';
import type { OpenedStore } from '../cli/services.ts';
import type { Config } from '../config/config.ts';
import { fsck } from '../content/fsck.ts';
import { scrub } from '../content/scrub.ts';
import type { SealedExtensions } from '../extension/host.ts';
import { VetoChain } from '../extension/veto-chain.ts';
import { collectVolume } from './collect.ts';
import { openStores, type Stores, type Volume } from './open-stores.ts';
import { startExtensions } from './start-extensions.ts';

const SHUTDOWN_DEADLINE_MS = 5_000;
/** Beside a server on the same disk, reading must leave room for clients. */
const SCRUB_BYTES_PER_SECOND = 256 * 1024 * 1024;

/**
 * The store for the tools of the command line, beside a running server or without one. Third parties' extensions are
 * set up only when something is deleted that their vetoes may keep and their observers must hear of.
 */
export async function openStore(config: Config, { log }: { readonly log: Logger }): Promise<OpenedStore> {
  const clock = { now: Date.now };
  const vetoes = new VetoChain();
  let fatal: unknown;
  let extensions: SealedExtensions | undefined;
  const stores = await openStores(config, {
    log,
    clock,
    vetoes,
    observers: () => extensions?.observers.map(({ name }) => name) ?? [],
    onFatal: (error) => {
      fatal = error;
      log.fatal({ err: error }, 'storage failed');
    },
  });
  const volumeNamed = (path: string): Volume => findVolume(stores, path);
  const refuseAfterFailure = (): void => {
    if (fatal !== undefined) throw fatal;
  };

  return {
    volumes: stores.volumes.map(({ config: { path } }) => path),
    async collectGarbage(path, { dryRun, untagged, signal }) {
      if (untagged && !dryRun) {
        extensions ??= await startExtensions(config, { stores, vetoes, log, clock, builtIn: [] });
      }
      if (!dryRun && path === '') {
        await stores.registry.sweep.expireUploads(signal);
        await stores.registry.sweep.dropEmptyRepositories(signal);
      }
      const report = await collectVolume(stores, volumeNamed(path), { clock, log, signal, dryRun, untagged });
      refuseAfterFailure();
      return report;
    },
    async scrub(path, { fromStart, signal }) {
      const { driver, content } = volumeNamed(path);
      const report = await scrub({
        metadata: stores.metadata,
        driver,
        volume: content.volume,
        hashing: stores.hashing,
        log,
        bytesPerSecond: SCRUB_BYTES_PER_SECOND,
        fromStart,
        signal,
      });
      refuseAfterFailure();
      return report;
    },
    fsck(path, { signal }) {
      const { driver, content } = volumeNamed(path);
      const owners = stores.registry.owners(content.volume);
      return fsck({ metadata: stores.metadata, driver, volume: content.volume, owners, signal });
    },
    async close() {
      await extensions?.close(SHUTDOWN_DEADLINE_MS);
      await stores.close();
    },
  };
}

function findVolume(stores: Stores, path: string): Volume {
  const found = stores.volumes.find(({ config }) => config.path === path);
  if (found === undefined) throw new RangeError(`there is no volume "${path}"`);
  return found;
}
