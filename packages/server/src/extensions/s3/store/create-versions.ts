import type { ContentStore } from '../../../content/content-store.ts';
import type { Transaction } from '../../../metadata/transaction.ts';
import { s3Keys } from './keyspace.ts';
import { placeParts } from './object-parts.ts';
import {
  type DeleteMarker,
  type ObjectVersion,
  type UserName,
  type VersionRecord,
  versionCodec,
} from './records.ts';
import { dropExtra, placeExtra, versionPlace } from './version-extra.ts';
import { VersionReader } from './version-reader.ts';
import { VersionRows } from './version-rows.ts';
import {
  type Condition,
  type FoundVersion,
  type KeyPlace,
  type NewVersion,
  type RemovedKey,
  type VersionChange,
  type Versions,
  type VersionsDeps,
  versionOwner,
} from './versions.ts';

export function createVersions(deps: VersionsDeps): Versions {
  return new StoredVersions(deps);
}

class StoredVersions extends VersionReader implements Versions {
  readonly #content: ContentStore;
  readonly #clock: { now(): number };
  readonly #rows: VersionRows;

  constructor(deps: VersionsDeps) {
    super(deps.metadata);
    this.#content = deps.content;
    this.#clock = deps.clock;
    this.#rows = new VersionRows(deps);
  }

  async put(
    transaction: Transaction,
    place: KeyPlace,
    { extra, parts, ...version }: NewVersion,
    condition?: Condition,
  ): Promise<ObjectVersion> {
    const { id } = place.bucket.record;
    const heads = await this.#rows.expectHeads(transaction, place);
    await condition?.(heads.object?.record ?? heads.marker);
    const { order, isNull } = await this.#rows.makeRoom(transaction, place, heads);
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
    const heads = await this.#rows.expectHeads(transaction, place);
    if (condition?.(heads.object?.record ?? heads.marker) === false) return {};
    if (versioning === 'unversioned') {
      if (heads.object === undefined) return {};
      transaction.mayUseReserve = true;
      transaction.delete(s3Keys.current(id, place.key));
      this.#rows.release(transaction, place, heads.object.record);
      return { removed: heads.object.record };
    }
    const { order, isNull } = await this.#rows.makeRoom(transaction, place, heads);
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
    this.#rows.putOlder(transaction, place, marker);
    return { marker };
  }

  async removeVersion(
    transaction: Transaction,
    place: KeyPlace,
    versionId: string,
    condition?: (version: VersionRecord) => Promise<void> | void,
  ): Promise<VersionRecord | undefined> {
    const { id } = place.bucket.record;
    const heads = await this.#rows.expectHeads(transaction, place);
    const found = await this.find(place, versionId);
    if (found === undefined) return undefined;
    const { record } = found;
    await condition?.(record);
    transaction.mayUseReserve = true;
    if (record.kind === 'object') this.#rows.release(transaction, place, record);
    if (found.row === 'current') {
      transaction.delete(s3Keys.current(id, place.key));
      await this.#rows.promote(transaction, place);
      return record;
    }
    transaction.expectUnchanged(s3Keys.version(id, place.key, record.order), found.raw);
    this.#rows.dropOlder(transaction, place, record);
    if (heads.marker?.order === record.order) {
      transaction.delete(s3Keys.currentMarker(id, place.key));
      await this.#rows.promote(transaction, place, record.order);
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
}

function changed<R extends object>(record: R, change: object | undefined): R {
  const entries = Object.entries({ ...record, ...change }).filter(([, value]) => value !== undefined);
  // What the change takes away is optional in the record, or the change would not be one.
  return Object.fromEntries(entries) as R;
}
