import { StoreError } from '@zot-artifact-store/spec';
import pino from 'pino';
import { describe, expect, it } from 'vitest';
import type { HealthCheck } from '../../extension/contract.ts';
import { Readiness } from './readiness.ts';

const log = pino({ level: 'silent' });

function readiness(checks: readonly HealthCheck[], options: { checkTimeoutMs?: number } = {}) {
  const clock = { nowMs: 1_000, now: () => clock.nowMs };
  return { clock, readiness: new Readiness({ checks: () => checks, clock, log, ...options }) };
}

const check = (name: string, run: HealthCheck['check']): HealthCheck => ({ name, check: run });

describe('Readiness', () => {
  it('is given when every check holds', async () => {
    expect(await readiness([check('a', async () => {})]).readiness.state()).toEqual({
      failed: [],
      warnings: [],
    });
  });

  it('lists every check that fails, with a message that was written for people', async () => {
    const { readiness: subject } = readiness([
      check('fine', async () => {}),
      check('full', () => Promise.reject(new StoreError('storage-full', 'no space is left'))),
      check('secret', () => Promise.reject(new Error('connect /var/run/secret.sock'))),
    ]);
    expect((await subject.state()).failed).toEqual([
      { name: 'full', message: 'no space is left' },
      { name: 'secret', message: 'failed; the log of the server has the cause' },
    ]);
  });

  it('is given, with a warning, when only an advisory check does not hold', async () => {
    const full = check('full', () => Promise.reject(new StoreError('storage-full', 'no space is left')));
    const { readiness: subject } = readiness([{ ...full, isAdvisory: true }]);
    expect(await subject.state()).toEqual({
      failed: [],
      warnings: [{ name: 'full', message: 'no space is left' }],
    });
  });

  it('does not wait for a check that never answers', async () => {
    const { readiness: subject } = readiness([check('stuck', () => new Promise(() => {}))], {
      checkTimeoutMs: 1,
    });
    expect((await subject.state()).failed).toEqual([{ name: 'stuck', message: 'gave no answer in time' }]);
  });

  it('asks the checks once for all who look at about the same time', async () => {
    let runs = 0;
    const { readiness: subject, clock } = readiness([
      check('counted', async () => {
        runs++;
      }),
    ]);
    await Promise.all([subject.state(), subject.state()]);
    clock.nowMs += 499;
    await subject.state();
    expect(runs).toBe(1);
    clock.nowMs += 1;
    await subject.state();
    expect(runs).toBe(2);
    clock.nowMs -= 10_000;
    await subject.state();
    expect(runs).toBe(3);
  });
});
