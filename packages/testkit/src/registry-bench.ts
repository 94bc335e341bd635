import { createHash, randomUUID } from 'node:crypto';
import {
  type Digest,
  type DigestAlgorithm,
  MediaType,
  makeDigest,
  parseRepositoryName,
  parseTag,
  type RepositoryName,
} from '@zot-artifact-store/spec';
import { pino } from 'pino';
import type { BlobDriver } from '../../server/src/content/blob-driver.ts';
import { createContentStore } from '../../server/src/content/create-content-store.ts';
import { fsck } from '../../server/src/content/fsck.ts';
import { collectGarbage } from '../../server/src/content/gc.ts';
import { HashPool } from '../../server/src/content/hashing/hash-pool.ts';
import { MemoryBlobDriver } from '../../server/src/drivers/memory/memory-blob-driver.ts';
import type { Principal } from '../../server/src/extension/access.ts';
import type { Vetoes } from '../../server/src/extension/contract.ts';
import { createOutbox } from '../../server/src/extension/outbox.ts';
import { MemoryMetadataStore } from '../../server/src/metadata/memory/memory-metadata-store.ts';
import { createRegistry, type OwnRegistry } from '../../server/src/registry/create-registry.ts';
import type { PutManifest } from '../../server/src/registry/registry.ts';
import type { RegistryLimits, RepositoryVolume } from '../../server/src/registry/registry-context.ts';
import { createUploadIds } from '../../server/src/registry/upload-id.ts';
import { type Stepper, steppedDriver, steppedMetadata } from './stepped-store.ts';

export const GRACE_MS = 1_000;
export const UPLOAD_TTL_MS = 10_000;
export const alice: Principal = { kind: 'user', name: 'alice', groups: [], via: 'test', isRoot: false };

export interface RegistryBenchOptions {
  readonly vetoes?: Vetoes;
  readonly observers?: readonly string[];
  readonly docker2s2?: boolean;
  readonly limits?: Partial<RegistryLimits>;
  readonly step?: Stepper;
  /** Of the main volume; the caller opens and closes it. In memory unless given. */
  readonly driver?: BlobDriver;
}

/**
 * A registry over memory drivers, a clock that the test moves, and short ways to say common things. Repositories whose
 * names start with `other/` are on a second volume.
 */
export class RegistryBench {
  readonly metadata = new MemoryMetadataStore();
  readonly driver: BlobDriver;
  readonly otherDriver = new MemoryBlobDriver();
  readonly hashing = new HashPool({ threads: 1 });
  readonly uploadIds = createUploadIds(Buffer.alloc(32, 'uploads'));
  readonly log = pino({ level: 'silent' });
  readonly registry: OwnRegistry;
  readonly repository = parseRepositoryName('app/web');
  nowMs = 1_700_000_000_000;
  readonly #options: RegistryBenchOptions;

  constructor(options: RegistryBenchOptions = {}) {
    this.#options = options;
    this.driver = options.driver ?? new MemoryBlobDriver();
    this.registry = this.worker(options.step);
  }

  get clock() {
    return { now: () => this.nowMs };
  }

  /** A further worker on the same stores. */
  worker(step?: Stepper): OwnRegistry {
    const { vetoes = {}, observers = [], docker2s2 = true, limits = {} } = this.#options;
    const { hashing, clock, log } = this;
    const metadata = step === undefined ? this.metadata : steppedMetadata(this.metadata, step);
    const volume = (name: string, backing: BlobDriver): RepositoryVolume => {
      const driver = step === undefined ? backing : steppedDriver(backing, step);
      const options = { metadata, driver, volume: name, hashing, clock, graceMs: GRACE_MS, log };
      return { content: createContentStore(options), graceMs: GRACE_MS };
    };
    const main = volume('', this.driver);
    const other = volume('/other', this.otherDriver);
    return createRegistry({
      metadata,
      volumeFor: (repository) => (repository.startsWith('other/') ? other : main),
      clock,
      newId: randomUUID,
      uploadIds: this.uploadIds,
      events: createOutbox({ observers: () => observers, clock, newId: randomUUID }),
      vetoes,
      limits: { manifestMaxBytes: 4 * 1024 * 1024, uploadTtlMs: UPLOAD_TTL_MS, ...limits },
      compat: { docker2s2 },
      log,
    });
  }

