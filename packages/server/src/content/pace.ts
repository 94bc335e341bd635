/** Keeps background reading below a rate, so that clients do not feel it. */
export class Pace {
  readonly #bytesPerSecond: number;
  readonly #now: () => number;
  readonly #pause: (ms: number, signal: AbortSignal | undefined) => Promise<void>;
  /** When the bytes read so far may have been read at the earliest. */
  #paidUntilMs = 0;

  constructor(options: {
    readonly bytesPerSecond: number;
    /** Milliseconds of a clock that only goes forward. */
    readonly now: () => number;
    readonly pause: (ms: number, signal: AbortSignal | undefined) => Promise<void>;
  }) {
    this.#bytesPerSecond = options.bytesPerSecond;
    this.#now = options.now;
    this.#pause = options.pause;
  }

  /** Resolves when `count` more bytes are within the rate. An idle time is not saved up. */
  async spend(count: number, signal?: AbortSignal): Promise<void> {
    const now = this.#now();
    this.#paidUntilMs = Math.max(this.#paidUntilMs, now) + (count / this.#bytesPerSecond) * 1000;
    const aheadMs = this.#paidUntilMs - now;
    // Timers are coarse: many tiny pauses would sleep longer than one.
    if (aheadMs >= SHORTEST_PAUSE_MS) await this.#pause(aheadMs, signal);
  }
}

const SHORTEST_PAUSE_MS = 20;
