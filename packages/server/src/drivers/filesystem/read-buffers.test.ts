import { describe, expect, it } from 'vitest';
import { giveBackBytes } from '../../work/lent-bytes.ts';
import { LARGE_CHUNK_BYTES, ReadBuffers } from './read-buffers.ts';

describe('ReadBuffers', () => {
  it('uses a large buffer again once it was given back, and only then', () => {
    const buffers = new ReadBuffers();
    const first = buffers.take(LARGE_CHUNK_BYTES, { isLarge: true });
    const second = buffers.take(200_000, { isLarge: true });
    expect(second.length).toBe(200_000);
    expect(second.buffer).not.toBe(first.buffer);
    giveBackBytes(first);
    expect(buffers.take(100_000, { isLarge: true }).buffer).toBe(first.buffer);
    expect(buffers.take(100_000, { isLarge: true }).buffer).not.toBe(second.buffer);
  });

  it('frees a small one', () => {
    const small = new ReadBuffers().take(1_000, { isLarge: false });
    giveBackBytes(small);
    expect(small.length).toBe(0);
  });
});