  async pushBlob(
    content: string | Uint8Array,
    repository: RepositoryName = this.repository,
  ): Promise<Digest> {
    const bytes = Buffer.from(content);
    const digest = digestOf(bytes);
    await this.registry.uploads.put(repository, once(bytes), { digest, principal: alice });
    return digest;
  }

  /** Puts the manifest under `tags`; by its digest when there are none. */
  async pushManifest(
    manifest: object | Uint8Array,
    tags: readonly string[] = [],
    more: Partial<PutManifest> = {},
  ): Promise<Digest> {
    const bytes = manifest instanceof Uint8Array ? manifest : json(manifest);
    const { digest } = await this.registry.manifests.put({
      repository: this.repository,
      reference: { digest: digestOf(bytes) },
      tags: tags.map(parseTag),
      mediaType: 'manifests' in manifest ? MediaType.imageIndex : MediaType.imageManifest,
      bytes,
      principal: alice,
      ...more,
    });
    return digest;
  }

  /** An image with one layer of its own, pushed whole. */
  async pushImage(name: string, tags: readonly string[] = [], extra: object = {}): Promise<PushedImage> {
    const config = `{"image":"${name}"}`;
    const layer = `layer of ${name}`;
    await this.pushBlob(config);
    await this.pushBlob(layer);
    const manifest = imageManifest(config, [layer], extra);
    const digest = await this.pushManifest(manifest, tags);
    return { digest, size: json(manifest).length, config: digestOf(config), layer: digestOf(layer) };
  }

  /** Runs every sweep and the collector until nothing is due. */
  async sweepAll(): Promise<void> {
    const { signal } = new AbortController();
    await this.registry.sweep.sweepMemberships(signal);
    await this.registry.sweep.expireUploads(signal);
    await this.registry.sweep.dropEmptyRepositories(signal);
    await this.collect();
  }

  async collect(): Promise<void> {
    await collectGarbage({
      metadata: this.metadata,
      driver: this.driver,
      volume: '',
      now: this.nowMs,
      graceMs: GRACE_MS,
      log: this.log,
    });
  }

  /** What the checks of the store and of the registry have to say, as lines; empty when all is well. */
  async problems(): Promise<readonly string[]> {
    const lines: string[] = [];
    for (const [volume, driver] of [
      ['', this.driver],
      ['/other', this.otherDriver],
    ] as const) {
      const owners = this.registry.owners(volume);
      const report = await fsck({ metadata: this.metadata, driver, volume, owners });
      for (const { kind, detail } of [...report.errors, ...report.notes]) lines.push(`${kind}: ${detail}`);
    }
    for await (const { kind, detail } of this.registry.verify(new AbortController().signal)) {
      lines.push(`${kind}: ${detail}`);
    }
    return lines;
  }

  async close(): Promise<void> {
    await this.hashing.close();
  }
}

export interface PushedImage {
  readonly digest: Digest;
  readonly size: number;
  readonly config: Digest;
  readonly layer: Digest;
}

export function digestOf(content: string | Uint8Array, algorithm: DigestAlgorithm = 'sha256'): Digest {
  return makeDigest(algorithm, createHash(algorithm).update(content).digest('hex'));
}

export function json(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}

export function descriptor(content: string | Uint8Array, mediaType: string = MediaType.layer) {
  return { mediaType, digest: digestOf(content), size: Buffer.byteLength(content) };
}

export function imageManifest(config: string, layers: readonly string[], extra: object = {}) {
  return {
    schemaVersion: 2,
    mediaType: MediaType.imageManifest,
    config: descriptor(config, MediaType.imageConfig),
    layers: layers.map((layer) => descriptor(layer)),
    ...extra,
  };
}

export function imageIndex(
  children: readonly { readonly digest: Digest; readonly size: number }[],
  extra: object = {},
) {
  const manifests = children.map(({ digest, size }) => ({
    mediaType: MediaType.imageManifest,
    digest,
    size,
  }));
  return { schemaVersion: 2, mediaType: MediaType.imageIndex, manifests, ...extra };
}

export async function* once(...chunks: readonly (string | Uint8Array)[]): AsyncGenerator<Uint8Array> {
  for (const chunk of chunks) yield Buffer.from(chunk);
}

/** Yields the chunks and then fails, as a connection that breaks. */
export async function* broken(...chunks: readonly (string | Uint8Array)[]): AsyncGenerator<Uint8Array> {
  yield* once(...chunks);
  throw new Error('the connection broke');
}

export async function textOf(source: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of source) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks).toString();
}
