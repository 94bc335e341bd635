import type { Digest, DigestAlgorithm, RepositoryName, Tag } from '@zot-artifact-store/spec';
import type { Operation } from '../http/protocol.ts';

export type ManifestReference = { readonly tag: Tag } | { readonly digest: Digest };

/** The `n` and `last` of a list. */
export interface PageQuery {
  /** How many entries were asked for; undefined asks for all. */
  readonly count: number | undefined;
  /** Entries strictly after this one, which need not exist. */
  readonly after: string | undefined;
}

interface Named<Name extends string> extends Operation {
  readonly name: Name;
}

interface InRepository {
  readonly repository: RepositoryName;
}

export type Ping = Named<'oci.Ping'>;
export type ListRepositories = Named<'oci.ListRepositories'> & { readonly page: PageQuery };
export type DiscoverExtensions = Named<'oci.DiscoverExtensions'>;
export type ListTags = Named<'oci.ListTags'> & InRepository & { readonly page: PageQuery };
export type ReadManifest = Named<'oci.GetManifest' | 'oci.HeadManifest'> &
  InRepository & { readonly reference: ManifestReference };
export type PutManifest = Named<'oci.PutManifest'> &
  InRepository & { readonly reference: ManifestReference; readonly tags: readonly Tag[] };
export type DeleteManifest = Named<'oci.DeleteManifest'> & InRepository & { readonly digest: Digest };
export type DeleteTag = Named<'oci.DeleteTag'> & InRepository & { readonly tag: Tag };
export type ReadBlob = Named<'oci.GetBlob' | 'oci.HeadBlob'> & InRepository & { readonly digest: Digest };
export type DeleteBlob = Named<'oci.DeleteBlob'> & InRepository & { readonly digest: Digest };
export type StartUpload = Named<'oci.StartUpload'> &
  InRepository & { readonly algorithm: DigestAlgorithm | undefined };
export type PutBlob = Named<'oci.PutBlob'> & InRepository & { readonly digest: Digest };
export type MountBlob = Named<'oci.MountBlob'> &
  InRepository & { readonly digest: Digest; readonly from: RepositoryName | undefined };
export type GetUpload = Named<'oci.GetUpload'> & InRepository & { readonly id: string };
export type AppendUpload = Named<'oci.AppendUpload'> & InRepository & { readonly id: string };
export type FinishUpload = Named<'oci.FinishUpload'> &
  InRepository & { readonly id: string; readonly digest: Digest };
export type CancelUpload = Named<'oci.CancelUpload'> & InRepository & { readonly id: string };
export type ListReferrers = Named<'oci.ListReferrers'> &
  InRepository & {
    readonly digest: Digest;
    readonly artifactTypes: readonly string[];
    readonly page: PageQuery;
  };

/** Everything an OCI client can ask for. */
export type OciOperation =
  | Ping
  | ListRepositories
  | DiscoverExtensions
  | ListTags
  | ReadManifest
  | PutManifest
  | DeleteManifest
  | DeleteTag
  | ReadBlob
  | DeleteBlob
  | StartUpload
  | PutBlob
  | MountBlob
  | GetUpload
  | AppendUpload
  | FinishUpload
  | CancelUpload
  | ListReferrers;
