/** Where a committed object lives in a driver: `<algorithm>/<2 hex>/<hex>.<generation>`; made by `objectName`, never reused. */
export type ObjectName = string & { readonly __objectName: unique symbol };
/** A staged (not yet published) object; `[A-Za-z0-9-]{1,64}`, chosen by the caller, unique for ever. */
export type StagedId = string & { readonly __stagedId: unique symbol };

/** Bytes `start` to `end` inclusive. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

export interface ObjectInfo {
  readonly sizeBytes: number;
  readonly modifiedAtMs: number;
}

export interface SpaceInfo {
  readonly availableBytes: number;
  readonly totalBytes: number;
}

/**
 * Where bytes live. Guarantees every driver must keep, proved by the contract suite:
 * - `stage` resolves once the bytes are durable under the staged id; if it rejects (source error, abort, full disk)
 *   nothing of it is left behind.
 * - `publish` is atomic and durable: after it resolves the object is whole under its final name, also after a power
 *   cut, and the staged id is gone, unless it is to be kept: then it stays as it was, whatever becomes of the object.
 *   Publishing over an existing name is refused: names are never reused.
 * - Objects are immutable. `remove*` of what is not there succeeds.
 * - Names never reach a filesystem unchecked. Foreign errors are translated: full disk or quota `storage-full`,
 *   missing object on `read` `blob-unknown`, anything else `unavailable` with the cause kept. An fsync, close or
 *   rename error is fail-stop: the driver calls `onFatal` once and refuses further writes with `unavailable`.
 */
export interface BlobDriver {
  readonly name: string;
  open(): Promise<void>;
  close(): Promise<void>;
  /**
   * Consumes `source` with back-pressure. Returns its length in bytes. A chunk belongs to the source again as soon as
   * the driver pulls the next one: ingest reuses its buffers. `conflict` when the id is staged already.
   */
  stage(
    id: StagedId,
    source: AsyncIterable<Uint8Array>,
    options?: { readonly signal?: AbortSignal },
  ): Promise<number>;
  /** `blob-unknown` when nothing is staged under `id`, `conflict` when `name` exists. */
  publish(id: StagedId, name: ObjectName, options?: PublishOptions): Promise<void>;
  /**
   * Streams a published object; `range` must lie inside it (`range-unsatisfiable`). A missing object rejects on the
   * first pull. Chunks belong to the reader: they are never reused.
   */
  read(name: ObjectName, options?: ReadOptions): AsyncIterable<Uint8Array>;
  readStaged(id: StagedId, options?: ReadOptions): AsyncIterable<Uint8Array>;
  stat(name: ObjectName): Promise<ObjectInfo | undefined>;
  remove(name: ObjectName): Promise<void>;
  removeStaged(id: StagedId): Promise<void>;
  /** Every published object, in no particular order, without holding them all in memory. */
  list(): AsyncIterable<{ readonly name: ObjectName } & ObjectInfo>;
  listStaged(): AsyncIterable<{ readonly id: StagedId } & ObjectInfo>;
  /** Moves a corrupt object out of the way, where an operator can look at it; it no longer exists for `read`. */
  quarantine(name: ObjectName): Promise<void>;
  /** Undefined where the driver cannot know. */
  space(): Promise<SpaceInfo | undefined>;
  /** A local file path for hard-linking an object out of or into the store, where there is one. */
  readonly local?: LocalObjects;
}

export interface PublishOptions {
  /** For bytes that somebody may still need when the commit for which they are published does not happen. */
  readonly keepStaged?: boolean;
}

export interface ReadOptions {
  readonly range?: ByteRange;
  readonly signal?: AbortSignal;
}

/** Only drivers on a local filesystem have this. */
export interface LocalObjects {
  /** Hard-links (or copies, when the filesystem refuses) the regular file at `path` to a staged object, durably. */
  stageLink(id: StagedId, path: string): Promise<{ readonly sizeBytes: number; readonly linked: boolean }>;
  /** Hard-links (or copies) a published object to the new file `path`, durably. */
  linkOut(name: ObjectName, path: string): Promise<{ readonly linked: boolean }>;
}
