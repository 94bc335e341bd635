import type { Digest, DigestAlgorithm } from '@zot-artifact-store/spec';
import type { StagedId } from '../content/blob-driver.ts';
import { recordCodec } from '../metadata/record.ts';

/** The value of rows that say everything in their key. */
export const PRESENT = Uint8Array.of(1);

export interface RepositoryRecord {
  readonly createdAtMs: number;
}

export interface ManifestRecord {
  readonly mediaType: string;
  readonly sizeBytes: number;
  /** The effective one: the manifest's, else its config's media type. */
  readonly artifactType?: string;
  readonly subject?: Digest;
  readonly pushedAtMs: number;
  /** Grows with every push, so that a delete notices a push of the same bytes in the same millisecond. */
  readonly revision: number;
}

export interface TagRecord {
  readonly digest: Digest;
  readonly updatedAtMs: number;
}

export interface MemberRecord {
  readonly sizeBytes: number;
  /** Until then the blob stays in the repository without a manifest that needs it. */
  readonly leaseUntilMs: number;
}

export interface ReferrerRecord {
  readonly mediaType: string;
  readonly sizeBytes: number;
  readonly artifactType?: string;
  /** `large`: too long for a record; they are in the manifest. */
  readonly annotations?: Readonly<Record<string, string>> | 'large';
}

export interface UploadRecord {
  readonly offsetBytes: number;
  readonly algorithm: DigestAlgorithm;
  readonly createdAtMs: number;
  readonly expiresAtMs: number;
  /** Where its due row is; it moves to `expiresAtMs` when it is looked at. */
  readonly dueAtMs: number;
  readonly segments: number;
  /** Bytes after the last segment that are too few for a file. */
  readonly inline?: Uint8Array;
}

export interface SegmentRecord {
  readonly stagedId: StagedId;
  readonly sizeBytes: number;
  readonly digest: Digest;
}

export const repositoryCodec = recordCodec<RepositoryRecord>('repository', 1);
export const manifestCodec = recordCodec<ManifestRecord>('manifest', 1);
export const tagCodec = recordCodec<TagRecord>('tag', 1);
export const memberCodec = recordCodec<MemberRecord>('membership', 1);
export const referrerCodec = recordCodec<ReferrerRecord>('referrer', 1);
export const uploadCodec = recordCodec<UploadRecord>('upload', 1);
export const segmentCodec = recordCodec<SegmentRecord>('upload segment', 1);
/** A value that changes with every write of the row it stands in. */
export const markCodec = recordCodec<string>('mark', 1);
