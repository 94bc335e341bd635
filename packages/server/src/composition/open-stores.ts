import { randomUUID } from 'node:crypto';
import type { RepositoryName, StoreError } from '@zot-artifact-store/spec';
import type { Logger } from 'pino';
import type { Config, VolumeConfig } from '../config/config.ts';
import type { BlobDriver } from '../content/blob-driver.ts';
import type { ContentStore } from '../content/content-store.ts';
import { createContentStore } from '../content/create-content-store.ts';
import { HashPool } from '../content/hashing/hash-pool.ts';
import { type DataFolder, openDataFolder } from '../data-folder/data-folder.ts';
import { deriveSecret } from '../data-folder/secret-key.ts';
import type { EventSink } from '../extension/events.ts';
import { createOutbox } from '../extension/outbox.ts';
import type { VetoChain } from '../extension/veto-chain.ts';
import type { MetadataStore } from '../metadata/metadata-store.ts';
import { createRegistry, type OwnRegistry } from '../registry/create-registry.ts';
import { createUploadIds } from '../registry/upload-id.ts';
import { openSecretKey } from './data-folders.ts';

/** One volume, open: where it is configured to be, its bytes and its content. */
export interface Volume {
  readonly config: VolumeConfig;
  readonly driver: BlobDriver;
  readonly content: ContentStore;
}

export interface Stores {
  readonly metadata: MetadataStore;
  readonly hashing: HashPool;
  /** The main volume first. */
  readonly volumes: readonly [Volume, ...Volume[]];
  readonly registry: OwnRegistry;
  readonly events: EventSink;
  /** The volume a repository lies in, decided by the first component of its name. */
  volumeOf(repository: RepositoryName): Volume;
  close(): Promise<void>;
}

/** What the ids of uploads are made with. */
const UPLOAD_IDS = { extension: 'registry', purpose: 'upload ids' };

export interface OpenStoresOptions {
  readonly log: Logger;
  readonly clock: { now(): number };
  /** Asked by the registry before it changes something; sealed later, when the extensions are there. */
  readonly vetoes: VetoChain;
  /** Names of the observers whose queues events are written to; asked at every event. */
  observers(): readonly string[];
  /** A disk failed in a way after which no write can be trusted: the process must end. */
  onFatal(error: StoreError): void;
}

/** An upload nobody continued for so long is forgotten, at least; a longer gcDelay keeps it longer. */
const UPLOAD_TTL_MS = 24 * 60 * 60 * 1000;

/** Opens metadata, drivers and the domain on them. When one of them cannot be opened the others are closed again. */
export async function openStores(config: Config, options: OpenStoresOptions): Promise<Stores> {
  const { log, clock, vetoes } = options;
  const closers: (() => Promise<void>)[] = [];
  const close = async (): Promise<void> => {
    for (const closeOne of closers.splice(0).reverse()) await closeOne();
  };
  try {
    const folders = await findDataFolders(config);
    const metadata = await createMetadata(config, folders, options);
    await metadata.open();
    closers.push(() => metadata.close());
    const hashing = new HashPool();
    closers.push(() => hashing.close());

    const openVolume = async (volume: VolumeConfig): Promise<Volume> => {
      const driver = await createDriver(config, volume, options);
      await driver.open();
      closers.push(() => driver.close());
      const graceMs = volume.gc.delayMs;
      const content = createContentStore({
        metadata,
        driver,
        volume: volume.path,
        hashing,
        clock,
        graceMs,
        log,
      });
      return { config: volume, driver, content };
    };
    const [mainConfig, ...otherConfigs] = config.storage.volumes;
    const main = await openVolume(mainConfig);
    const volumes: [Volume, ...Volume[]] = [main];
    for (const other of otherConfigs) volumes.push(await openVolume(other));

    const volumeOf = routeByFirstComponent(volumes);
    const events = createOutbox({ observers: () => options.observers(), clock, newId: randomUUID });
    const registry = createRegistry({
      metadata,
      volumeFor: (repository) => {
        const { content, config: volume } = volumeOf(repository);
        return { content, graceMs: volume.gc.delayMs };
      },
      clock,
      newId: randomUUID,
      uploadIds: createUploadIds(deriveSecret(await openSecretKey(config), UPLOAD_IDS)),
      events,
      vetoes,
      limits: {
        manifestMaxBytes: config.http.maxManifestBytes,
        uploadTtlMs: Math.max(UPLOAD_TTL_MS, ...config.storage.volumes.map(({ gc }) => gc.delayMs)),
      },
      compat: { docker2s2: config.http.dockerCompat },
      log,
    });
    return { metadata, hashing, volumes, registry, events, volumeOf, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/**
 * The folders of all volumes, checked to be ours and made before by whoever holds their locks: the main process of the
 * server. None when everything is kept in memory.
 */
async function findDataFolders({ storage }: Config): Promise<readonly DataFolder[]> {
  if (storage.metadataDriver === 'memory' && storage.blobDriver === 'memory') return [];
  const open = ({ rootDirectory }: VolumeConfig) =>
    openDataFolder(rootDirectory, { createIfMissing: false, lock: 'shared' });
  return Promise.all(storage.volumes.map(open));
}

// Drivers are loaded when they are configured: the native parts of one that is not used cost nothing at start.
async function createMetadata(
  { storage }: Config,
  [main]: readonly DataFolder[],
  { log, onFatal }: OpenStoresOptions,
): Promise<MetadataStore> {
  if (storage.metadataDriver === 'memory' || main === undefined) {
    const { MemoryMetadataStore } = await import('../metadata/memory/memory-metadata-store.ts');
    return new MemoryMetadataStore();
  }
  const { LmdbMetadataStore } = await import('../metadata/lmdb/lmdb-metadata-store.ts');
  return new LmdbMetadataStore({
    path: main.metadataPath,
    reserveBytes: storage.reserveBytes,
    log,
    onFatal,
  });
}

async function createDriver(
  { storage }: Config,
  volume: VolumeConfig,
  { onFatal }: OpenStoresOptions,
): Promise<BlobDriver> {
  if (storage.blobDriver === 'memory') {
    const { MemoryBlobDriver } = await import('../drivers/memory/memory-blob-driver.ts');
    return new MemoryBlobDriver();
  }
  const { FilesystemBlobDriver } = await import('../drivers/filesystem/filesystem-blob-driver.ts');
  return new FilesystemBlobDriver({
    root: volume.rootDirectory,
    reserveBytes: storage.reserveBytes,
    onFatal,
  });
}

function routeByFirstComponent(
  volumes: readonly [Volume, ...Volume[]],
): (repository: RepositoryName) => Volume {
  const [main, ...others] = volumes;
  if (others.length === 0) return () => main;
  const byComponent = new Map(others.map((volume) => [volume.config.path.slice(1), volume]));
  return (repository) => {
    const slash = repository.indexOf('/');
    return byComponent.get(slash < 0 ? repository : repository.slice(0, slash)) ?? main;
  };
}
