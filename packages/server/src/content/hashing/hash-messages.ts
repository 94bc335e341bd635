import type { HashAlgorithm } from './hash-algorithm.ts';

/** Main thread to hash thread. Messages of one stream are handled in order; `bytes` is answered with `hashed`. */
export type HashRequest =
  | { readonly do: 'start'; readonly stream: number; readonly algorithm: HashAlgorithm }
  | { readonly do: 'bytes'; readonly stream: number; readonly bytes: Uint8Array }
  | { readonly do: 'digest'; readonly stream: number }
  | { readonly do: 'drop'; readonly stream: number };

/** Hash thread to main thread. After `hashed` the bytes may be overwritten. */
export type HashReply =
  | { readonly done: 'hashed'; readonly stream: number }
  | { readonly done: 'digest'; readonly stream: number; readonly hex: string };
