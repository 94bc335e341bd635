import type { Digest, DigestAlgorithm } from '@zot-artifact-store/spec';
import type { KeyPart } from '../metadata/keys.ts';
import type { Transaction } from '../metadata/transaction.ts';
import type { ByteRange, StagedId } from './blob-driver.ts';
import type { HashAlgorithm } from './hashing/hash-algorithm.ts';

/** Bytes with a digest, as the rest of the server sees them. */
export interface BlobInfo {
  readonly digest: Digest;
  readonly sizeBytes: number;
  readonly createdAtMs: number;
  /** The digest is a name that `composeParts` gave: it says nothing of the content, and clients must not see it. */
  readonly provisional?: true;
}

/**
 * Who needs a blob: a short tuple that starts with the kind of owner, for example `['repository', name]`,
 * `['manifest', name, { digest }]`, `['object', bucket, key, version]`. One (digest, owner) pair is one edge.
 */
export type EdgeOwner = readonly [string, ...KeyPart[]];

export interface IngestOptions {
  /** The digest the client promised; `digest-mismatch` when the bytes hash to something else. */
  readonly expected?: Digest;
  /** The algorithm of the resulting digest when nothing was promised (default sha256). */
  readonly algorithm?: DigestAlgorithm;
  /** The length the client promised; `size-invalid` when the stream has another. */
  readonly expectedBytes?: number;
  /** Further hashes of the same bytes, taken on the way; see `PreparedBlob.hashes`. One that names the content costs nothing. */
  readonly alsoHash?: readonly HashAlgorithm[];
  /** `body-too-large` above this. */
  readonly maxBytes?: number;
  readonly signal?: AbortSignal;
}

/**
 * Bytes that are durable but not yet visible. `transact` makes them visible together with the records that need
 * them; `discard` forgets them. Exactly one of the two must be called.
 */
export interface PreparedBlob {
  readonly digest: Digest;
  readonly sizeBytes: number;
  /** In lower-case hex, exactly those of `alsoHash`. */
  readonly hashes: Readonly<Partial<Record<HashAlgorithm, string>>>;
  discard(): Promise<void>;
}

/** A regular file that is not the store's: for example a blob of an OCI image layout. */
export interface OutsideFile {
  readonly path: string;
  readonly sizeBytes: number;
  read(): AsyncIterable<Uint8Array>;
}

/** A durable piece of an upload that is not finished: staged by `stageSegment`, turned into a blob by `assemble`. */
export interface Segment {
  readonly stagedId: StagedId;
  readonly sizeBytes: number;
  /** Digest of this segment's bytes alone. */
  readonly digest: Digest;
  /** Set when the source ended early with an error: the segment holds what had arrived by then. */
  readonly interrupted?: unknown;
}

/**
 * The content-addressed store of one volume: ingest, lookup, edges. Everything that makes content visible goes through
 * `transact`, which keeps the write order: bytes durable first, then one metadata commit.
 */
export interface ContentStore {
  /** '' for the main volume, else the configured sub-path ('/a'). */
  readonly volume: string;

  /** Undefined also when the bytes are known to be damaged, so that a client uploads, and thereby repairs, the blob. */
  stat(digest: Digest): Promise<BlobInfo | undefined>;

  /**
   * Streams the blob or the part of it in `range` (which must lie inside it). Throws `blob-unknown`; `blob-corrupt`
   * when scrub found its bytes altered. Inline, file and composite blobs look the same.
   */
  read(
    digest: Digest,
    options?: { readonly range?: ByteRange; readonly signal?: AbortSignal },
  ): Promise<AsyncIterable<Uint8Array>>;

  /** The whole of a small blob, through a bounded cache. Throws as `read`, and `body-too-large` above `limitBytes`. */
  readWhole(digest: Digest, limitBytes: number): Promise<Buffer>;

  /** Stream to durable bytes: limit, hash, compare. Small bodies stay in memory and become inline blobs. */
  ingest(source: AsyncIterable<Uint8Array> | Uint8Array, options?: IngestOptions): Promise<PreparedBlob>;

  /**
   * As `ingest`, of a file that stays where it is: `linked` tells that the store and the file now share their bytes,
   * because the filesystem allowed a hard link and `mayLink` did. Either way every byte is read and compared.
   */
  takeOver(
    file: OutsideFile,
    options: IngestOptions & { readonly mayLink: boolean },
  ): Promise<{ readonly prepared: PreparedBlob; readonly linked: boolean }>;

