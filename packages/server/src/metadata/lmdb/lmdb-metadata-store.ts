import { mkdir } from 'node:fs/promises';
import { StoreError } from '@zot-artifact-store/spec';
import type { Logger } from 'pino';
import { assertCommit, assertKey } from '../limits.ts';
import type {
  Commit,
  CommitResult,
  Entry,
  Key,
  MetadataStore,
  Range,
  ScanOptions,
} from '../metadata-store.ts';
import { type ScanBounds, scanBounds } from '../scan-bounds.ts';
import { type Environment, openEnvironment, rangeStart } from './environment.ts';
import { FreeSpace, filesystemSpace, type SpaceProbe } from './free-space.ts';
import { refuseNetworkFilesystem } from './refuse-network-filesystem.ts';
import { storageFull, Writer } from './writer.ts';

export interface LmdbMetadataStoreOptions {
  /** The folder of the database; made when missing, its parent must exist. */
  readonly path: string;
  /** Commits with puts are refused with `storage-full` when the filesystem has less than this left. */
  readonly reserveBytes: number;
  readonly log: Pick<Logger, 'error' | 'warn'>;
  /** Called once after a write error; the process must end, because what is on disk is not known any more. */
  onFatal(error: StoreError): void;
  /** Address space mapped at the start; the map grows by itself. */
  readonly mapSizeBytes?: number;
  /** For tests; the filesystem's own answer by default. */
  readonly spaceProbe?: SpaceProbe;
  readonly clock?: { now(): number };
}

/**
 * The contract on LMDB. Reads are synchronous calls into the memory map on this thread; commits go to one writer
 * thread per process, which groups them. Any number of processes may share the folder.
 *
 * Freshness: lmdb keeps its read snapshot for a while, so each read first drops it. That costs a microsecond and makes
 * every read see all that any process has acknowledged before; anything coarser (once per turn of the event loop)
 * would not, because a client may finish its request in the same turn in which an older snapshot was taken.
 */
export class LmdbMetadataStore implements MetadataStore {
  readonly name = 'lmdb';
  readonly #options: LmdbMetadataStoreOptions;
  readonly #space: FreeSpace;
  #db: Environment | undefined;
  #writer: Writer | undefined;
  #underWay = 0;
  #onIdle: (() => void) | undefined;

  constructor(options: LmdbMetadataStoreOptions) {
    this.#options = options;
    this.#space = new FreeSpace({
      probe: options.spaceProbe ?? filesystemSpace(options.path),
      reserveBytes: options.reserveBytes,
      clock: options.clock ?? performance,
    });
  }

  async open(): Promise<void> {
    const { path, mapSizeBytes, log, onFatal } = this.#options;
    try {
      await mkdir(path, { recursive: true, mode: 0o700 });
      await refuseNetworkFilesystem(path);
      const db = openEnvironment({ path, mapSizeBytes });
      const writer = new Writer({
        path,
        mapSizeBytes,
        onCommitted: () => db.resetReadTxn(),
        onFatal: (error) => {
          log.error({ err: error }, 'metadata store failed');
          onFatal(error);
        },
      });
      this.#db = db;
      await writer.start();
      this.#writer = writer;
    } catch (error) {
      await this.#db?.close();
      this.#db = undefined;
      if (error instanceof StoreError) throw error;
      throw new StoreError('unavailable', `the metadata store cannot be opened: ${reason(error)}`, {
        cause: error,
      });
    }
  }

  async close(): Promise<void> {
    const writer = this.#writer;
    const db = this.#db;
    this.#writer = undefined;
    // Commits that still wait for the free-space answer have not reached the writer.
    if (this.#underWay > 0) {
      await new Promise<void>((resolve) => {
        this.#onIdle = resolve;
      });
    }
    await writer?.close();
    this.#db = undefined;
    await db?.close();
  }

  async get(key: Key): Promise<Uint8Array | undefined> {
    assertKey(key);
    return this.#read((db) => db.get(key));
  }

  async getMany(keys: readonly Key[]): Promise<readonly (Uint8Array | undefined)[]> {
    for (const key of keys) assertKey(key);
    return this.#read((db) => keys.map((key) => db.get(key)));
  }

  async scan(range: Range, options: ScanOptions): Promise<readonly Entry[]> {
    const bounds = scanBounds(range, options);
    if (!bounds.possible) return [];
    return this.#read((db) => [...db.getRange(rangeOptions(bounds, options))]);
  }

  async scanKeys(range: Range, options: ScanOptions): Promise<readonly Key[]> {
    const bounds = scanBounds(range, options);
    if (!bounds.possible) return [];
    return this.#read((db) => [...db.getKeys(rangeOptions(bounds, options))]);
  }

  async commit(commit: Commit): Promise<CommitResult> {
    assertCommit(commit);
    const writer = this.#writer;
    if (writer === undefined) throw closed();
    const puts = commit.puts?.length ?? 0;
    // Taken before the first await: the caller may reuse its bytes, and close() waits for this commit.
    this.#underWay++;
    try {
      const admitted = puts === 0 || commit.mayUseReserve === true || this.#space.admit(puts);
      if (admitted === true) return await writer.commit(commit);
      const copy = structuredClone(commit);
      if (!(await admitted)) throw storageFull();
      return await writer.commit(copy);
    } finally {
      this.#underWay--;
      if (this.#underWay === 0) this.#onIdle?.();
    }
  }

  /** Runs `read` on one fresh snapshot. `read` must not await: the snapshot is dropped by whoever reads next. */
  #read<T>(read: (db: Environment) => T): T {
    const db = this.#db;
    if (db === undefined) throw closed();
    try {
      db.resetReadTxn();
      return read(db);
    } catch (error) {
      throw new StoreError('internal', 'the metadata store could not be read', { cause: error });
    }
  }
}

/** Half-open bounds as lmdb takes them: a reverse range starts at its upper end. */
function rangeOptions({ from, to }: ScanBounds, { limit, reverse }: ScanOptions) {
  if (reverse !== true) return { start: rangeStart(from), limit, ...(to === undefined ? {} : { end: to }) };
  return {
    reverse: true,
    limit,
    end: rangeStart(from),
    inclusiveEnd: true,
    ...(to === undefined ? {} : { start: to, exclusiveStart: true }),
  };
}

function closed(): StoreError {
  return new StoreError('unavailable', 'the metadata store is closed');
}

function reason(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
