import type { ContentStore } from '../../../content/content-store.ts';
import type { MetadataStore } from '../../../metadata/metadata-store.ts';
import type { Transaction } from '../../../metadata/transaction.ts';
import { s3Keys } from './keyspace.ts';
import { dropParts } from './object-parts.ts';
import { nextOrder } from './order.ts';
import {
  type DeleteMarker,
  type ObjectVersion,
  objectCodec,
  type VersionRecord,
  versionCodec,
} from './records.ts';
import { dropExtra, versionPlace } from './version-extra.ts';
import { foundObject } from './version-reader.ts';
import { type FoundVersion, type KeyPlace, type VersionsDeps, versionOwner } from './versions.ts';

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

/** What is current: one of the two, or nothing. */
export interface Heads {
  readonly object: FoundVersion<ObjectVersion> | undefined;
  readonly marker: DeleteMarker | undefined;
}

/** The rows of the versions of a key, moved within a transaction so that the invariants above hold. */
export class VersionRows {
  readonly #metadata: MetadataStore;
  readonly #content: ContentStore;
  readonly #clock: { now(): number };

  constructor({ metadata, content, clock }: VersionsDeps) {
    this.#metadata = metadata;
    this.#content = content;
    this.#clock = clock;
  }

  /** Reads `o` and `m`, and expects them, and the bucket whose state decides what is done, as they are. */
  async expectHeads(transaction: Transaction, place: KeyPlace): Promise<Heads> {
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
  async makeRoom(
    transaction: Transaction,
    place: KeyPlace,
    { object, marker }: Heads,
  ): Promise<{ readonly order: string; readonly isNull: boolean }> {
    const { versioning } = place.bucket.record;
    const newest = object?.record.order ?? marker?.order;
    const order = nextOrder(this.#clock.now(), newest);
    if (versioning === 'unversioned') {
      if (object !== undefined) this.release(transaction, place, object.record);
      return { order, isNull: true };
    }
    const isNull = versioning === 'suspended';
    if (object?.record.isNull && isNull) this.release(transaction, place, object.record);
    else if (object !== undefined) this.putOlder(transaction, place, object.record);
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
    this.dropOlder(transaction, place, record);
    if (record.kind === 'object') this.release(transaction, place, record);
  }

  /** The newest version in `v` becomes current: an object moves to `o`, a marker is copied to `m`. */
  async promote(transaction: Transaction, place: KeyPlace, after?: string): Promise<void> {
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
    this.dropOlder(transaction, place, record);
    transaction.put(s3Keys.current(id, place.key), objectCodec.encode(record));
  }

  putOlder(transaction: Transaction, place: KeyPlace, record: VersionRecord): void {
    const { id } = place.bucket.record;
    transaction.put(s3Keys.version(id, place.key, record.order), versionCodec.encode(record));
    if (record.isNull) transaction.put(s3Keys.nullVersion(id, place.key), Buffer.from(record.order));
  }

  dropOlder(transaction: Transaction, place: KeyPlace, record: VersionRecord): void {
    const { id } = place.bucket.record;
    transaction.delete(s3Keys.version(id, place.key, record.order));
    if (record.isNull) transaction.delete(s3Keys.nullVersion(id, place.key));
  }

  /** Lets go of what a version that ends has: its body and its further rows. */
  release(transaction: Transaction, place: KeyPlace, record: ObjectVersion): void {
    const { id } = place.bucket.record;
    dropExtra(transaction, versionPlace(place), record);
    dropParts(transaction, versionPlace(place), record);
    this.#content.removeEdge(transaction, record.body, versionOwner(id, place.key, record.order));
  }
}

function asMarker(record: VersionRecord): DeleteMarker {
  if (record.kind === 'marker') return record;
  throw new Error('the current marker row holds an object');
}
