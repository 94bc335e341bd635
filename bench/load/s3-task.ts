/** What one S3 operation of a load is. Keys are the prefix and a number. */
export type S3Task = { readonly bucket: string } & (
  | { readonly kind: 'create-bucket' }
  /** A new object, which `delete` and `delete-batch` of the same prefix find. */
  | { readonly kind: 'put'; readonly prefix: string; readonly sizeBytes: number }
  /** Of the objects numbered from 0 to `count`, each in turn. */
  | {
      readonly kind: 'get' | 'stat';
      readonly prefix: string;
      readonly count: number;
      readonly sizeBytes: number;
    }
  /** The oldest object put under the prefix that is still there. */
  | { readonly kind: 'delete'; readonly prefix: string }
  /** So many of them in one request. */
  | { readonly kind: 'delete-batch'; readonly prefix: string; readonly keys: number }
  /** Everything under the prefix, page by page. */
  | { readonly kind: 'list-objects'; readonly prefix: string; readonly count: number }
  /** A whole multipart upload. */
  | ({ readonly kind: 'multipart' } & Parts)
  /** One but for its completion, which `complete` of the same prefix does. */
  | ({ readonly kind: 'upload-parts' } & Parts)
  | { readonly kind: 'complete'; readonly prefix: string }
);

export interface Parts {
  readonly prefix: string;
  readonly parts: number;
  readonly partBytes: number;
}
