import type { Digest } from '@zot-artifact-store/spec';

/**
 * The bytes of small blobs by digest, least recently used first out. Content never changes under a digest, so nothing
 * needs to be invalidated. Callers get copies: what they write into one, no other reader sees.
 */
export class WholeCache {
  readonly #limitBytes: number;
  readonly #entryLimitBytes: number;
  /** In order of use: a Map iterates in order of insertion. */
  readonly #entries = new Map<Digest, Buffer>();
  #usedBytes = 0;

  constructor({
    limitBytes,
    entryLimitBytes,
  }: { readonly limitBytes: number; readonly entryLimitBytes: number }) {
    this.#limitBytes = limitBytes;
    this.#entryLimitBytes = Math.min(entryLimitBytes, limitBytes);
  }

  /** Whether a blob of this size is kept. */
  accepts(sizeBytes: number): boolean {
    return sizeBytes + ENTRY_OVERHEAD_BYTES <= this.#entryLimitBytes;
  }

  /** The size of what `get` would return. */
  sizeOf(digest: Digest): number | undefined {
    return this.#entries.get(digest)?.length;
  }

  get(digest: Digest): Buffer | undefined {
    const bytes = this.#entries.get(digest);
    if (bytes === undefined) return undefined;
    this.#entries.delete(digest);
    this.#entries.set(digest, bytes);
    return Buffer.from(bytes);
  }

  put(digest: Digest, bytes: Uint8Array): void {
    if (!this.accepts(bytes.length) || this.#entries.has(digest)) return;
    this.#entries.set(digest, Buffer.from(bytes));
    this.#usedBytes += bytes.length + ENTRY_OVERHEAD_BYTES;
    for (const [oldest, old] of this.#entries) {
      if (this.#usedBytes <= this.#limitBytes) return;
      this.#entries.delete(oldest);
      this.#usedBytes -= old.length + ENTRY_OVERHEAD_BYTES;
    }
  }
}

/** A digest string, a Buffer header and a map slot; without it a cache of empty blobs would be unbounded. */
const ENTRY_OVERHEAD_BYTES = 256;
