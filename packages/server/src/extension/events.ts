import type { Digest } from '@zot-artifact-store/spec';

interface EventBase {
  /** Unique; the same on every delivery of the event. */
  readonly id: string;
  readonly atMs: number;
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
  );

export type NewEvent = StoreEvent extends infer E
  ? E extends StoreEvent
    ? Omit<E, 'id' | 'atMs'>
    : never
  : never;
