/** How many deaths of workers are put up with. */
export interface RestartLimits {
  readonly firstPauseMs: number;
  readonly maxPauseMs: number;
  readonly windowMs: number;
  /** More deaths than this within the window are a crash loop. */
  readonly maxDeaths: number;
}

export const DEFAULT_RESTART_LIMITS: RestartLimits = {
  firstPauseMs: 100,
  maxPauseMs: 5_000,
  windowMs: 60_000,
  maxDeaths: 8,
};

export type RestartDecision =
  | { readonly kind: 'restart'; readonly pauseMs: number }
  | { readonly kind: 'give-up'; readonly deaths: number };

/** Decides after each death of a worker: again after a pause that doubles with each recent death, or the end. */
export class RestartPolicy {
  readonly #limits: RestartLimits;
  #deaths: number[] = [];

  constructor(limits: RestartLimits = DEFAULT_RESTART_LIMITS) {
    this.#limits = limits;
  }

  /** `nowMs` of a clock that never goes back. */
  onDeath(nowMs: number): RestartDecision {
    const { firstPauseMs, maxPauseMs, windowMs, maxDeaths } = this.#limits;
    this.#deaths = [...this.#deaths.filter((atMs) => nowMs - atMs < windowMs), nowMs];
    const deaths = this.#deaths.length;
    if (deaths > maxDeaths) return { kind: 'give-up', deaths };
    return { kind: 'restart', pauseMs: Math.min(maxPauseMs, firstPauseMs * 2 ** (deaths - 1)) };
  }
}
