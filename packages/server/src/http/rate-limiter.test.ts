import { describe, expect, it } from 'vitest';
import { createRateLimiter, type RateLimits } from './rate-limiter.ts';

function limiter(limits: RateLimits, workers = 1) {
  let nowMs = 0;
  const made = createRateLimiter(limits, { workers, now: () => nowMs });
  const passes = (count: number, method = 'GET'): number => {
    let passed = 0;
    for (let i = 0; i < count; i++) {
      try {
        made?.take(method);
        passed++;
      } catch (error) {
        expect(error).toMatchObject({ kind: 'too-many-requests' });
      }
    }
    return passed;
  };
  return {
    made,
    passes,
    after: (ms: number) => {
      nowMs += ms;
    },
  };
}

describe('the rate limiter', () => {
  it('lets as many pass as a second brings, and more as time goes on', () => {
    const { passes, after } = limiter({ perSecond: 10, methods: [] });
    expect(passes(50)).toBe(10);
    after(300);
    expect(passes(50)).toBe(3);
    after(60_000);
    expect(passes(50)).toBe(10);
  });

  it('counts a method by itself and with the others', () => {
    const { passes } = limiter({ perSecond: 10, methods: [{ method: 'PUT', perSecond: 2 }] });
    expect(passes(5, 'PUT')).toBe(2);
    expect(passes(20, 'GET')).toBe(8);
  });

  it('shares the limit among the workers', () => {
    expect(limiter({ perSecond: 10, methods: [] }, 2).passes(50)).toBe(5);
  });

  it('says when to come back', () => {
    const { made, passes } = limiter({ perSecond: 0.5, methods: [] });
    expect(passes(1)).toBe(1);
    expect(() => made?.take('GET')).toThrowError(expect.objectContaining({ retryAfterSeconds: 2 }));
  });

  it('is none when nothing is limited', () => {
    expect(createRateLimiter({ perSecond: undefined, methods: [] }, { workers: 1 })).toBeUndefined();
  });
});
