import { describe, expect, it } from 'vitest';
import { RestartPolicy } from './restart-policy.ts';

const limits = { firstPauseMs: 100, maxPauseMs: 1_000, windowMs: 60_000, maxDeaths: 5 };

describe('RestartPolicy', () => {
  it('waits longer after each death, up to a bound, and gives up at too many', () => {
    const policy = new RestartPolicy(limits);
    const decisions = [0, 1, 2, 3, 4, 5].map((nowMs) => policy.onDeath(nowMs));
    expect(decisions).toEqual([
      { kind: 'restart', pauseMs: 100 },
      { kind: 'restart', pauseMs: 200 },
      { kind: 'restart', pauseMs: 400 },
      { kind: 'restart', pauseMs: 800 },
      { kind: 'restart', pauseMs: 1_000 },
      { kind: 'give-up', deaths: 6 },
    ]);
  });

  it('forgets deaths that are long past', () => {
    const policy = new RestartPolicy(limits);
    for (let minute = 0; minute < 100; minute++) {
      expect(policy.onDeath(minute * 60_000)).toEqual({ kind: 'restart', pauseMs: 100 });
    }
  });
});
