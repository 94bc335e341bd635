import type { Descriptor, Digest, DigestAlgorithm, RepositoryName, Tag } from '@zot-artifact-store/spec';
import type { ByteRange } from '../content/blob-driver.ts';
import type { Principal } from '../extension/access.ts';

/** The OCI domain: repositories, manifests, tags, blobs, uploads, referrers. No HTTP in it. */
export interface Registry {
  readonly repositories: Repositories;
  readonly manifests: Manifests;
  readonly tags: Tags;
  readonly blobs: Blobs;
  readonly uploads: Uploads;
  readonly referrers: Referrers;
}

export interface Page<T> {
  readonly items: readonly T[];
  /** Whether more follow the last item. */
  readonly more: boolean;
}

export interface Repositories {
  /** Lexical (byte) order, strictly after `after` (which need not exist). */
  list(options: { readonly after?: string; readonly limit: number }): Promise<Page<RepositoryName>>;
  exists(name: RepositoryName): Promise<boolean>;
}

export interface StoredManifest {
  readonly digest: Digest;
  readonly mediaType: string;
  readonly sizeBytes: number;
  readonly artifactType?: string;
  readonly subject?: Digest;
  readonly pushedAtMs: number;
}

/** Preconditions on what the reference points to now, checked in the same transaction. */
export interface ManifestCondition {
  /** The tag (or digest) must point to one of these; 'any' means it must exist. */
  readonly ifMatch?: readonly string[] | 'any';
  /** It must point to none of these; 'any' means it must not exist. */
  readonly ifNoneMatch?: readonly string[] | 'any';
  /** None of the tags that are to be set may point to another manifest. */
  readonly movesNoTag?: true;
}

export interface PutManifest {
  readonly repository: RepositoryName;
  /** A tag, or the digest the bytes must have. */
  readonly reference: { readonly tag: Tag } | { readonly digest: Digest };
  /** Further tags (`?tag=`), set in the same transaction. */
  readonly tags: readonly Tag[];
  /** As in Content-Type, without parameters. */
  readonly mediaType: string;
  readonly bytes: Uint8Array;
  readonly condition?: ManifestCondition;
  readonly principal: Principal;
}

export interface Manifests {
  /** The manifest a tag or digest names. Throws `repository-unknown`, `manifest-unknown`. */
  resolve(
    repository: RepositoryName,
    reference: { readonly tag: Tag } | { readonly digest: Digest },
  ): Promise<StoredManifest>;
  /** The exact bytes that were put. One that was just resolved is not looked up again. Throws as `resolve`. */
  read(repository: RepositoryName, of: Digest | StoredManifest): Promise<Buffer>;
  /**
   * Validates, stores and tags in one transaction. Layers and index children may be missing (sparse
   * manifests). Throws `manifest-invalid`, `manifest-blob-unknown` (a config that is not in the repository),
   * `digest-mismatch`, `media-type-unsupported`, `precondition-failed`.
   */
  put(put: PutManifest): Promise<{
    readonly digest: Digest;
    readonly subject?: Digest;
    readonly tags: readonly Tag[];
    readonly created: boolean;
  }>;
  /** Deletes the manifest and every tag on it. Throws `manifest-unknown`, `in-use` when an index refers to it. */
  delete(repository: RepositoryName, digest: Digest, principal: Principal): Promise<void>;
  /** Pages through a repository's manifests in digest order, for export, scrub reports and extensions. */
  list(
    repository: RepositoryName,
    options: { readonly after?: Digest; readonly limit: number },
  ): Promise<Page<StoredManifest>>;
}

