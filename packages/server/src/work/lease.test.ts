import { describe, expect, it } from 'vitest';
import { MemoryMetadataStore } from '../metadata/memory/memory-metadata-store.ts';
import { acquireLease } from './lease.ts';

const TTL_MS = 1_000;

function setUp() {
  const store = new MemoryMetadataStore();
  const clock = { nowMs: 1_000_000, now: () => clock.nowMs };
  const acquire = (holder: string) => acquireLease(store, 'gc', holder, TTL_MS, clock);
  return { store, clock, acquire };
}

describe('acquireLease', () => {
  it('gives a lease to one of many who ask at once', async () => {
    const { acquire } = setUp();
    const leases = await Promise.all(['a', 'b', 'c', 'd'].map(acquire));
    expect(leases.filter((lease) => lease !== undefined)).toHaveLength(1);
    expect(await acquire('a')).toBeUndefined();
  });

  it('gives it to the next at once after a release, with a higher token', async () => {
    const { acquire } = setUp();
    const first = await acquire('a');
    await first?.release();
    const second = await acquire('b');
    expect(second?.token).toBe((first?.token ?? 0) + 1);
  });

  it('lets another take over only when the time is over', async () => {
    const { acquire, clock } = setUp();
    const first = await acquire('a');
    clock.nowMs += TTL_MS - 1;
    expect(await acquire('b')).toBeUndefined();
    clock.nowMs += 1;
    const second = await acquire('b');
    expect(second?.token).toBe(2);
    expect(await first?.renew()).toBe(false);
    await first?.release();
    expect(await acquire('c')).toBeUndefined();
  });

  it('is extended by renewing, also late when nobody took over', async () => {
    const { acquire, clock } = setUp();
    const lease = await acquire('a');
    clock.nowMs += TTL_MS / 2;
    expect(await lease?.renew()).toBe(true);
    clock.nowMs += TTL_MS - 1;
    expect(await acquire('b')).toBeUndefined();
    clock.nowMs += TTL_MS;
    expect(await lease?.renew()).toBe(true);
    expect(await acquire('b')).toBeUndefined();
  });

  it('fences off commits of a holder that was overtaken, and survives renewals', async () => {
    const { acquire, clock, store } = setUp();
    const first = await acquire('a');
    if (first === undefined) throw new Error('no lease');
    const put = { key: Buffer.from('zz'), value: Buffer.from('by a') };
    await first.renew();
    expect(await store.commit({ checks: [first.fence], puts: [put] })).toEqual({ ok: true });
    clock.nowMs += TTL_MS;
    await acquire('b');
    expect((await store.commit({ checks: [first.fence], puts: [put] })).ok).toBe(false);
  });

  it('keeps renewals that overlap from losing the lease to each other', async () => {
    const { acquire } = setUp();
    const lease = await acquire('a');
    expect(await Promise.all([lease?.renew(), lease?.renew(), lease?.renew()])).toEqual([true, true, true]);
    await lease?.release();
    expect(await lease?.renew()).toBe(false);
  });

  it('does not wait for ever after the clock was set back', async () => {
    const { acquire, clock } = setUp();
    await acquire('a');
    clock.nowMs -= 100 * TTL_MS;
    expect((await acquire('b'))?.token).toBe(2);
  });
});
