import { StoreError } from '@zot-artifact-store/spec';
import type { Logger } from 'pino';
import type { MetadataStore } from '../metadata/metadata-store.ts';
import { recordCodec } from '../metadata/record.ts';
import { acquireLease, type Lease, leaseKeys } from './lease.ts';
import { sleep } from './sleep.ts';

/** What the scheduler runs; the extension contract's `Task` is one. */
export interface ScheduledTask {
  readonly name: string;
  readonly intervalMs: number;
  /** Must end soon after the signal aborts: the server stops, or another worker has taken the lease. */
  run(signal: AbortSignal): Promise<void>;
}

export interface SchedulerOptions {
  readonly store: MetadataStore;
  readonly log: Pick<Logger, 'debug' | 'warn' | 'error'>;
  readonly clock: { now(): number };
  /** Names this process in the lease; for people. */
  readonly holder: string;
  /** 0 up to 1; spreads the first runs of many tasks and workers. */
  readonly random?: () => number;
  readonly leaseMs?: number;
}

const DEFAULT_LEASE_MS = 30_000;
/** The first run comes within this time (or within the interval when that is shorter). */
const FIRST_RUN_WITHIN_MS = 5_000;
/** A task whose run takes longer than its interval still leaves a pause. */
const MIN_PAUSE_MS = 250;
/** Nobody sleeps longer without looking again: clocks are set, and other workers run tasks too. */
const MAX_SLEEP_MS = 60_000;

const lastRunCodec = recordCodec<{ readonly startedAtMs: number }>('last run', 1);

/**
 * Runs each task once per interval in one worker of all. When a task last started is kept in the store, so neither
 * more workers nor restarts make it run more often; the lease makes sure it never overlaps with itself. A crash in the
 * middle costs that run: the next comes at its time.
 */
export class Scheduler {
  readonly #options: SchedulerOptions;
  readonly #tasks = new Map<string, ScheduledTask>();
  readonly #stopping = new AbortController();
  readonly #underWay = new Set<Promise<void>>();

  constructor(options: SchedulerOptions) {
    this.#options = options;
  }

  /** May be called more than once with different tasks. Throws `internal` for a name that is taken. */
  start(tasks: readonly ScheduledTask[]): void {
    for (const task of tasks) {
      if (this.#tasks.has(task.name)) {
        throw new StoreError('internal', `two background tasks are called "${task.name}"`);
      }
      this.#tasks.set(task.name, task);
      this.#track(this.#loop(task));
    }
  }

  /** Runs the task now unless it has started since `sinceMs`, here or elsewhere, or is running. */
  async runOnceSince(name: string, sinceMs: number): Promise<void> {
    const task = this.#tasks.get(name);
    if (task === undefined) throw new StoreError('argument-invalid', `there is no background task "${name}"`);
    const run = this.#runUnderLease(task, async () => ((await this.#lastStart(task)) ?? 0) < sinceMs);
    this.#track(run.then(ignore, ignore));
    await run;
  }

  /** Aborts what runs and waits for its end, until `deadline` aborts. */
  async stop(deadline?: AbortSignal): Promise<void> {
    this.#stopping.abort(new StoreError('unavailable', 'the server is stopping'));
    const ended = Promise.all(this.#underWay).then(ignore);
    if (deadline === undefined) return ended;
    const { promise: late, resolve } = Promise.withResolvers<void>();
    const onDeadline = (): void => resolve();
    if (deadline.aborted) resolve();
    deadline.addEventListener('abort', onDeadline, { once: true });
    await Promise.race([ended, late]);
    deadline.removeEventListener('abort', onDeadline);
  }

  async #loop(task: ScheduledTask): Promise<void> {
    const { log, random = Math.random } = this.#options;
    const { signal } = this.#stopping;
    let pauseMs = random() * Math.min(task.intervalMs, FIRST_RUN_WITHIN_MS);
    while (!signal.aborted) {
      await sleep(Math.min(pauseMs, MAX_SLEEP_MS), signal);
      if (signal.aborted) return;
      try {
        pauseMs = await this.#dueInMs(task);
        if (pauseMs > 0) continue;
        const ran = await this.#runUnderLease(task, async () => (await this.#dueInMs(task)) <= 0);
        pauseMs = await this.#dueInMs(task);
        if (!ran) log.debug({ task: task.name }, 'background task runs elsewhere');
      } catch (error) {
        if (!signal.aborted) log.error({ task: task.name, err: error }, 'background task failed');
        pauseMs = task.intervalMs;
      }
      pauseMs = Math.max(pauseMs, Math.min(task.intervalMs, MIN_PAUSE_MS));
    }
  }

  async #dueInMs(task: ScheduledTask): Promise<number> {
    const startedAtMs = await this.#lastStart(task);
    if (startedAtMs === undefined) return 0;
    const sinceMs = this.#options.clock.now() - startedAtMs;
    // A start in the future means that the clock was set back.
    return sinceMs < 0 ? 0 : task.intervalMs - sinceMs;
  }

  async #lastStart(task: ScheduledTask): Promise<number | undefined> {
    const value = await this.#options.store.get(leaseKeys.lastRun(task.name));
    return value && lastRunCodec.decode(value).startedAtMs;
  }

  /** False when somebody else has the lease, or `isWanted` says no once it is ours. */
  async #runUnderLease(task: ScheduledTask, isWanted: () => Promise<boolean> | boolean): Promise<boolean> {
    const { store, holder, clock, leaseMs = DEFAULT_LEASE_MS } = this.#options;
    const lease = await acquireLease(store, task.name, holder, leaseMs, clock);
    if (lease === undefined) return false;
    const ended = new AbortController();
    const lost = new AbortController();
    let renewals: Promise<void> = Promise.resolve();
    try {
      if (!(await isWanted())) return false;
      const startedAtMs = clock.now();
      const { ok } = await store.commit({
        checks: [lease.fence],
        puts: [{ key: leaseKeys.lastRun(task.name), value: lastRunCodec.encode({ startedAtMs }) }],
        mayUseReserve: true,
      });
      if (!ok) return false;
      renewals = this.#keep(lease, task, { ended: ended.signal, lost });
      await task.run(AbortSignal.any([this.#stopping.signal, lost.signal]));
      return true;
    } finally {
      ended.abort();
      await renewals;
      await this.#release(lease, task);
    }
  }

  /** Renews until the run has ended, also while it winds down after an abort; aborts it when the lease is lost. */
  async #keep(
    lease: Lease,
    task: ScheduledTask,
    { ended, lost }: { readonly ended: AbortSignal; readonly lost: AbortController },
  ): Promise<void> {
    const { clock, log, leaseMs = DEFAULT_LEASE_MS } = this.#options;
    for (;;) {
      await sleep(leaseMs / 3, ended);
      if (ended.aborted) return;
      let held = true;
      try {
        held = await lease.renew();
      } catch (error) {
        log.warn({ task: task.name, err: error }, 'lease not renewed');
        held = clock.now() < lease.expiresAtMs;
      }
      if (!held) {
        log.warn({ task: task.name }, 'lease lost');
        lost.abort(new StoreError('unavailable', 'another worker has taken over this task'));
        return;
      }
    }
  }

  async #release(lease: Lease, task: ScheduledTask): Promise<void> {
    try {
      await lease.release();
    } catch (error) {
      // It ends by itself when its time is over.
      this.#options.log.warn({ task: task.name, err: error }, 'lease not released');
    }
  }

  #track(work: Promise<void>): void {
    this.#underWay.add(work);
    const done = (): void => {
      this.#underWay.delete(work);
    };
    work.then(done, done);
  }
}

function ignore(): void {}
