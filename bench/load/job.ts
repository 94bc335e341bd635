import type { ImageReference } from './image.ts';
import type { S3Access } from './s3-access.ts';
import type { S3Task } from './s3-task.ts';

/** What one operation of a load is. */
export type Task = RegistryTask | S3Task;

export type RegistryTask =
  /** One request; with several paths each in turn. */
  | { readonly kind: 'request'; readonly method: 'GET' | 'HEAD'; readonly paths: readonly string[] }
  /** GET, and every page the answer links to. */
  | { readonly kind: 'list'; readonly path: string }
  /** A new image into a new repository whose name starts with `prefix`. */
  | {
      readonly kind: 'push';
      readonly mode: 'monolith' | 'streamed';
      readonly prefix: string;
      readonly sizeBytes: number;
    }
  /** HEAD and GET of the manifest, config and layer, as zb does. */
  | { readonly kind: 'pull'; readonly images: readonly ImageReference[] }
  /** One more tag on an image. */
  | { readonly kind: 'tag'; readonly image: ImageReference }
  /** One more manifest that refers to an image. */
  | { readonly kind: 'refer'; readonly image: ImageReference }
  /** One more manifest, with a tag of its own, beside one of the images in turn. */
  | { readonly kind: 'variant'; readonly images: readonly ImageReference[] };

export interface Job {
  /** `http://host:port` */
  readonly url: string;
  /** What S3 requests are signed with. */
  readonly access?: S3Access;
  readonly concurrency: number;
  /** The load ends when either is reached; operations under way are finished. */
  readonly maxOperations: number;
  readonly maxMs: number;
  /** Number of the first operation: 0 unless a load goes on where another ended. */
  readonly firstOperation?: number;
  /** Which task an operation is, by share. */
  readonly mix: readonly { readonly share: number; readonly task: Task }[];
}

export interface LoadResult {
  readonly operations: number;
  readonly failures: number;
  /** What the first failure was. */
  readonly firstFailure: string | undefined;
  readonly elapsedMs: number;
  /** Of the bodies, both ways. */
  readonly bytes: number;
  readonly latencyMs: {
    readonly p50: number;
    readonly p90: number;
    readonly p99: number;
    readonly max: number;
  };
  /** What the pushes among the operations made. */
  readonly pushed: readonly ImageReference[];
}
