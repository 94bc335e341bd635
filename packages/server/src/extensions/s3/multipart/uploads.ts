import type { EdgeOwner } from '../../../content/content-store.ts';
import type { MetadataStore } from '../../../metadata/metadata-store.ts';
import { type Transaction, transact } from '../../../metadata/transaction.ts';
import { S3Error } from '../errors.ts';
import type { Buckets } from '../store/buckets.ts';
import { s3Keys } from '../store/keyspace.ts';
import type { VersionExtra } from '../store/records.ts';
import type { KeyPlace } from '../store/versions.ts';
import { type PartRecord, partCodec, type UploadRecord, uploadCodec } from './records.ts';
import { dropUploadExtra, placeUploadExtra, readUploadExtra } from './upload-extra.ts';
import { isUploadId, newUploadId } from './upload-id.ts';

export interface StoredUpload {
  readonly uploadId: string;
  readonly record: UploadRecord;
  readonly raw: Uint8Array;
}

export type NewUpload = Omit<UploadRecord, 'initiatedAtMs' | 'extra' | 'extraRows'> & {
  readonly extra: VersionExtra;
};

export interface UploadPlace extends KeyPlace {
  readonly uploadId: string;
}

/** Multipart uploads under way. */
export interface Uploads {
  /** Gives the id. `decide` is asked again when the bucket changes meanwhile. */
  create(decide: () => Promise<{ readonly place: KeyPlace; readonly upload: NewUpload }>): Promise<string>;
  find(place: UploadPlace): Promise<StoredUpload | undefined>;
  /** Throws NoSuchUpload. */
  require(place: UploadPlace): Promise<StoredUpload>;
  extra(place: UploadPlace, upload: StoredUpload): Promise<VersionExtra>;
  /** Adds or replaces a part; its bytes are held for the upload. The transaction expects the upload unchanged. */
  putPart(
    transaction: Transaction,
    place: UploadPlace,
    part: { readonly partNumber: number; readonly record: PartRecord },
  ): Promise<void>;
  /** Ends the upload in this transaction; its parts are let go by a task afterwards. */
  end(transaction: Transaction, place: UploadPlace, upload: StoredUpload): void;
}

/** Who holds the bytes of a part until the upload is over. */
export function partOwner(uploadId: string, partNumber: number): EdgeOwner {
  return ['s3-part', uploadId, partNumber];
}

export function noSuchUpload(uploadId: string): S3Error {
  return new S3Error(
    'NoSuchUpload',
    'The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed.',
    { fields: { UploadId: uploadId.slice(0, 256) } },
  );
}

export interface UploadsDeps {
  readonly metadata: MetadataStore;
  readonly content: {
    addEdge(transaction: Transaction, digest: PartRecord['digest'], owner: EdgeOwner): void;
    removeEdge(transaction: Transaction, digest: PartRecord['digest'], owner: EdgeOwner): void;
  };
  readonly buckets: Buckets;
  readonly clock: { now(): number };
}

export function createUploads({ metadata, content, buckets, clock }: UploadsDeps): Uploads {
  const find = async ({ bucket, key, uploadId }: UploadPlace): Promise<StoredUpload | undefined> => {
    if (!isUploadId(uploadId)) return undefined;
    const raw = await metadata.get(s3Keys.upload(bucket.record.id, key, uploadId));
    return raw && { uploadId, record: uploadCodec.decode(raw), raw };
  };
  const require = async (place: UploadPlace): Promise<StoredUpload> => {
    const upload = await find(place);
    if (upload === undefined) throw noSuchUpload(place.uploadId);
    return upload;
  };

  return {
    find,
    require,

    create: (decide) =>
      transact(metadata, async (transaction) => {
        const {
          place: { bucket, key },
          upload,
        } = await decide();
        const uploadId = newUploadId(clock.now());
        buckets.expectBucket(transaction, bucket);
        const record = placeUploadExtra(
          transaction,
          { bucketId: bucket.record.id, key, uploadId },
          { ...upload, initiatedAtMs: clock.now() },
        );
        transaction.put(s3Keys.upload(bucket.record.id, key, uploadId), uploadCodec.encode(record));
        return uploadId;
      }),

    extra: ({ bucket, key, uploadId }, { record }) =>
      readUploadExtra(metadata, { bucketId: bucket.record.id, key, uploadId }, record),

    async putPart(transaction, place, { partNumber, record }) {
      const upload = await require(place);
      const { bucket, key, uploadId } = place;
      transaction.expectUnchanged(s3Keys.upload(bucket.record.id, key, uploadId), upload.raw);
      const rowKey = s3Keys.part(uploadId, partNumber);
      const old = await metadata.get(rowKey);
      transaction.expectUnchanged(rowKey, old);
      const owner = partOwner(uploadId, partNumber);
      const replaced = old && partCodec.decode(old).digest;
      if (replaced !== undefined && replaced !== record.digest) {
        content.removeEdge(transaction, replaced, owner);
      }
      content.addEdge(transaction, record.digest, owner);
      transaction.put(rowKey, partCodec.encode(record));
    },

    end(transaction, { bucket, key, uploadId }, upload) {
      const rowKey = s3Keys.upload(bucket.record.id, key, uploadId);
      transaction.expectUnchanged(rowKey, upload.raw);
      transaction.delete(rowKey);
      dropUploadExtra(transaction, { bucketId: bucket.record.id, key, uploadId }, upload.record);
      transaction.put(s3Keys.uploadOver(uploadId), new Uint8Array());
    },
  };
}
