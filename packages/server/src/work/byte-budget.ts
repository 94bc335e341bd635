interface Waiting {
  readonly bytes: number;
  grant(): void;
}

/**
 * A bounded count of bytes in flight, shared by all that buffer. First come, first served: a large request is not
 * starved by small ones. A request above the whole budget takes all of it, so that it runs alone instead of never.
 */
export class ByteBudget {
  readonly #capacityBytes: number;
  readonly #waiting = new Set<Waiting>();
  #usedBytes = 0;

  constructor(capacityBytes: number) {
    this.#capacityBytes = capacityBytes;
  }

  get usedBytes(): number {
    return this.#usedBytes;
  }

  /** Takes the bytes now, or takes nothing and returns false. */
  tryTake(bytes: number): boolean {
    const cost = this.#cost(bytes);
    if (this.#waiting.size > 0 || this.#usedBytes + cost > this.#capacityBytes) return false;
    this.#usedBytes += cost;
    return true;
  }

  /** Waits for its turn; rejects with the signal's reason, having taken nothing, when that aborts first. */
  take(bytes: number, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return Promise.reject(signal.reason);
    if (this.tryTake(bytes)) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const waiting: Waiting = {
        bytes: this.#cost(bytes),
        grant: () => {
          signal.removeEventListener('abort', onAbort);
          resolve();
        },
      };
      const onAbort = (): void => {
        this.#waiting.delete(waiting);
        reject(signal.reason);
        // It may have stood in the way of smaller ones.
        this.#serve();
      };
      signal.addEventListener('abort', onAbort, { once: true });
      this.#waiting.add(waiting);
    });
  }

  /** Gives back exactly what one `take` or `tryTake` took. */
  give(bytes: number): void {
    this.#usedBytes = Math.max(0, this.#usedBytes - this.#cost(bytes));
    this.#serve();
  }

  #serve(): void {
    for (const waiting of this.#waiting) {
      if (this.#usedBytes + waiting.bytes > this.#capacityBytes) return;
      this.#waiting.delete(waiting);
      this.#usedBytes += waiting.bytes;
      waiting.grant();
    }
  }

  #cost(bytes: number): number {
    return Math.min(bytes, this.#capacityBytes);
  }
}
