/** An encoded, order-preserving key (see keys.ts): 1 to MAX_KEY_BYTES bytes, compared as unsigned bytes. */
export type Key = Uint8Array;

/** LMDB with 8 KiB pages takes keys up to 4,026 bytes; a key of ours never needs more than this. */
export const MAX_KEY_BYTES = 1_900;
/**
 * A value must fit in an LMDB page without overflow pages: on a full disk overflow values aborted the process in
 * trials. Anything longer is a blob, or is split over several keys.
 */
export const MAX_VALUE_BYTES = 3_800;

export interface Entry {
  readonly key: Key;
  readonly value: Uint8Array;
}

/**
 * What must still be true when the transaction commits, evaluated inside it. A value is its own version: a decision
 * made on a value stays right as long as the value is the same, so no separate version is stored.
 */
export type Check =
  | { readonly key: Key; readonly is: 'absent' }
  | { readonly key: Key; readonly is: 'present' }
  | { readonly key: Key; readonly is: 'equal'; readonly value: Uint8Array }
  | { readonly prefix: Key; readonly is: 'empty' };

export interface Commit {
  readonly checks?: readonly Check[];
  /** Applied before `puts`, so a delete and a put of one key leave the put. */
  readonly deletes?: readonly Key[];
  readonly puts?: readonly Entry[];
  /**
   * The commit gives space back, or is a step towards that: a delete, a sweep, the lease of the collector. It is also
   * taken where others find the disk full, as long as anything can be written at all.
   */
  readonly mayUseReserve?: boolean;
}

export type CommitResult =
  | { readonly ok: true }
  /** Nothing was written; `failed` is the index of the first check that did not hold. */
  | { readonly ok: false; readonly failed: number };

/** Half-open range: `from` inclusive, `to` exclusive; `prefix` is every key that starts with it. */
export type Range = { readonly prefix: Key } | { readonly from: Key; readonly to?: Key };

export interface ScanOptions {
  /** At most this many entries; required, because nothing reads an unbounded range at once. */
  readonly limit: number;
  /** Descending order. */
  readonly reverse?: boolean;
  /** Resume strictly after this key in scan order (strictly before it when `reverse`). */
  readonly after?: Key;
}

/**
 * An ordered, transactional key-value store. Guarantees every driver must keep, proved by the contract suite:
 * - A commit is atomic, isolated and durable when its promise resolves; a crash shows all of it or none.
 * - Reads and scans see every commit acknowledged before they started (in any process).
 * - Checks are evaluated inside the transaction: of two commits that exclude each other exactly one succeeds, also
 *   when one checks an empty prefix and the other puts a key under it while both check a common key (drivers with
 *   row locks lock the checked keys first).
 * - Keys longer than MAX_KEY_BYTES and values longer than MAX_VALUE_BYTES are refused with `internal`, never cut.
 * - A write error makes the store fail-stop: the commit rejects, later commits reject with `unavailable`, and
 *   `onFatal` is called once. A full disk found before anything was written rejects with `storage-full` instead and
 *   leaves the store working; commits made only of checks and deletes still work then, and those that may use the
 *   reserve as long as there is one.
 */
export interface MetadataStore {
  readonly name: string;
  open(): Promise<void>;
  /** Waits for commits under way. Nothing may be called afterwards. */
  close(): Promise<void>;
  get(key: Key): Promise<Uint8Array | undefined>;
  /** Values in the order of `keys`, from one snapshot. */
  getMany(keys: readonly Key[]): Promise<readonly (Uint8Array | undefined)[]>;
  /** Entries in key order from one snapshot. The bytes belong to the caller. */
  scan(range: Range, options: ScanOptions): Promise<readonly Entry[]>;
  /** As `scan`, for who needs the keys alone: several times quicker. */
  scanKeys(range: Range, options: ScanOptions): Promise<readonly Key[]>;
  commit(commit: Commit): Promise<CommitResult>;
}
