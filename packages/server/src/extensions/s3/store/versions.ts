import { StoreError } from '@zot-artifact-store/spec';
import type { ContentStore, EdgeOwner } from '../../../content/content-store.ts';
import type { MetadataStore } from '../../../metadata/metadata-store.ts';
import type { Transaction } from '../../../metadata/transaction.ts';
import type { StoredBucket } from './buckets.ts';
import { s3Keys } from './keyspace.ts';
import { dropParts, placeParts } from './object-parts.ts';
import { nextOrder } from './order.ts';
import {
  type DeleteMarker,
  type ObjectPart,
  type ObjectVersion,
  objectCodec,
  type UserName,
  type VersionExtra,
  type VersionRecord,
  versionCodec,
} from './records.ts';
import { dropExtra, placeExtra, readExtra, type VersionPlace } from './version-extra.ts';

/*
 * Invariants of one key, kept by every transaction here:
 * - In a bucket that was never versioned there is at most an `o` row.
 * - Else exactly one of `o` and `m` exists as long as there is any version: `o` when the current version is an object,
 *   `m` (a copy of the newest `v` row) when it is a delete marker. All other versions stand in `v`.
 * - At most one version has the id `null`; `n` names its order while it stands in `v`.
 * - A version holds its body by the edge of its order, which stays the same while the version moves from `o` to `v`
 *   and back.
 *
 * Whatever makes, removes or promotes a current version changes `o` or `m` and expects both as it read them, so of two
 * such transactions on one key one loses. What only removes or changes a row of `v` expects that row; a promotion
 * expects the row that it promotes.
 */

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
  /**
   * What describes a version that was read in the same attempt. When it was replaced since, the transaction is lost
   * anyway, and this throws `conflict`.
   */
  /** By what it is sorted by, whatever its id. */
  findByOrder(place: KeyPlace, order: string): Promise<FoundVersion | undefined>;
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

export function createVersions(deps: VersionsDeps): Versions {
  return new StoredVersions(deps);
}

interface Heads {
  readonly object: FoundVersion<ObjectVersion> | undefined;
  readonly marker: DeleteMarker | undefined;
}

/** A null version moves only when the key is written, so looking again finds it. */
const MAX_LOOKS = 16;

class StoredVersions implements Versions {
  readonly #metadata: MetadataStore;
  readonly #content: ContentStore;
  readonly #clock: { now(): number };

  constructor({ metadata, content, clock }: VersionsDeps) {
    this.#metadata = metadata;
    this.#content = content;
    this.#clock = clock;
  }

