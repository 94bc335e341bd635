import { StoreError } from '@zot-artifact-store/spec';

export interface RateLimits {
  /** Requests a second, of every method together; no limit when undefined. */
  readonly perSecond: number | undefined;
  readonly methods: readonly { readonly method: string; readonly perSecond: number }[];
}

export interface RateLimiter {
  /** Counts one request. Throws `too-many-requests`, with the time after which one will pass, when it is too many. */
  take(method: string): void;
}

/** Limits of one process out of `workers` equal ones; undefined when nothing is limited. */
export function createRateLimiter(
  limits: RateLimits | undefined,
  { workers, now = () => performance.now() }: { readonly workers: number; readonly now?: () => number },
): RateLimiter | undefined {
  if (limits === undefined || (limits.perSecond === undefined && limits.methods.length === 0))
    return undefined;
  const all = limits.perSecond === undefined ? undefined : new Bucket(limits.perSecond / workers, now());
  const byMethod = new Map(
    limits.methods.map(({ method, perSecond }) => [method, new Bucket(perSecond / workers, now())]),
  );
  return {
    take(method) {
      const at = now();
      const buckets = [all, byMethod.get(method)].filter((bucket) => bucket !== undefined);
      const waitMs = Math.max(0, ...buckets.map((bucket) => bucket.waitMs(at)));
      if (waitMs > 0) {
        throw new StoreError('too-many-requests', 'There are more requests than the server is set to take.', {
          retryAfterSeconds: Math.ceil(waitMs / 1000),
        });
      }
      for (const bucket of buckets) bucket.take();
    },
  };
}

/** Fills steadily, and holds what a second brings: so much may come at once after a pause. */
class Bucket {
  readonly #perMs: number;
  readonly #most: number;
  #tokens: number;
  #at: number;

  constructor(perSecond: number, at: number) {
    this.#perMs = perSecond / 1000;
    this.#most = Math.max(1, perSecond);
    this.#tokens = this.#most;
    this.#at = at;
  }

  /** How long until there is a token; 0 when there is one. */
  waitMs(at: number): number {
    this.#tokens = Math.min(this.#most, this.#tokens + (at - this.#at) * this.#perMs);
    this.#at = at;
    return this.#tokens >= 1 ? 0 : (1 - this.#tokens) / this.#perMs;
  }

  take(): void {
    this.#tokens -= 1;
  }
}
