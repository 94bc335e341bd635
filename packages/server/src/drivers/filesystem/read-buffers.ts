import { lendBytes, lendOwned } from '../../work/lent-bytes.ts';

export const LARGE_CHUNK_BYTES = 1024 * 1024;

/** Free buffers kept for the next chunk of any reader. */
const KEPT_BUFFERS = 16;

/**
 * Memory for chunks of files. A large buffer whose reader gives it back is used again, for new ones cost twice: the
 * kernel clears every page of them at its first use, and the collector has to come for them. One that is not given back
 * belongs to its reader for good.
 */
export class ReadBuffers {
  readonly #free: Buffer[] = [];

  /** `sizeBytes` is at most LARGE_CHUNK_BYTES. The content is undefined. */
  take(sizeBytes: number, { isLarge }: { readonly isLarge: boolean }): Buffer {
    if (!isLarge) return lendOwned(Buffer.allocUnsafeSlow(sizeBytes));
    const buffer = this.#free.pop() ?? Buffer.allocUnsafeSlow(LARGE_CHUNK_BYTES);
    return lendBytes(buffer.subarray(0, sizeBytes), () => {
      if (this.#free.length < KEPT_BUFFERS) this.#free.push(buffer);
    });
  }
}
