import { StoreError } from '@zot-artifact-store/spec';
import type { MetadataStore } from '../../../metadata/metadata-store.ts';
import { s3Keys } from './keyspace.ts';
import { type ObjectVersion, objectCodec, type VersionExtra, versionCodec } from './records.ts';
import { readExtra, versionPlace } from './version-extra.ts';
import type { DescribedVersion, FoundVersion, KeyPlace, Versions } from './versions.ts';

/** A null version moves only when the key is written, so looking again finds it. */
const MAX_LOOKS = 16;

/** Finds versions of a key wherever they stand; see `Versions`. */
export class VersionReader
  implements Pick<Versions, 'current' | 'find' | 'describe' | 'findByOrder' | 'extra'>
{
  readonly #metadata: MetadataStore;

  constructor(metadata: MetadataStore) {
    this.#metadata = metadata;
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
}

/** What stands in an `o` row. */
export function foundObject(raw: Uint8Array | undefined): FoundVersion<ObjectVersion> | undefined {
  return raw && { record: objectCodec.decode(raw), row: 'current', raw };
}

function changesTooFast(key: string): StoreError {
  return new StoreError('conflict', `"${key}" changes faster than it can be read; try again`, {
    retryAfterSeconds: 1,
  });
}
