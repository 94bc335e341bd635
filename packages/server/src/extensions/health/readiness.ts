import { isStoreError } from '@zot-artifact-store/spec';
import type { Logger } from 'pino';
import type { HealthCheck } from '../../extension/contract.ts';

export interface FailedCheck {
  readonly name: string;
  readonly message: string;
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
  #latest: { readonly atMs: number; readonly failed: Promise<readonly FailedCheck[]> } | undefined;
  #lastReport = '';

  constructor(options: ReadinessOptions) {
    this.#options = options;
  }

  /** The checks that fail now; empty when the server is ready. Never rejects. */
  failedChecks(): Promise<readonly FailedCheck[]> {
    const { clock, maxAgeMs = 500 } = this.#options;
    const ageMs = clock.now() - (this.#latest?.atMs ?? Number.NEGATIVE_INFINITY);
    // A negative age means that the clock was set back.
    if (this.#latest !== undefined && ageMs >= 0 && ageMs < maxAgeMs) return this.#latest.failed;
    const failed = this.#runAll();
    this.#latest = { atMs: clock.now(), failed };
    return failed;
  }

  async #runAll(): Promise<readonly FailedCheck[]> {
    const results = await Promise.all(this.#options.checks().map((check) => this.#run(check)));
    const failed = results.filter((result) => result !== undefined);
    this.#reportChange(failed);
    return failed;
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

  #reportChange(failed: readonly FailedCheck[]): void {
    const report = failed.map(({ name }) => name).join(' ');
    if (report === this.#lastReport) return;
    this.#lastReport = report;
    if (failed.length > 0) this.#options.log.warn({ failed }, 'not ready');
    else this.#options.log.info('ready again');
  }
}