  async current(place: KeyPlace): Promise<FoundVersion | undefined> {
    const { id, versioning } = place.bucket.record;
    const objectKey = s3Keys.current(id, place.key);
    if (versioning === 'unversioned') return foundObject(await this.#metadata.get(objectKey));
    const [object, marker] = await this.#metadata.getMany([objectKey, s3Keys.currentMarker(id, place.key)]);
    if (object !== undefined) return foundObject(object);
    return marker && { record: versionCodec.decode(marker), row: 'older', raw: marker };
  }

  async find(place: KeyPlace, versionId: string): Promise<FoundVersion | undefined> {
    const { id } = place.bucket.record;
    const { key } = place;
    const currentKey = s3Keys.current(id, key);
    // A null version is found by its name alone, not by the order that a listing never shows.
    if (versionId !== 'null') return this.#findByOrder(place, versionId, false);
    for (let tries = 0; tries < MAX_LOOKS; tries++) {
      const [current, pointer] = await this.#metadata.getMany([currentKey, s3Keys.nullVersion(id, key)]);
      const object = foundObject(current);
      if (object?.record.isNull === true) return object;
      if (pointer === undefined) return undefined;
      // Not there: it became current, or went, between the two reads.
      const found = await this.#findByOrder(place, Buffer.from(pointer).toString(), true);
      if (found !== undefined) return found;
    }
    throw changesTooFast(key);
  }

  /** From one snapshot, so that a version that moves between its two places is never missed. */
  async #findByOrder(place: KeyPlace, order: string, isNull: boolean): Promise<FoundVersion | undefined> {
    const { id } = place.bucket.record;
    const [current, older] = await this.#metadata.getMany([
      s3Keys.current(id, place.key),
      s3Keys.version(id, place.key, order),
    ]);
    if (older !== undefined) {
      const record = versionCodec.decode(older);
      return record.isNull === isNull ? { record, row: 'older', raw: older } : undefined;
    }
    const object = foundObject(current);
    return object?.record.order === order && object.record.isNull === isNull ? object : undefined;
  }

  async describe(place: KeyPlace, versionId: string | undefined): Promise<DescribedVersion | undefined> {
    for (let tries = 0; tries < MAX_LOOKS; tries++) {
      const found = await (versionId === undefined ? this.current(place) : this.find(place, versionId));
      if (found === undefined) return undefined;
      const { record } = found;
      if (record.kind === 'marker') return { found: { ...found, record } };
      const extra = record.extra ?? (await readExtra(this.#metadata, versionPlace(place), record));
      if (extra !== undefined) return { found: { ...found, record }, extra };
    }
    throw changesTooFast(place.key);
  }

  async findByOrder(place: KeyPlace, order: string): Promise<FoundVersion | undefined> {
    const { id } = place.bucket.record;
    const [currentRow, raw] = await this.#metadata.getMany([
      s3Keys.current(id, place.key),
      s3Keys.version(id, place.key, order),
    ]);
    const current = foundObject(currentRow);
    if (current?.record.order === order) return current;
    return raw && { record: versionCodec.decode(raw), row: 'older', raw };
  }

  async extra(place: KeyPlace, version: ObjectVersion): Promise<VersionExtra> {
    const extra = await readExtra(this.#metadata, versionPlace(place), version);
    if (extra === undefined) throw changesTooFast(place.key);
    return extra;
  }

  async put(
    transaction: Transaction,
    place: KeyPlace,
    { extra, parts, ...version }: NewVersion,
    condition?: Condition,
  ): Promise<ObjectVersion> {
    const { id } = place.bucket.record;
    const heads = await this.#expectHeads(transaction, place);
    await condition?.(heads.object?.record ?? heads.marker);
    const { order, isNull } = await this.#makeRoom(transaction, place, heads);
    const { record, raw } = placeExtra(
      transaction,
      versionPlace(place),
      {
        ...version,
        ...(parts === undefined ? {} : placeParts(transaction, { ...versionPlace(place), order }, parts)),
        kind: 'object',
        order,
        isNull,
        modifiedAtMs: this.#clock.now(),
      },
      { extra, revision: 0 },
    );
    transaction.put(s3Keys.current(id, place.key), raw);
    if (heads.marker !== undefined) transaction.delete(s3Keys.currentMarker(id, place.key));
    this.#content.addEdge(transaction, record.body, versionOwner(id, place.key, order));
    return record;
  }

  async remove(
    transaction: Transaction,
    place: KeyPlace,
    by: UserName,
    condition?: (current: VersionRecord | undefined) => boolean,
  ): Promise<RemovedKey> {
    const { id, versioning } = place.bucket.record;
    const heads = await this.#expectHeads(transaction, place);
    if (condition?.(heads.object?.record ?? heads.marker) === false) return {};
    if (versioning === 'unversioned') {
      if (heads.object === undefined) return {};
      transaction.mayUseReserve = true;
      transaction.delete(s3Keys.current(id, place.key));
      this.#release(transaction, place, heads.object.record);
      return { removed: heads.object.record };
    }
    const { order, isNull } = await this.#makeRoom(transaction, place, heads);
    const marker: DeleteMarker = {
      kind: 'marker',
      order,
      isNull,
      modifiedAtMs: this.#clock.now(),
      owner: by,
    };
    if (heads.object !== undefined) {
      // The first step towards giving its space back; a marker that hides nothing only takes space.
      transaction.mayUseReserve = true;
      transaction.delete(s3Keys.current(id, place.key));
    }
    transaction.put(s3Keys.currentMarker(id, place.key), versionCodec.encode(marker));
    this.#putOlder(transaction, place, marker);
    return { marker };
  }

  async removeVersion(
    transaction: Transaction,
    place: KeyPlace,
    versionId: string,
    condition?: (version: VersionRecord) => Promise<void> | void,
  ): Promise<VersionRecord | undefined> {
    const { id } = place.bucket.record;
    const heads = await this.#expectHeads(transaction, place);
    const found = await this.find(place, versionId);
    if (found === undefined) return undefined;
    const { record } = found;
    await condition?.(record);
    transaction.mayUseReserve = true;
    if (record.kind === 'object') this.#release(transaction, place, record);
    if (found.row === 'current') {
      transaction.delete(s3Keys.current(id, place.key));
      await this.#promote(transaction, place);
      return record;
    }
    transaction.expectUnchanged(s3Keys.version(id, place.key, record.order), found.raw);
    this.#dropOlder(transaction, place, record);
    if (heads.marker?.order === record.order) {
      transaction.delete(s3Keys.currentMarker(id, place.key));
      await this.#promote(transaction, place, record.order);
    }
    return record;
  }

  async update(
    transaction: Transaction,
    place: KeyPlace,
    found: FoundVersion<ObjectVersion>,
    change: VersionChange,
  ): Promise<ObjectVersion> {
    const { id } = place.bucket.record;
    const { record, row, raw } = found;
    const extra = change.extra ?? (await this.extra(place, record));
    const { extra: _inside, extraRows: _rows, extraRevision = 0, ...rest } = record;
    dropExtra(transaction, versionPlace(place), record);
    const { record: updated, raw: placed } = placeExtra(
      transaction,
      versionPlace(place),
      { ...changed(rest, change.record), order: record.order, isNull: record.isNull },
      { extra, revision: extraRevision + 1 },
    );
    const rowKey =
      row === 'current' ? s3Keys.current(id, place.key) : s3Keys.version(id, place.key, record.order);
    transaction.expectUnchanged(rowKey, raw);
    transaction.put(rowKey, placed);
    if (updated.body !== record.body) {
      const owner = versionOwner(id, place.key, record.order);
      this.#content.addEdge(transaction, updated.body, owner);
      this.#content.removeEdge(transaction, record.body, owner);
    }
    return updated;
  }

  /** Reads `o` and `m`, and expects them, and the bucket whose state decides what is done, as they are. */
  async #expectHeads(transaction: Transaction, place: KeyPlace): Promise<Heads> {
    const { id, versioning } = place.bucket.record;
    transaction.expectUnchanged(s3Keys.bucket(place.bucket.name), place.bucket.raw);
    const objectKey = s3Keys.current(id, place.key);
    if (versioning === 'unversioned') {
      const object = await this.#metadata.get(objectKey);
      transaction.expectUnchanged(objectKey, object);
      return { object: foundObject(object), marker: undefined };
    }
    const markerKey = s3Keys.currentMarker(id, place.key);
    const [object, marker] = await this.#metadata.getMany([objectKey, markerKey]);
    transaction.expectUnchanged(objectKey, object);
    transaction.expectUnchanged(markerKey, marker);
    return { object: foundObject(object), marker: marker && asMarker(versionCodec.decode(marker)) };
  }

  /**
   * Moves the current object out of the way of a newer version, or drops it where the newer one replaces it, and
   * drops the null version where the newer one will be null.
   */
  async #makeRoom(
    transaction: Transaction,
    place: KeyPlace,
    { object, marker }: Heads,
  ): Promise<{ readonly order: string; readonly isNull: boolean }> {
    const { versioning } = place.bucket.record;
    const newest = object?.record.order ?? marker?.order;
    const order = nextOrder(this.#clock.now(), newest);
    if (versioning === 'unversioned') {
      if (object !== undefined) this.#release(transaction, place, object.record);
      return { order, isNull: true };
    }
    const isNull = versioning === 'suspended';
    if (object?.record.isNull && isNull) this.#release(transaction, place, object.record);
    else if (object !== undefined) this.#putOlder(transaction, place, object.record);
    if (isNull && !object?.record.isNull) await this.#dropNull(transaction, place);
    return { order, isNull };
  }

  /** Drops the null version from `v`, if there is one. */
  async #dropNull(transaction: Transaction, place: KeyPlace): Promise<void> {
    const { id } = place.bucket.record;
    const pointerKey = s3Keys.nullVersion(id, place.key);
    const pointer = await this.#metadata.get(pointerKey);
    transaction.expectUnchanged(pointerKey, pointer);
    if (pointer === undefined) return;
    const rowKey = s3Keys.version(id, place.key, Buffer.from(pointer).toString());
    const raw = await this.#metadata.get(rowKey);
    transaction.expectUnchanged(rowKey, raw);
    if (raw === undefined) return;
    const record = versionCodec.decode(raw);
    this.#dropOlder(transaction, place, record);
    if (record.kind === 'object') this.#release(transaction, place, record);
  }

  /** The newest version in `v` becomes current: an object moves to `o`, a marker is copied to `m`. */
  async #promote(transaction: Transaction, place: KeyPlace, after?: string): Promise<void> {
    const { id } = place.bucket.record;
    const [next] = await this.#metadata.scan(
      { prefix: s3Keys.versionsOf(id, place.key) },
      { limit: 1, ...(after === undefined ? {} : { after: s3Keys.version(id, place.key, after) }) },
    );
    if (next === undefined) return;
    transaction.expectUnchanged(next.key, next.value);
    const record = versionCodec.decode(next.value);
    if (record.kind === 'marker') {
      transaction.put(s3Keys.currentMarker(id, place.key), next.value);
      return;
    }
    this.#dropOlder(transaction, place, record);
    transaction.put(s3Keys.current(id, place.key), objectCodec.encode(record));
  }

  #putOlder(transaction: Transaction, place: KeyPlace, record: VersionRecord): void {
    const { id } = place.bucket.record;
    transaction.put(s3Keys.version(id, place.key, record.order), versionCodec.encode(record));
    if (record.isNull) transaction.put(s3Keys.nullVersion(id, place.key), Buffer.from(record.order));
  }

  #dropOlder(transaction: Transaction, place: KeyPlace, record: VersionRecord): void {
    const { id } = place.bucket.record;
    transaction.delete(s3Keys.version(id, place.key, record.order));
    if (record.isNull) transaction.delete(s3Keys.nullVersion(id, place.key));
  }

  /** Lets go of what a version that ends has: its body and its further rows. */
  #release(transaction: Transaction, place: KeyPlace, record: ObjectVersion): void {
    const { id } = place.bucket.record;
    dropExtra(transaction, versionPlace(place), record);
    dropParts(transaction, versionPlace(place), record);
    this.#content.removeEdge(transaction, record.body, versionOwner(id, place.key, record.order));
  }
}

function changed<R extends object>(record: R, change: object | undefined): R {
  const entries = Object.entries({ ...record, ...change }).filter(([, value]) => value !== undefined);
  // What the change takes away is optional in the record, or the change would not be one.
  return Object.fromEntries(entries) as R;
}

function versionPlace({ bucket, key }: KeyPlace): VersionPlace {
  return { bucketId: bucket.record.id, key };
}

function changesTooFast(key: string): StoreError {
  return new StoreError('conflict', `"${key}" changes faster than it can be read; try again`, {
    retryAfterSeconds: 1,
  });
}

function foundObject(raw: Uint8Array | undefined): FoundVersion<ObjectVersion> | undefined {
  return raw && { record: objectCodec.decode(raw), row: 'current', raw };
}

function asMarker(record: VersionRecord): DeleteMarker {
  if (record.kind === 'marker') return record;
  throw new Error('the current marker row holds an object');
}