export interface Tags {
  /** Byte order, strictly after `after` (which need not exist). Throws `repository-unknown`. */
  list(
    repository: RepositoryName,
    options: { readonly after?: string; readonly limit: number },
  ): Promise<Page<{ readonly tag: Tag; readonly digest: Digest }>>;
  /** As `list`, without what the tags point to: several times quicker. */
  names(
    repository: RepositoryName,
    options: { readonly after?: string; readonly limit: number },
  ): Promise<Page<Tag>>;
  /** Untags; the manifest stays. Throws `manifest-unknown`, `precondition-failed`. */
  delete(
    repository: RepositoryName,
    tag: Tag,
    options: { readonly principal: Principal; readonly condition?: ManifestCondition },
  ): Promise<void>;
}

export interface RepositoryBlob {
  readonly digest: Digest;
  readonly sizeBytes: number;
}

export interface Blobs {
  /**
   * A blob of this repository. Extends its lease when it is close to running out, so that a client that was told
   * "exists" can push its manifest later. Throws `blob-unknown` (also for a blob other repositories have).
   */
  stat(repository: RepositoryName, digest: Digest): Promise<RepositoryBlob>;
  read(
    repository: RepositoryName,
    digest: Digest,
    options?: { readonly range?: ByteRange; readonly signal?: AbortSignal },
  ): Promise<AsyncIterable<Uint8Array>>;
  /** Makes a blob of `from` (when undefined, of any repository `mayRead` allows) part of `repository`; false when there is none. */
  mount(options: {
    readonly repository: RepositoryName;
    readonly digest: Digest;
    readonly from: RepositoryName | undefined;
    readonly principal: Principal;
    mayRead(repository: RepositoryName): Promise<boolean>;
  }): Promise<boolean>;
  /** Removes the blob from the repository. Throws `blob-unknown`, `in-use` when a manifest of the repository refers to it. */
  delete(repository: RepositoryName, digest: Digest, principal: Principal): Promise<void>;
}

export interface UploadStatus {
  readonly id: string;
  /** Bytes received and durable. */
  readonly offsetBytes: number;
}

export interface Uploads {
  start(
    repository: RepositoryName,
    options: { readonly principal: Principal; readonly algorithm?: DigestAlgorithm },
  ): Promise<UploadStatus>;
  /** Throws `upload-unknown`, also for a session of another repository. */
  status(repository: RepositoryName, id: string): Promise<UploadStatus>;
  /**
   * Appends. `at` is the offset the client believes in (Content-Range start); `upload-out-of-order` when it is not
   * the session's, or when another append won. What arrived before a broken connection is kept, and the call throws.
   */
  append(
    repository: RepositoryName,
    id: string,
    source: AsyncIterable<Uint8Array>,
    options: {
      readonly at?: number;
      readonly lengthBytes?: number;
      readonly signal?: AbortSignal;
      readonly principal: Principal;
    },
  ): Promise<UploadStatus>;
  /** Appends a last chunk, if any, checks the digest and makes the blob part of the repository. On `digest-mismatch` nothing is stored. */
  finish(
    repository: RepositoryName,
    id: string,
    options: {
      readonly digest: Digest;
      readonly source?: AsyncIterable<Uint8Array>;
      readonly at?: number;
      readonly lengthBytes?: number;
      readonly signal?: AbortSignal;
      readonly principal: Principal;
    },
  ): Promise<RepositoryBlob>;
  /** A whole blob in one request, without a session. */
  put(
    repository: RepositoryName,
    source: AsyncIterable<Uint8Array>,
    options: {
      readonly digest: Digest;
      readonly lengthBytes?: number;
      readonly signal?: AbortSignal;
      readonly principal: Principal;
    },
  ): Promise<RepositoryBlob>;
  cancel(repository: RepositoryName, id: string): Promise<void>;
}

export interface Referrers {
  /**
   * Descriptors of manifests whose subject is `digest`, whether or not that exists, merged with those of the
   * fallback tag `<algorithm>-<hex>` (distribution-spec, "Referrers Tag Schema"). Digest order after `after`.
   */
  list(
    repository: RepositoryName,
    digest: Digest,
    options: { readonly artifactTypes: readonly string[]; readonly after?: string; readonly limit: number },
  ): Promise<Page<Descriptor>>;
}
