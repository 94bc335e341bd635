import { isStoreError } from '@zot-artifact-store/spec';
import type { Logger } from 'pino';
import type { OpenedStore } from '../cli/services.ts';
import type { Config } from '../config/config.ts';
import { scrub } from '../content/scrub.ts';
import type { SealedExtensions } from '../extension/host.ts';
import { VetoChain } from '../extension/veto-chain.ts';
import { auditTools } from './audit-tools.ts';
import { checkVolume } from './check-volume.ts';
import { collectVolume } from './collect.ts';
import { lockDataFolders } from './data-folders.ts';
import { accessKeyTools } from './key-tools.ts';
import { exportLayouts, importLayouts } from './layout-tools.ts';
import { objectTools } from './object-tools.ts';
import { openStores, type Stores, type Volume } from './open-stores.ts';
import { startExtensions } from './start-extensions.ts';

const SHUTDOWN_DEADLINE_MS = 5_000;
/** Beside a server on the same disk, reading must leave room for clients. */
const SCRUB_BYTES_PER_SECOND = 256 * 1024 * 1024;

/**
 * The store for the tools of the command line, beside a running server or without one. Third parties' extensions are
 * set up only when something is written or deleted that their vetoes may refuse and their observers must hear of.
 */
export async function openStore(
  config: Config,
  { log, createIfMissing }: { readonly log: Logger; readonly createIfMissing: boolean },
): Promise<OpenedStore> {
  if (createIfMissing) await createDataFolders(config);
  const clock = { now: Date.now };
  const vetoes = new VetoChain();
  let fatal: unknown;
  let extensions: SealedExtensions | undefined;
  // What a tool brings in is not an answer to a client: manifests of Docker may come whatever clients may push.
  const stores = await openStores(
    { ...config, http: { ...config.http, dockerCompat: true } },
    {
      log,
      clock,
      vetoes,
      observers: () => extensions?.observers.map(({ name }) => name) ?? [],
      onFatal: (error) => {
        fatal = error;
        log.fatal({ err: error }, 'storage failed');
      },
    },
  );
  const startAll = async (): Promise<void> => {
    extensions ??= await startExtensions(config, { stores, vetoes, log, clock, builtIn: [] });
  };
  const volumeNamed = (path: string): Volume => findVolume(stores, path);
  const refuseAfterFailure = (): void => {
    if (fatal !== undefined) throw fatal;
  };

  return {
    volumes: stores.volumes.map(({ config: { path } }) => path),
    async collectGarbage(path, { dryRun, untagged, signal }) {
      if (untagged && !dryRun) await startAll();
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
    fsck: async (path, { signal }) => checkVolume(stores, volumeNamed(path), { signal }),
    async importLayouts(request, { signal }) {
      await startAll();
      const report = await importLayouts({ config, registry: stores.registry, signal }, request);
      refuseAfterFailure();
      return report;
    },
    async exportLayouts(request, { signal }) {
      const report = await exportLayouts({ config, registry: stores.registry, signal }, request);
      refuseAfterFailure();
      return report;
    },
    audit: auditTools(config, stores.metadata),
    accessKeys: accessKeyTools(config, { metadata: stores.metadata, clock }),
    objects: objectTools(stores, clock),
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

/** Makes the data folders that are not there yet, with their secret key; a server that has them in use keeps them. */
async function createDataFolders(config: Config): Promise<void> {
  if (config.storage.metadataDriver === 'memory') return;
  try {
    for (const folder of await lockDataFolders(config)) folder.close();
  } catch (error) {
    // In use, or not usable: opening them beside a server tells which.
    if (!isStoreError(error, 'unavailable')) throw error;
  }
}
