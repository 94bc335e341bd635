import { isStoreError } from '@zot-artifact-store/spec';
import type { Logger } from 'pino';
import type { HealthCheck } from '../../extension/contract.ts';

export interface FailedCheck {
  readonly name: string;
  readonly message: string;
}

/** Ready means that nothing failed; warnings are the advisory checks that do not hold. */
export interface ReadinessState {
  readonly failed: readonly FailedCheck[];
  readonly warnings: readonly FailedCheck[];
}

export interface ReadinessOptions {
  checks(): readonly HealthCheck[];
  readonly clock: { now(): number };
  readonly log: Pick<Logger, 'warn' | 'info'>;
  /** A check that takes longer has failed. */
  readonly checkTimeoutMs?: number;
  /** How long an answer is given again: anybody may ask, so asking must cost nothing. */
  readonly maxAgeMs?: number;
}

/** Runs all checks side by side, at most once per `maxAgeMs`, however many ask. */
export class Readiness {
  readonly #options: ReadinessOptions;
  #latest: { readonly atMs: number; readonly state: Promise<ReadinessState> } | undefined;
  #lastReport = '[[],[]]';

  constructor(options: ReadinessOptions) {
    this.#options = options;
  }

  /** What does not hold now. Never rejects. */
  state(): Promise<ReadinessState> {
    const { clock, maxAgeMs = 500 } = this.#options;
    const ageMs = clock.now() - (this.#latest?.atMs ?? Number.NEGATIVE_INFINITY);
    // A negative age means that the clock was set back.
    if (this.#latest !== undefined && ageMs >= 0 && ageMs < maxAgeMs) return this.#latest.state;
    const state = this.#runAll();
    this.#latest = { atMs: clock.now(), state };
    return state;
  }

  async #runAll(): Promise<ReadinessState> {
    const checks = this.#options.checks();
    const results = await Promise.all(checks.map((check) => this.#run(check)));
    const pick = (isAdvisory: boolean) =>
      results.flatMap((result, index) =>
        result !== undefined && (checks[index]?.isAdvisory === true) === isAdvisory ? [result] : [],
      );
    const state = { failed: pick(false), warnings: pick(true) };
    this.#reportChange(state);
    return state;
  }

  async #run(check: HealthCheck): Promise<FailedCheck | undefined> {
    const { log, checkTimeoutMs = 5_000 } = this.#options;
    const timeout = AbortSignal.timeout(checkTimeoutMs);
    const { promise: late, reject } = Promise.withResolvers<never>();
    const onTimeout = (): void => reject(timeout.reason);
    timeout.addEventListener('abort', onTimeout, { once: true });
    try {
      await Promise.race([check.check(timeout), late]);
      return undefined;
    } catch (error) {
      if (timeout.aborted) return { name: check.name, message: 'gave no answer in time' };
      if (isStoreError(error)) return { name: check.name, message: error.message };
      // Not written for strangers: it may name paths or hosts.
      log.warn({ check: check.name, err: error }, 'health check failed');
      return { name: check.name, message: 'failed; the log of the server has the cause' };
    } finally {
      timeout.removeEventListener('abort', onTimeout);
    }
  }

  #reportChange({ failed, warnings }: ReadinessState): void {
    const { log } = this.#options;
    const report = JSON.stringify([failed, warnings].map((list) => list.map(({ name }) => name)));
    if (report === this.#lastReport) return;
    this.#lastReport = report;
    if (failed.length > 0) log.warn({ failed, warnings }, 'not ready');
    else if (warnings.length > 0) log.warn({ warnings }, 'ready, with warnings');
    else log.info('ready again');
  }
}
