import { type Digest, StoreError } from '@zot-artifact-store/spec';
import type { MetadataStore } from '../metadata/metadata-store.ts';
import { recordCodec } from '../metadata/record.ts';
import type { ObjectName } from './blob-driver.ts';
import { contentKeys } from './keyspace.ts';

export type BlobLocation =
  | { readonly kind: 'inline'; readonly bytes: Uint8Array }
  | { readonly kind: 'file'; readonly name: ObjectName }
  /** The concatenation of `parts` blobs, listed in `pages` rows of the parts table. */
  | {
      readonly kind: 'composite';
      readonly parts: number;
      readonly pages: number;
      /** Its digest is a random name: nobody has hashed the whole yet. */
      readonly provisional?: true;
    };

export interface BlobRecord {
  readonly size: number;
  readonly createdAtMs: number;
  /** Set by scrub: the bytes are missing or altered and must not be served. */
  readonly corrupt?: true;
  readonly location: BlobLocation;
}

/** A record with the value it was read from, which is its version. */
export interface FoundBlob {
  readonly value: Uint8Array;
  readonly record: BlobRecord;
}

const codec = recordCodec<BlobRecord>('blob', 1);

export function encodeBlob(record: BlobRecord): Uint8Array {
  return codec.encode(record);
}

/** Throws `internal` when the value is not a blob record this server knows. */
export function decodeBlob(digest: Digest, value: Uint8Array): BlobRecord {
  let record: BlobRecord;
  try {
    record = codec.decode(value);
  } catch (cause) {
    throw new StoreError('internal', `the record of ${digest} cannot be read`, { resource: digest, cause });
  }
  if (!Number.isSafeInteger(record?.size) || !['inline', 'file', 'composite'].includes(record.location?.kind))
    throw new StoreError('internal', `the record of ${digest} makes no sense`, { resource: digest });
  return record;
}

export function isProvisional({ location }: BlobRecord): boolean {
  return location.kind === 'composite' && location.provisional === true;
}

export async function findBlob(
  { metadata, volume }: { readonly metadata: MetadataStore; readonly volume: string },
  digest: Digest,
): Promise<FoundBlob | undefined> {
  const value = await metadata.get(contentKeys.blob(volume, digest));
  return value && { value, record: decodeBlob(digest, value) };
}

export function blobUnknown(digest: Digest): StoreError {
  return new StoreError('blob-unknown', `the store has no blob ${digest}`, { resource: digest });
}

export function blobCorrupt(digest: Digest, cause?: unknown): StoreError {
  return new StoreError(
    'blob-corrupt',
    `the stored bytes of ${digest} are damaged or missing; upload the blob again to repair it`,
    { resource: digest, ...(cause === undefined ? {} : { cause }) },
  );
}
