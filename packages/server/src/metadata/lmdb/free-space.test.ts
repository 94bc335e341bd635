import { describe, expect, it, vi } from 'vitest';
import { FreeSpace } from './free-space.ts';

const RESERVE_BYTES = 1_000_000;

function setUp(freeBytes: number) {
  const disk = { freeBytes };
  const clock = { nowMs: 0, now: () => clock.nowMs };
  const probe = vi.fn(async () => disk.freeBytes);
  return { disk, clock, probe, space: new FreeSpace({ probe, reserveBytes: RESERVE_BYTES, clock }) };
}

describe('FreeSpace', () => {
  it('asks once and then admits at once, until the answer is old', async () => {
    const { space, probe, clock } = setUp(1e12);
    expect(await Promise.all([space.admit(1), space.admit(1)])).toEqual([true, true]);
    expect(space.admit(1)).toBe(true);
    expect(probe).toHaveBeenCalledTimes(1);
    clock.nowMs += 250;
    expect(await space.admit(1)).toBe(true);
    expect(probe).toHaveBeenCalledTimes(2);
    clock.nowMs -= 10_000;
    expect(await space.admit(1)).toBe(true);
    expect(probe).toHaveBeenCalledTimes(3);
  });

  it('refuses at the reserve and admits again when space returns', async () => {
    const { space, disk } = setUp(RESERVE_BYTES);
    expect(await space.admit(1)).toBe(false);
    disk.freeBytes = 1e12;
    expect(await space.admit(1)).toBe(true);
  });

  it('asks again before what it admitted itself may have reached the reserve', async () => {
    const { space, disk, probe } = setUp(RESERVE_BYTES + 1_000_000);
    expect(await space.admit(1)).toBe(true);
    let asked = probe.mock.calls.length;
    expect(asked).toBe(1);
    disk.freeBytes = RESERVE_BYTES - 1;
    let admitted = 0;
    while (await space.admit(1)) admitted++;
    expect(admitted).toBeLessThan(65);
    expect(probe).toHaveBeenCalledTimes(++asked);
  });

  it('hands on that the filesystem could not be asked, and asks the next time', async () => {
    const { space, probe } = setUp(1e12);
    probe.mockRejectedValueOnce(new Error('EIO'));
    await expect(space.admit(1)).rejects.toThrow('EIO');
    expect(await space.admit(1)).toBe(true);
  });
});
