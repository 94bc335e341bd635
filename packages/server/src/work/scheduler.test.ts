import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { MemoryMetadataStore } from '../metadata/memory/memory-metadata-store.ts';
import { acquireLease } from './lease.ts';
import { type ScheduledTask, Scheduler } from './scheduler.ts';

const LEASE_MS = 3_000;
const HOUR_MS = 3_600_000;
const clock = { now: () => Date.now() };
const silentLog = () => ({ debug: vi.fn(() => {}), warn: vi.fn(() => {}), error: vi.fn(() => {}) });

describe('Scheduler', () => {
  let store: MemoryMetadataStore;
  let log: ReturnType<typeof silentLog>;
  const schedulers: Scheduler[] = [];
  const make = (holder = 'worker'): Scheduler => {
    const scheduler = new Scheduler({ store, log, clock, holder, random: () => 0.5, leaseMs: LEASE_MS });
    schedulers.push(scheduler);
    return scheduler;
  };
  const task = (run: ScheduledTask['run'], intervalMs = 60_000): ScheduledTask => ({
    name: 'gc',
    intervalMs,
    run,
  });

  beforeEach(() => {
    vi.useFakeTimers();
    store = new MemoryMetadataStore();
    log = silentLog();
  });
  afterEach(async () => {
    await Promise.all(schedulers.splice(0).map((scheduler) => scheduler.stop()));
    vi.useRealTimers();
  });

  it('runs a task shortly after the start and then once per interval', async () => {
    const run = vi.fn(async () => {});
    make().start([task(run)]);
    expect(run).toHaveBeenCalledTimes(0);
    await vi.advanceTimersByTimeAsync(2_500);
    expect(run).toHaveBeenCalledTimes(1);
    await vi.advanceTimersByTimeAsync(59_000);
    expect(run).toHaveBeenCalledTimes(1);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(run).toHaveBeenCalledTimes(2);
    await vi.advanceTimersByTimeAsync(600_000);
    expect(run).toHaveBeenCalledTimes(12);
  });

  it('runs it once per interval however many workers there are', async () => {
    const run = vi.fn(async () => {});
    for (const holder of ['a', 'b', 'c']) make(holder).start([task(run)]);
    await vi.advanceTimersByTimeAsync(5_000);
    expect(run).toHaveBeenCalledTimes(1);
    await vi.advanceTimersByTimeAsync(10 * 60_000);
    expect(run).toHaveBeenCalledTimes(11);
  });

  it('does not run more often because of restarts', async () => {
    const run = vi.fn(async () => {});
    for (let restart = 0; restart < 5; restart++) {
      const scheduler = make(`boot ${restart}`);
      scheduler.start([task(run, HOUR_MS)]);
      await vi.advanceTimersByTimeAsync(10_000);
      await scheduler.stop();
    }
    expect(run).toHaveBeenCalledTimes(1);
  });

  it('never overlaps with itself, renews while it runs, and pauses after a long run', async () => {
    let running = 0;
    let most = 0;
    const run = vi.fn(async () => {
      most = Math.max(most, ++running);
      await new Promise((resolve) => setTimeout(resolve, 10 * LEASE_MS));
      running--;
    });
    for (const holder of ['a', 'b']) make(holder).start([task(run, 1_000)]);
    await vi.advanceTimersByTimeAsync(61 * LEASE_MS);
    expect(most).toBe(1);
    expect(run.mock.calls.length).toBeGreaterThanOrEqual(5);
    expect(log.warn).not.toHaveBeenCalled();
    const stopped = schedulers.map((scheduler) => scheduler.stop());
    await vi.advanceTimersByTimeAsync(10 * LEASE_MS);
    await Promise.all(stopped);
  });

  it('logs an error and runs again at the next interval', async () => {
    const run = vi.fn(() => Promise.reject(new Error('broken')));
    make().start([task(run)]);
    await vi.advanceTimersByTimeAsync(5_000);
    expect(log.error).toHaveBeenCalledTimes(1);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(run).toHaveBeenCalledTimes(2);
  });

  it('goes on when the store could not be read', async () => {
    const run = vi.fn(async () => {});
    const get = vi.spyOn(store, 'get').mockRejectedValueOnce(new Error('unreadable'));
    make().start([task(run)]);
    await vi.advanceTimersByTimeAsync(5_000);
    expect(run).not.toHaveBeenCalled();
    expect(get).toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(run).toHaveBeenCalledTimes(1);
  });

  it('aborts the run when the lease is lost', async () => {
    const aborted = vi.fn();
    const run = (signal: AbortSignal) =>
      new Promise<void>((_, reject) => {
        signal.addEventListener('abort', () => {
          aborted(signal.reason);
          reject(signal.reason);
        });
      });
    make().start([task(run)]);
    await vi.advanceTimersByTimeAsync(2_500);
    // A store that cannot be written keeps the holder from renewing; another then takes over.
    vi.spyOn(store, 'commit').mockRejectedValue(new Error('stuck'));
    await vi.advanceTimersByTimeAsync(LEASE_MS - 1);
    expect(aborted).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(LEASE_MS);
    expect(aborted).toHaveBeenCalledTimes(1);
    vi.mocked(store.commit).mockRestore();
    expect(await acquireLease(store, 'gc', 'other', LEASE_MS, clock)).toBeDefined();
  });

  it('aborts what runs at stop, waits for it, and frees the lease', async () => {
    let ended = false;
    const run = (signal: AbortSignal) =>
      new Promise<void>((resolve) => {
        signal.addEventListener('abort', () =>
          setTimeout(() => {
            ended = true;
            resolve();
          }, 100),
        );
      });
    const scheduler = make();
    scheduler.start([task(run)]);
    await vi.advanceTimersByTimeAsync(2_500);
    const stopped = scheduler.stop();
    await vi.advanceTimersByTimeAsync(100);
    await stopped;
    expect(ended).toBe(true);
    expect(log.error).not.toHaveBeenCalled();
    expect(await acquireLease(store, 'gc', 'other', LEASE_MS, clock)).toBeDefined();
  });

  it('gives up waiting for a task that does not end when the deadline aborts', async () => {
    const scheduler = make();
    scheduler.start([task(() => new Promise(() => {}))]);
    await vi.advanceTimersByTimeAsync(2_500);
    const deadline = new AbortController();
    const stopped = scheduler.stop(deadline.signal);
    deadline.abort();
    await stopped;
    schedulers.splice(0);
  });

  it('runs a task that is due at the start once, however many workers come up, and when', async () => {
    const run = vi.fn(async () => {});
    const startedAtMs = Date.now();
    await vi.advanceTimersByTimeAsync(10);
    for (const holder of ['first', 'second', 'much later']) {
      const scheduler = make(holder);
      scheduler.start([task(run, HOUR_MS)]);
      await scheduler.runOnceSince('gc', startedAtMs);
      await vi.advanceTimersByTimeAsync(5_000);
    }
    expect(run).toHaveBeenCalledTimes(1);
    await make('after a restart')
      .runOnceSince('gc', Date.now())
      .catch((error: unknown) => {
        expect(error).toMatchObject({ kind: 'argument-invalid' });
      });
    const restarted = make('restarted');
    restarted.start([task(run, HOUR_MS)]);
    await restarted.runOnceSince('gc', Date.now());
    expect(run).toHaveBeenCalledTimes(2);
  });

  it('hands on the error of a task that was asked for', async () => {
    const scheduler = make();
    scheduler.start([task(() => Promise.reject(new Error('broken')), HOUR_MS)]);
    await expect(scheduler.runOnceSince('gc', Date.now())).rejects.toThrow('broken');
  });

  it('refuses two tasks of one name', () => {
    const scheduler = make();
    scheduler.start([task(async () => {})]);
    expect(() => scheduler.start([task(async () => {})])).toThrow('two background tasks');
  });
});
