import { describe, expect, it } from 'vitest';
import { Semaphore } from './semaphore.ts';

const never = new AbortController().signal;

describe('Semaphore', () => {
  it('never lets more than its permits run, and runs all in order', async () => {
    const semaphore = new Semaphore({ permits: 3, maxWaiting: 100 });
    let running = 0;
    let most = 0;
    const started: number[] = [];
    await Promise.all(
      Array.from({ length: 20 }, (_, i) =>
        semaphore.run(never, async () => {
          started.push(i);
          most = Math.max(most, ++running);
          await Promise.resolve();
          running--;
        }),
      ),
    );
    expect(most).toBe(3);
    expect(started).toEqual(Array.from({ length: 20 }, (_, i) => i));
  });

  it('gives the permit back when the work throws', async () => {
    const semaphore = new Semaphore({ permits: 1, maxWaiting: 0 });
    await expect(semaphore.run(never, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(await semaphore.run(never, async () => 'ran')).toBe('ran');
  });

  it('refuses who comes when the queue is full', async () => {
    const semaphore = new Semaphore({ permits: 1, maxWaiting: 1 });
    const gate = Promise.withResolvers<void>();
    const first = semaphore.run(never, () => gate.promise);
    const second = semaphore.run(never, async () => 'second');
    await expect(semaphore.run(never, async () => {})).rejects.toMatchObject({ kind: 'too-many-requests' });
    gate.resolve();
    await first;
    expect(await second).toBe('second');
  });

  it('lets a waiting caller leave without losing a permit', async () => {
    const semaphore = new Semaphore({ permits: 1, maxWaiting: 2 });
    const gate = Promise.withResolvers<void>();
    const first = semaphore.run(never, () => gate.promise);
    const leaving = new AbortController();
    const left = semaphore.run(leaving.signal, async () => 'never');
    const third = semaphore.run(never, async () => 'third');
    leaving.abort(new Error('gone'));
    await expect(left).rejects.toThrow('gone');
    gate.resolve();
    await first;
    expect(await third).toBe('third');
    expect(await semaphore.run(never, async () => 'again')).toBe('again');
    await expect(semaphore.run(AbortSignal.abort(new Error('late')), async () => {})).rejects.toThrow('late');
  });
});
