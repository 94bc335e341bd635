import { describe, expect, it, vi } from 'vitest';
import { giveBackBytes, lendBytes, lendOwned } from './lent-bytes.ts';

describe('lent bytes', () => {
  it('come back once, however often they are given', () => {
    const takeBack = vi.fn<() => void>();
    const chunk = lendBytes(Buffer.alloc(8), takeBack);
    giveBackBytes(chunk);
    giveBackBytes(chunk);
    expect(takeBack).toHaveBeenCalledTimes(1);
  });

  it('do not come back by a part of them, nor do bytes that were never lent', () => {
    const takeBack = vi.fn<() => void>();
    const chunk = lendBytes(Buffer.alloc(8), takeBack);
    giveBackBytes(chunk.subarray(0, 8));
    giveBackBytes(Buffer.alloc(8));
    expect(takeBack).not.toHaveBeenCalled();
  });

  it('free their memory at once when it is their own', () => {
    const chunk = lendOwned(Buffer.allocUnsafeSlow(64 * 1024));
    giveBackBytes(chunk);
    expect(chunk.length).toBe(0);
    expect(chunk.buffer.byteLength).toBe(0);
  });

  it('leave memory alone that others may use', () => {
    const whole = Buffer.allocUnsafeSlow(64).fill('x');
    const part = lendOwned(whole.subarray(0, 32));
    giveBackBytes(part);
    expect(whole.toString()).toBe('x'.repeat(64));
    const shared = lendOwned(Buffer.from(new SharedArrayBuffer(16)));
    giveBackBytes(shared);
    expect(shared.length).toBe(16);
  });
});
