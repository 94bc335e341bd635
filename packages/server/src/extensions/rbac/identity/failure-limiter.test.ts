import { describe, expect, it } from 'vitest';
import { FailureLimiter } from './failure-limiter.ts';

function limiterAt(start = 1_000_000) {
  const clock = { nowMs: start, now: () => clock.nowMs };
  return { clock, limiter: new FailureLimiter(clock) };
}

function fail(limiter: FailureLimiter, times: number, user = 'alice', address = '192.0.2.1'): void {
  for (let count = 0; count < times; count += 1) limiter.failed(user, address);
}

describe('FailureLimiter', () => {
  it('lets the first failures pass, then pauses twice as long each time, up to a minute', () => {
    const { limiter } = limiterAt();
    fail(limiter, 9);
    expect(limiter.pauseMs('alice', '192.0.2.1')).toBe(0);
    fail(limiter, 1);
    expect(limiter.pauseMs('alice', '192.0.2.1')).toBe(1000);
    fail(limiter, 1);
    expect(limiter.pauseMs('alice', '192.0.2.1')).toBe(2000);
    fail(limiter, 100);
    expect(limiter.pauseMs('alice', '192.0.2.1')).toBe(60_000);
  });

  it('keeps users and addresses apart', () => {
    const { limiter } = limiterAt();
    fail(limiter, 20);
    expect(limiter.pauseMs('bob', '192.0.2.1')).toBe(0);
    expect(limiter.pauseMs('alice', '192.0.2.2')).toBe(0);
  });

  it('slows down many addresses that try one user, and one address that tries many users', () => {
    const { limiter } = limiterAt();
    for (let i = 0; i < 100; i += 1) fail(limiter, 1, 'alice', `198.51.100.${i}`);
    expect(limiter.pauseMs('alice', '203.0.113.1')).toBe(1000);
    expect(limiter.pauseMs('bob', '203.0.113.1')).toBe(0);
    for (let i = 0; i < 100; i += 1) fail(limiter, 1, `user-${i}`, '192.0.2.9');
    expect(limiter.pauseMs('somebody', '192.0.2.9')).toBe(1000);
    // One's own login there ends neither.
    limiter.succeeded('somebody', '192.0.2.9');
    expect(limiter.pauseMs('somebody', '192.0.2.9')).toBe(1000);
    // Comparisons with what was right are rationed for an address that has not failed yet, too.
    const glances = Array.from({ length: 20 }, () => limiter.mayGlance('alice', '203.0.113.1'));
    expect(glances.filter(Boolean)).toHaveLength(10);
  });

  it('forgets with time and with success', () => {
    const { limiter, clock } = limiterAt();
    fail(limiter, 10);
    clock.nowMs += 1000;
    expect(limiter.pauseMs('alice', '192.0.2.1')).toBe(0);
    clock.nowMs += 600_000;
    fail(limiter, 1);
    expect(limiter.pauseMs('alice', '192.0.2.1')).toBe(0);
    fail(limiter, 20);
    limiter.succeeded('alice', '192.0.2.1');
    expect(limiter.pauseMs('alice', '192.0.2.1')).toBe(0);
  });

  it('rations looks at remembered passwords within a pause', () => {
    const { limiter, clock } = limiterAt();
    fail(limiter, 10);
    const looks = Array.from({ length: 12 }, () => limiter.mayGlance('alice', '192.0.2.1'));
    expect(looks.filter(Boolean)).toHaveLength(10);
    clock.nowMs += 1000;
    expect(limiter.mayGlance('alice', '192.0.2.1')).toBe(true);
  });

  it('forgets the oldest when its table is full', () => {
    const { limiter } = limiterAt();
    fail(limiter, 10, 'first');
    for (let count = 0; count < 10_000; count += 1) limiter.failed(`user-${count}`, `address-${count}`);
    expect(limiter.pauseMs('first', '192.0.2.1')).toBe(0);
  });
});
