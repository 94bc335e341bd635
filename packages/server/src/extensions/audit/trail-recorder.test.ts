import { StoreError } from '@zot-artifact-store/spec';
import { describe, expect, it } from 'vitest';
import type { RequestRecord } from '../../extension/recorder.ts';
import { trailRecorder } from './trail-recorder.ts';

const FAILURE = new StoreError('unavailable', 'no disk');

function recorder(failClosed: boolean) {
  return trailRecorder({
    writer: { append: () => Promise.reject(FAILURE), failure: FAILURE },
    clock: Date,
    reads: true,
    failClosed,
  });
}

// What a recorder looks at.
const change = {
  method: 'PUT',
  operation: 'oci.PutManifest',
  principal: { kind: 'anonymous' },
  path: '/',
  judgements: [],
  status: 201,
  durationMs: 1,
} as unknown as RequestRecord;

describe('a trail that cannot be written', () => {
  it('keeps changes from being made, and reads from nothing', async () => {
    const closed = recorder(true);
    expect(() => closed.admit?.()).toThrow(FAILURE);
    await expect(closed.record(change)).rejects.toBe(FAILURE);
    await expect(closed.record({ ...change, method: 'GET' })).resolves.toBeUndefined();
  });

  it('keeps nothing from anybody when the configuration says so', async () => {
    const open = recorder(false);
    expect(() => open.admit?.()).not.toThrow();
    await expect(open.record(change)).resolves.toBeUndefined();
  });
});