  /**
   * Makes the new file `path` share its bytes with the blob, or hold a durable copy of them where the filesystem
   * refuses a link. Undefined, and no file, when the blob is not one local file: then `read` it. Throws as `read`.
   */
  linkOut(digest: Digest, path: string): Promise<{ readonly linked: boolean } | undefined>;

  /**
   * Appends what `source` yields to durable storage as one segment. A source that fails after some bytes gives a
   * segment with `interrupted` set; one that fails before any, or a full disk, throws.
   */
  stageSegment(
    source: AsyncIterable<Uint8Array>,
    options?: {
      readonly algorithm?: DigestAlgorithm;
      readonly maxBytes?: number;
      /** A hint: a segment of another length is as good. */
      readonly expectedBytes?: number;
      readonly signal?: AbortSignal;
    },
  ): Promise<Segment>;
  /**
   * Joins segments in order into one prepared blob. A single segment is published as it is, without copying. The
   * segments stay the caller's until `transact` succeeds, which removes them: until then, also after a crash at any
   * moment, they can be assembled again. `blob-unknown` here or there when one of them is gone. With `handOver` they
   * are the blob's from now on, as nobody needs them for anything else: that spares a second name for their bytes.
   */
  assemble(
    segments: readonly Segment[],
    options?: IngestOptions & { readonly handOver?: boolean },
  ): Promise<PreparedBlob>;
  discardSegments(segments: readonly Pick<Segment, 'stagedId'>[]): Promise<void>;

  /**
   * Prepares a blob that is the concatenation of blobs already in the store, without copying (multipart upload).
   * `digest` is trusted: the caller computed it. Parts must be visible when the transaction commits, have the size that
   * is given, and may repeat; of a part that is such a blob itself, its own parts are taken. `argument-invalid` when
   * they are more than 100,000 in all.
   */
  compose(
    digest: Digest,
    parts: readonly { readonly digest: Digest; readonly sizeBytes: number }[],
  ): PreparedBlob;
  /**
   * As `compose`, when nobody has hashed the whole yet. The blob has a provisional name: in the form of a sha256 digest,
   * random, and never to be shown to a client as the digest of anything. All else works with it as with any blob. Once
   * the digest is known (`hashWhole`), `compose(digest, [provisional])` gives the same parts their lasting name.
   */
  composeParts(parts: readonly { readonly digest: Digest; readonly sizeBytes: number }[]): PreparedBlob;

  /**
   * Reads a blob to its end, with bounded memory, and hashes it off the event loop; in lower-case hex, one for each
   * algorithm. Throws as `read`.
   */
  hashWhole(
    digest: Digest,
    algorithms: readonly HashAlgorithm[],
    options?: { readonly signal?: AbortSignal },
  ): Promise<Readonly<Partial<Record<HashAlgorithm, string>>>>;

  /**
   * Read, decide, commit with retries (see metadata/transaction). Adds the records of `prepared` to the transaction,
   * publishing their bytes first and only when the store does not have them yet. When the call throws, `prepared`
   * is discarded.
   */
  transact<T>(
    prepared: readonly PreparedBlob[],
    attempt: (transaction: Transaction) => Promise<T> | T,
  ): Promise<T>;

  /**
   * Adds the edge, and the check that the blob exists when the transaction commits (a `prepared` blob of the same
   * transaction counts). Setting an edge twice is the same as once.
   */
  addEdge(transaction: Transaction, digest: Digest, owner: EdgeOwner): void;
  /** Removes the edge and makes the blob a candidate for collection, unless the transaction gives it another. */
  removeEdge(transaction: Transaction, digest: Digest, owner: EdgeOwner): void;
  /** Whether any owner whose tuple starts with `ownerPrefix` holds the blob. */
  isOwned(digest: Digest, ownerPrefix: readonly KeyPart[]): Promise<boolean>;
  /** The prefix of the edges of `digest` whose owner starts with `ownerPrefix`, for `expectEmpty`. */
  edgePrefix(digest: Digest, ownerPrefix: readonly KeyPart[]): Uint8Array;
}
