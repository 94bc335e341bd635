import type { ByteBudget } from '../../work/byte-budget.ts';

export const LARGE_BUFFER_BYTES = 1024 * 1024;
export const SMALL_BUFFER_BYTES = 64 * 1024;

/** Free buffers kept for the next stream, each size. */
const KEPT_BYTES = 8 * 1024 * 1024;

/** Shared memory on loan. Give it back when nobody reads it any more. */
export interface BufferLease {
  readonly bytes: Buffer;
  release(): void;
}

/**
 * Shared memory in two sizes within one budget. A stream asks for a large buffer only while its data arrives fast; when
 * the budget is used up it gets a small one, or waits for one: whoever holds a buffer is writing and hashing it, never
 * waiting for its client, so buffers always come back.
 */
export class SharedBuffers {
  readonly #budget: ByteBudget;
  readonly #free: { readonly [size: number]: Buffer[] } = {
    [LARGE_BUFFER_BYTES]: [],
    [SMALL_BUFFER_BYTES]: [],
  };

  constructor(budget: ByteBudget) {
    this.#budget = budget;
  }

  async lease(wantedBytes: number, signal: AbortSignal): Promise<BufferLease> {
    if (wantedBytes > SMALL_BUFFER_BYTES && this.#budget.tryTake(LARGE_BUFFER_BYTES)) {
      return this.#lend(LARGE_BUFFER_BYTES);
    }
    await this.#budget.take(SMALL_BUFFER_BYTES, signal);
    return this.#lend(SMALL_BUFFER_BYTES);
  }

  #lend(size: number): BufferLease {
    const free = this.#free[size] ?? [];
    const bytes = free.pop() ?? Buffer.from(new SharedArrayBuffer(size));
    let lent = true;
    return {
      bytes,
      release: () => {
        if (!lent) return;
        lent = false;
        if (free.length * size < KEPT_BYTES) free.push(bytes);
        this.#budget.give(size);
      },
    };
  }
}
