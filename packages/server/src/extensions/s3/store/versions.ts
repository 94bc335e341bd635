import type { ContentStore, EdgeOwner } from '../../../content/content-store.ts';
import type { MetadataStore } from '../../../metadata/metadata-store.ts';
import type { Transaction } from '../../../metadata/transaction.ts';
import type { StoredBucket } from './buckets.ts';
import type {
  DeleteMarker,
  ObjectPart,
  ObjectVersion,
  UserName,
  VersionExtra,
  VersionRecord,
} from './records.ts';

/** A version with the row it stands in. */
export interface FoundVersion<R extends VersionRecord = VersionRecord> {
  readonly record: R;
  readonly row: 'current' | 'older';
  readonly raw: Uint8Array;
}

export interface NewVersion
  extends Pick<
    ObjectVersion,
    'sizeBytes' | 'etag' | 'body' | 'sha256' | 'checksum' | 'encryption' | 'owner' | 'retention' | 'legalHold'
  > {
  /** Of a multipart object, in order. */
  readonly parts?: readonly ObjectPart[];
  readonly extra: VersionExtra;
}

export interface VersionChange {
  /** What is undefined in it goes from the record. */
  readonly record?: { readonly [Field in keyof ObjectVersion]?: ObjectVersion[Field] | undefined };
  readonly extra?: VersionExtra;
}

export interface KeyPlace {
  /** Read in the same attempt: the transaction expects it unchanged. */
  readonly bucket: StoredBucket;
  readonly key: string;
}

/** A version and, when it is an object, its extra. */
export type DescribedVersion =
  | { readonly found: FoundVersion<ObjectVersion>; readonly extra: VersionExtra }
  | { readonly found: FoundVersion<DeleteMarker>; readonly extra?: never };

/** Judges what is there now, inside the transaction; throws to refuse. */
export type Condition = (current: VersionRecord | undefined) => Promise<void> | void;

/** What a DELETE without a version id did: one of the two, or nothing. */
export interface RemovedKey {
  readonly marker?: DeleteMarker;
  readonly removed?: ObjectVersion;
}

export interface Versions {
  /** The current version: an object, a delete marker, or nothing. */
  current(place: KeyPlace): Promise<FoundVersion | undefined>;
  /** By version id; `null` is the id of what was written without versioning. */
  find(place: KeyPlace, versionId: string): Promise<FoundVersion | undefined>;
  /** The current version, or the one with the id, and what describes it. For reads: consistent without a transaction. */
  describe(place: KeyPlace, versionId: string | undefined): Promise<DescribedVersion | undefined>;
  /** By what it is sorted by, whatever its id. */
  findByOrder(place: KeyPlace, order: string): Promise<FoundVersion | undefined>;
  /**
   * What describes a version that was read in the same attempt. When it was replaced since, the transaction is lost
   * anyway, and this throws `conflict`.
   */
  extra(place: KeyPlace, version: ObjectVersion): Promise<VersionExtra>;
  /** Makes `version` the current one. Its body must be prepared in the same `content.transact`, or be there. */
  put(
    transaction: Transaction,
    place: KeyPlace,
    version: NewVersion,
    condition?: Condition,
  ): Promise<ObjectVersion>;
  /**
   * A DELETE without a version id: removes the object of an unversioned bucket, else adds a delete marker. Does nothing
   * when `condition` says no.
   */
  remove(
    transaction: Transaction,
    place: KeyPlace,
    by: UserName,
    condition?: (current: VersionRecord | undefined) => boolean,
  ): Promise<RemovedKey>;
  /** Removes one version for good and returns it; the next older becomes current. Undefined when it is not there. */
  removeVersion(
    transaction: Transaction,
    place: KeyPlace,
    versionId: string,
    condition?: (version: VersionRecord) => Promise<void> | void,
  ): Promise<VersionRecord | undefined>;
  /** Replaces the record (and extra) of a version where it stands; order and id stay. */
  update(
    transaction: Transaction,
    place: KeyPlace,
    found: FoundVersion<ObjectVersion>,
    change: VersionChange,
  ): Promise<ObjectVersion>;
}

export interface VersionsDeps {
  readonly metadata: MetadataStore;
  readonly content: ContentStore;
  readonly clock: { now(): number };
}

/** Who holds a version's body. */
export function versionOwner(bucketId: string, key: string, order: string): EdgeOwner {
  return ['s3', bucketId, key, order];
}

/** `null`, or the order itself. */
export function versionIdOf(record: Pick<VersionRecord, 'isNull' | 'order'>): string {
  return record.isNull ? 'null' : record.order;
}

export function isObject(found: FoundVersion): found is FoundVersion<ObjectVersion> {
  return found.record.kind === 'object';
}
