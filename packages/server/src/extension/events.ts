import type { Digest } from '@zot-artifact-store/spec';
import type { Transaction } from '../metadata/transaction.ts';

interface EventBase {
  /** Unique; the same on every delivery of the event. */
  readonly id: string;
  readonly atMs: number;
  /** `s3/<bucket>` for buckets and objects. */
  readonly repository: string;
  /** User name, or undefined for anonymous and for the server's own work. */
  readonly actor?: string;
}

/** What happened, after it was committed. */
export type StoreEvent = EventBase &
  (
    | { readonly type: 'repository.created' }
    | {
        readonly type: 'manifest.pushed';
        readonly digest: Digest;
        readonly mediaType: string;
        readonly tags: readonly string[];
      }
    | { readonly type: 'manifest.deleted'; readonly digest: Digest; readonly tags: readonly string[] }
    | { readonly type: 'tag.deleted'; readonly tag: string; readonly digest: Digest }
    | { readonly type: 'blob.pushed'; readonly digest: Digest; readonly sizeBytes: number }
    | { readonly type: 'blob.deleted'; readonly digest: Digest }
    | { readonly type: 'bucket.created' | 'bucket.deleted'; readonly bucket: string }
    | {
        readonly type: 'object.created';
        readonly bucket: string;
        readonly key: string;
        readonly versionId?: string;
        readonly sizeBytes: number;
        readonly etag: string;
        /** Of the whole content; missing as long as that is not known. */
        readonly digest?: Digest;
        readonly operation: 'put' | 'copy' | 'multipart' | 'post';
      }
    | {
        readonly type: 'object.deleted';
        readonly bucket: string;
        readonly key: string;
        /** Of the version that went; of the marker that came, for `delete-marker`. */
        readonly versionId?: string;
        readonly operation: 'delete' | 'delete-marker' | 'expired';
      }
  );

export type NewEvent = StoreEvent extends infer E
  ? E extends StoreEvent
    ? Omit<E, 'id' | 'atMs'>
    : never
  : never;

/** Where domain code tells what it did, inside the transaction that does it. */
export interface EventSink {
  /** Adds the event's rows for every observer; nothing when there are none. */
  write(transaction: Transaction, event: NewEvent): void;
}
