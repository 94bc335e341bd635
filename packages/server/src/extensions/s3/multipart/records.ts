import type { Digest } from '@zot-artifact-store/spec';
import { recordCodec } from '../../../metadata/record.ts';
import type {
  Checksum,
  ChecksumAlgorithm,
  ObjectEncryption,
  Retention,
  UserName,
  VersionExtra,
} from '../store/records.ts';

export interface UploadRecord {
  readonly owner: UserName;
  readonly initiatedAtMs: number;
  /** What the client asked for; when it asked for nothing, parts are still hashed for a whole CRC64NVME. */
  readonly checksum?: { readonly algorithm: ChecksumAlgorithm; readonly type: Checksum['type'] };
  /** How each part is sealed, and the object then is. */
  readonly encryption?: ObjectEncryption;
  readonly retention?: Retention;
  readonly legalHold?: boolean;
  /** Absent when it is in `x` rows; `extraRows` then tells how many. */
  readonly extra?: VersionExtra;
  readonly extraRows?: number;
}

export interface PartRecord {
  /** Of its content. */
  readonly sizeBytes: number;
  /** Of what is stored. */
  readonly digest: Digest;
  /** Hex MD5 (see object/ingest-checked.ts). */
  readonly etag: string;
  /** Base64, of the algorithm of the upload. */
  readonly checksum: string;
  readonly modifiedAtMs: number;
}

/** What a finished upload answered, for a client that never got the answer and finishes it again. */
export interface FinishedUpload {
  readonly bucketId: string;
  readonly key: string;
  /** SHA-256 of the list of parts that the client gave. */
  readonly listDigest: string;
  readonly etag: string;
  readonly checksum?: Checksum;
  readonly encryption?: ObjectEncryption;
  readonly versionId?: string;
  readonly finishedAtMs: number;
}

export const uploadCodec = recordCodec<UploadRecord>('S3 upload', 1);
export const partCodec = recordCodec<PartRecord>('S3 part', 1);
export const finishedCodec = recordCodec<FinishedUpload>('S3 finished upload', 1);
