import type { Digest } from '@zot-artifact-store/spec';
import { recordCodec } from '../../../metadata/record.ts';

/** `unversioned` until the bucket is first enabled; there is no way back to it. */
export type VersioningState = 'unversioned' | 'enabled' | 'suspended';
export type Ownership = 'BucketOwnerEnforced' | 'BucketOwnerPreferred' | 'ObjectWriter';

export interface PublicAccessBlock {
  readonly blockPublicAcls: boolean;
  readonly ignorePublicAcls: boolean;
  readonly blockPublicPolicy: boolean;
  readonly restrictPublicBuckets: boolean;
}

export interface DefaultRetention {
  readonly mode: 'GOVERNANCE' | 'COMPLIANCE';
  readonly days?: number;
  readonly years?: number;
}

/** Who an object, bucket or upload belongs to: a user name. Its canonical id is derived from it (see owner.ts). */
export type UserName = string;

/** Users as ACLs have them: their canonical id (see owner.ts). */
export type CanonicalId = string;

/** One line of an access control list; FULL_CONTROL of the owner goes without saying (see `Acl`). */
export interface Grant {
  readonly to:
    | { readonly id: CanonicalId }
    | { readonly group: 'AllUsers' | 'AuthenticatedUsers' | 'LogDelivery' };
  readonly permission: 'FULL_CONTROL' | 'READ' | 'WRITE' | 'READ_ACP' | 'WRITE_ACP';
}

export interface Acl {
  readonly acl: readonly Grant[];
  /** The list was written without FULL_CONTROL of the owner. It is shown so; what owners may do is not decided by it. */
  readonly isOwnerUnlisted?: true;
}

/** What every request on a bucket reads; a write of an object expects it unchanged. */
export interface BucketRecord extends Acl {
  /** Random; see keyspace.ts. */
  readonly id: string;
  readonly owner: UserName;
  readonly createdAtMs: number;
  readonly region: string;
  readonly versioning: VersioningState;
  readonly objectLock: boolean;
  readonly defaultRetention?: DefaultRetention;
  readonly ownership: Ownership;
  /** False after the controls were deleted: then nobody is told of them. */
  readonly hasOwnershipControls?: boolean;
  readonly publicAccessBlock?: PublicAccessBlock;
  /**
   * Which configuration documents the bucket has, each with its revision: requests do not look for those it has not,
   * and what was parsed of one stays right as long as the revision is the same.
   */
  readonly documents: Readonly<Partial<Record<DocumentKind, DocumentPlace>>>;
}

export interface DocumentPlace {
  /** Never the same for two documents. */
  readonly revision: string;
  /** How many rows it takes. */
  readonly rows: number;
}

export type DocumentKind = 'policy' | 'cors' | 'lifecycle' | 'tagging' | 'encryption';

/** The five checksums clients ask for (Amazon S3, "Checking object integrity"). */
export type ChecksumAlgorithm = 'CRC32' | 'CRC32C' | 'CRC64NVME' | 'SHA1' | 'SHA256';

export interface Checksum {
  readonly algorithm: ChecksumAlgorithm;
  readonly type: 'FULL_OBJECT' | 'COMPOSITE';
  /** Base64, big-endian; without the `-N` of a composite. */
  readonly value: string;
}

export interface Retention {
  readonly mode: 'GOVERNANCE' | 'COMPLIANCE';
  readonly untilMs: number;
}

/** Response headers that a client stored with the object, by lower-case name: content-type, cache-control ... */
export type StoredHeaders = Readonly<Record<string, string>>;

/** What a key that only its client has is known by again: a value derived from it and the salt. */
export interface CustomerKeyCheck {
  readonly salt: Uint8Array;
  readonly value: Uint8Array;
}

/** With which key the content of an object is sealed (see encryption/sealed-blob.ts). */
export type ObjectEncryption =
  | { readonly kind: 'server' }
  | { readonly kind: 'named'; readonly keyId: string }
  | { readonly kind: 'customer'; readonly check: CustomerKeyCheck };

/** What describes a version and may be long; inside its row when it fits, else in `x` rows. */
export interface VersionExtra extends Acl {
  readonly headers: StoredHeaders;
  /** `x-amz-meta-*`, names without the prefix, in lower case; values as latin1 as node:http gives and takes them. */
  readonly metadata: Readonly<Record<string, string>>;
  readonly tags: readonly (readonly [name: string, value: string])[];
}

/** One part of a multipart object, for partNumber reads, GetObjectAttributes and the digest of the whole. */
export interface ObjectPart {
  readonly partNumber: number;
  /** Of its content. */
  readonly sizeBytes: number;
  /** Of what is stored. */
  readonly digest: Digest;
  /** Base64, of the algorithm of the object's checksum. */
  readonly checksum?: string;
}

export interface ObjectVersion {
  readonly kind: 'object';
  /** Sorts newer versions of a key first; unique. It is the version id, too, unless `isNull`. */
  readonly order: string;
  /** Written while the bucket was not (or no longer) versioned: its version id is `null`. */
  readonly isNull: boolean;
  readonly modifiedAtMs: number;
  readonly sizeBytes: number;
  /** Without quotes: hex MD5, or `<hex>-<parts>`. */
  readonly etag: string;
  /** What `content.read` takes. May be the provisional name of a composite, so it is never shown. */
  readonly body: Digest;
  /** Digest of the whole content; absent while it is being computed for a multipart object, and for customers' keys. */
  readonly sha256?: Digest;
  readonly checksum?: Checksum;
  /** Absent when the content is stored as it came. Else `body` is what it was sealed to, and all else is of the content. */
  readonly encryption?: ObjectEncryption;
  readonly owner: UserName;
  readonly retention?: Retention;
  readonly legalHold?: boolean;
  /** How many parts a multipart object has, and how many `y` rows list them. */
  readonly partsCount?: number;
  readonly partPages?: number;
  /** Absent when it is in `x` rows; `extraRows` then tells how many. */
  readonly extra?: VersionExtra;
  readonly extraRows?: number;
  /** Which rows those are; each replacement of the extra has rows of its own. */
  readonly extraRevision?: number;
}

export interface DeleteMarker {
  readonly kind: 'marker';
  readonly order: string;
  readonly isNull: boolean;
  readonly modifiedAtMs: number;
  readonly owner: UserName;
}

export type VersionRecord = ObjectVersion | DeleteMarker;

export const bucketCodec = recordCodec<BucketRecord>('S3 bucket', 1);
export const objectCodec = recordCodec<ObjectVersion>('S3 object', 1);
export const versionCodec = recordCodec<VersionRecord>('S3 version', 1);
