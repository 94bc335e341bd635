import { createHash } from 'node:crypto';
import { type Digest, digestAlgorithm, digestHex, StoreError } from '@zot-artifact-store/spec';
import type { MetadataStore } from '../metadata/metadata-store.ts';
import { type Transaction, transact } from '../metadata/transaction.ts';
import type { BlobDriver } from './blob-driver.ts';
import { blobCorrupt, blobUnknown, findBlob, isProvisional } from './blob-records.ts';
import { type CommitDeps, commitPrepared, type TransactionScope } from './commit-prepared.ts';
import type { ContentStore } from './content-store.ts';
import { dropEdge, isOwned, putEdge } from './edges.ts';
import { hashWhole } from './hash-whole.ts';
import type { HashPool } from './hashing/hash-pool.ts';
import { contentKeys } from './keyspace.ts';
import { linkOut } from './link-out.ts';
import {
  type PrepareDeps,
  prepareAssembly,
  prepareIngest,
  prepareOutside,
  stageUploadSegment,
} from './prepare.ts';
import { prepareComposite, prepareProvisional } from './prepare-composite.ts';
import { asPreparedUnits, removeAll } from './prepared.ts';
import { findSoundBlob, openBlob } from './reader.ts';
import type { ContentLog } from './volume.ts';
import { WholeCache } from './whole-cache.ts';

export interface ContentStoreOptions {
  readonly metadata: MetadataStore;
  readonly driver: BlobDriver;
  /** '' for the main volume. */
  readonly volume: string;
  readonly hashing: HashPool;
  readonly clock: { now(): number };
  /** How long a blob stays after its last edge went. */
  readonly graceMs: number;
  readonly log: ContentLog;
  /** Blobs up to this size live in their record; with it, the record stays below MAX_VALUE_BYTES. */
  readonly inlineMaxBytes?: number;
  /** For whole small blobs in memory. */
  readonly cacheBytes?: number;
}

const INLINE_MAX_BYTES = 3_400;
const CACHE_BYTES = 16 * 1024 * 1024;
/** Manifests and configs; what is larger is rare and would push out many of them. */
const CACHE_ENTRY_BYTES = 64 * 1024;

/** The content store of one volume over its metadata and its driver; both are opened and closed by the caller. */
export function createContentStore(options: ContentStoreOptions): ContentStore {
  const { metadata, driver, volume, hashing, clock, graceMs, log } = options;
  const { inlineMaxBytes = INLINE_MAX_BYTES, cacheBytes = CACHE_BYTES } = options;
  if (inlineMaxBytes > INLINE_MAX_BYTES) {
    throw new StoreError('internal', `blobs above ${INLINE_MAX_BYTES} bytes do not fit into their record`);
  }
  const commitDeps: CommitDeps = { metadata, driver, volume, clock, graceMs, log };
  const prepareDeps: PrepareDeps = { driver, hashing, inlineMaxBytes };
  const cache = new WholeCache({ limitBytes: cacheBytes, entryLimitBytes: CACHE_ENTRY_BYTES });
  const scopes = new WeakMap<Transaction, TransactionScope>();

  return {
    volume,

    async stat(digest) {
      const record = await findSoundBlob(commitDeps, digest);
      if (record === undefined) return undefined;
      const info = { digest, sizeBytes: record.size, createdAtMs: record.createdAtMs };
      return isProvisional(record) ? { ...info, provisional: true } : info;
    },

    read: (digest, readOptions = {}) => openBlob(commitDeps, digest, readOptions),

    async readWhole(digest, limitBytes) {
      const cachedBytes = cache.sizeOf(digest);
      if (cachedBytes !== undefined) assertWithin(digest, cachedBytes, limitBytes);
      const cached = cache.get(digest);
      if (cached !== undefined) return cached;
      const found = await findBlob(commitDeps, digest);
      if (found === undefined) throw blobUnknown(digest);
      assertWithin(digest, found.record.size, limitBytes);
      const chunks: Uint8Array[] = [];
      // Copied chunk by chunk: a driver may use its buffer again.
      for await (const chunk of await openBlob(commitDeps, digest)) chunks.push(Buffer.from(chunk));
      const bytes = Buffer.concat(chunks);
      if (!cache.accepts(bytes.length) || isProvisional(found.record)) return bytes;
      // A wrong byte that got into the cache would stay there, so what is kept is checked once.
      if (!matches(digest, bytes)) throw blobCorrupt(digest);
      cache.put(digest, bytes);
      return bytes;
    },

    ingest: (source, ingestOptions = {}) => prepareIngest(prepareDeps, source, ingestOptions),
    takeOver: (file, ingestOptions) => prepareOutside(prepareDeps, file, ingestOptions),
    linkOut: (digest, path) => linkOut(commitDeps, digest, path),
    stageSegment: (source, stageOptions = {}) => stageUploadSegment(prepareDeps, source, stageOptions),
    assemble: (segments, ingestOptions = {}) => prepareAssembly(prepareDeps, segments, ingestOptions),
    discardSegments: (segments) =>
      removeAll(
        driver,
        segments.map(({ stagedId }) => stagedId),
      ),

    compose: (digest, parts) => prepareComposite(driver, digest, parts),
    composeParts: (parts) => prepareProvisional(driver, parts),
    hashWhole: (digest, algorithms, hashOptions = {}) =>
      hashWhole({ ...commitDeps, hashing }, digest, { algorithms, ...hashOptions }),

    async transact(prepared, attempt) {
      if (prepared.length === 0) return transact(metadata, attempt);
      return commitPrepared(commitDeps, asPreparedUnits(prepared), (transaction, scope) => {
        scopes.set(transaction, scope);
        return attempt(transaction);
      });
    },

    addEdge(transaction, digest, owner) {
      const scope = scopes.get(transaction);
      putEdge(transaction, { volume, digest, owner });
      scope?.edged.add(digest);
      if (!scope?.prepared.has(digest)) transaction.expectPresent(contentKeys.blob(volume, digest));
    },
    removeEdge(transaction, digest, owner) {
      const scope = scopes.get(transaction);
      if (scope === undefined)
        dropEdge(transaction, { volume, digest, owner, dueAtMs: clock.now() + graceMs });
      else {
        transaction.delete(contentKeys.edge(volume, digest, owner));
        scope.dropped.add(digest);
      }
    },
    isOwned: (digest, ownerPrefix) => isOwned(commitDeps, digest, ownerPrefix),
    edgePrefix: (digest, ownerPrefix) => contentKeys.edge(volume, digest, ownerPrefix),
  };
}

function assertWithin(digest: Digest, sizeBytes: number, limitBytes: number): void {
  if (sizeBytes <= limitBytes) return;
  throw new StoreError(
    'body-too-large',
    `${digest} has ${sizeBytes} bytes; at most ${limitBytes} are read at once`,
    {
      resource: digest,
    },
  );
}

function matches(digest: Digest, bytes: Uint8Array): boolean {
  return createHash(digestAlgorithm(digest)).update(bytes).digest('hex') === digestHex(digest);
}
