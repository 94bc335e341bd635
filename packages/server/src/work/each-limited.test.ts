import { describe, expect, it } from 'vitest';
import { eachLimited } from './each-limited.ts';

describe('eachLimited', () => {
  it('works on every item, in order of start, never on more than the limit at a time', async () => {
    const started: number[] = [];
    let running = 0;
    let most = 0;
    await eachLimited([1, 2, 3, 4, 5, 6, 7], 3, async (item) => {
      started.push(item);
      most = Math.max(most, ++running);
      await new Promise(setImmediate);
      running--;
    });
    expect(started).toEqual([1, 2, 3, 4, 5, 6, 7]);
    expect(most).toBe(3);
  });

  it('starts nothing after a failure, waits for what is under way and throws the first', async () => {
    const started: number[] = [];
    let ended = 0;
    const all = eachLimited([1, 2, 3, 4, 5], 2, async (item) => {
      started.push(item);
      await new Promise(setImmediate);
      ended++;
      if (item < 3) throw new Error(`item ${item}`);
    });
    await expect(all).rejects.toThrow('item 1');
    expect(ended).toBe(started.length);
    expect(started).toEqual([1, 2]);
  });

  it('ends at once when there is nothing to do', async () => {
    await eachLimited([], 4, () => Promise.reject(new Error('called')));
  });
});
