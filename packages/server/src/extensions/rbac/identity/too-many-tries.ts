import { StoreError } from '@zot-artifact-store/spec';
import type { FailureLimiter } from './failure-limiter.ts';

/** Throws `too-many-requests` while `user` from `address` has to wait. */
export function assertMayTry(limiter: FailureLimiter, user: string, address: string): void {
  const pauseMs = limiter.pauseMs(user, address);
  if (pauseMs > 0) throw tooManyTries(pauseMs);
}

export function tooManyTries(pauseMs: number): StoreError {
  return new StoreError('too-many-requests', 'Too many failed logins; wait before trying again.', {
    retryAfterSeconds: Math.ceil(pauseMs / 1000),
  });
}
