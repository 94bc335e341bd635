import { describe, expect, it } from 'vitest';
import { SingleFlight } from './single-flight.ts';

const never = new AbortController().signal;

describe('SingleFlight', () => {
  it('runs once for all who ask at the same time, and anew afterwards', async () => {
    const flights = new SingleFlight<string, number>();
    let runs = 0;
    const ask = (key: string) => flights.run(key, never, async () => ++runs);
    expect(await Promise.all([ask('a'), ask('a'), ask('b'), ask('a')])).toEqual([1, 1, 2, 1]);
    expect(await ask('a')).toBe(3);
  });

  it('gives the same error to all and remembers nothing of it', async () => {
    const flights = new SingleFlight<string, string>();
    const fail = () => flights.run('k', never, () => Promise.reject(new Error('broken')));
    const both = await Promise.allSettled([fail(), fail()]);
    expect(both.every(({ status }) => status === 'rejected')).toBe(true);
    expect(await flights.run('k', never, async () => 'fine')).toBe('fine');
  });

  it('turns a synchronous throw into a rejection', async () => {
    const flights = new SingleFlight<string, string>();
    await expect(
      flights.run('k', never, () => {
        throw new Error('at once');
      }),
    ).rejects.toThrow('at once');
  });

  it('lets one caller leave and keeps the run for the others', async () => {
    const flights = new SingleFlight<string, string>();
    const gate = Promise.withResolvers<string>();
    let seen: AbortSignal | undefined;
    const leaving = new AbortController();
    const left = flights.run('k', leaving.signal, (signal) => {
      seen = signal;
      return gate.promise;
    });
    const stays = flights.run('k', never, async () => 'not used');
    leaving.abort(new Error('gone'));
    await expect(left).rejects.toThrow('gone');
    expect(seen?.aborted).toBe(false);
    gate.resolve('result');
    expect(await stays).toBe('result');
    expect(seen?.aborted).toBe(false);
  });

  it('aborts the run when its last caller leaves, and starts another for the next', async () => {
    const flights = new SingleFlight<string, string>();
    let seen: AbortSignal | undefined;
    const leaving = new AbortController();
    const left = flights.run('k', leaving.signal, (signal) => {
      seen = signal;
      return new Promise(() => {});
    });
    await Promise.resolve();
    leaving.abort(new Error('gone'));
    await expect(left).rejects.toThrow('gone');
    expect(seen?.aborted).toBe(true);
    expect(await flights.run('k', never, async () => 'new')).toBe('new');
  });
});
