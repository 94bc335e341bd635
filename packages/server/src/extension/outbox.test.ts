import { randomUUID } from 'node:crypto';
import type { Digest } from '@zot-artifact-store/spec';
import { alice, imageIndex, RegistryBench } from '@zot-artifact-store/testkit/registry-bench.ts';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Transaction } from '../metadata/transaction.ts';
import type { Observer } from './contract.ts';
import { type DrainOptions, drainOutbox } from './drain-outbox.ts';
import type { StoreEvent } from './events.ts';
import { createOutbox, outboxKeys } from './outbox.ts';

let bench: RegistryBench;
const { signal } = new AbortController();

beforeEach(() => {
  bench = new RegistryBench({ observers: ['a/first', 'b/second'] });
});

afterEach(() => bench.close());

function drain(name: string, observe: Observer['observe'], more: Partial<DrainOptions> = {}) {
  const { metadata, clock, log } = bench;
  return drainOutbox({ name, observe }, { metadata, clock, log, ...more });
}

async function collect(name: string): Promise<StoreEvent[]> {
  const events: StoreEvent[] = [];
  await drain(name, async (event) => void events.push(event)).run(signal);
  return events;
}

async function queued(name = 'a/first'): Promise<number> {
  return (await bench.metadata.scan({ prefix: outboxKeys.queue(name) }, { limit: 1_000 })).length;
}

describe('the outbox', () => {
  it('tells every observer everything, in order and once', async () => {
    const image = await bench.pushImage('x', ['v1', 'v2']);
    await bench.registry.manifests.delete(bench.repository, image.digest, alice);
    await bench.registry.blobs.delete(bench.repository, image.layer, alice);
    for (const name of ['a/first', 'b/second']) {
      const events = await collect(name);
      expect(events.map(({ type }) => type)).toEqual([
        'repository.created',
        'blob.pushed',
        'blob.pushed',
        'manifest.pushed',
        'manifest.deleted',
        'blob.deleted',
      ]);
      expect(events[3]).toMatchObject({
        repository: 'app/web',
        actor: 'alice',
        atMs: bench.nowMs,
        digest: image.digest,
        tags: ['v1', 'v2'],
      });
      expect(new Set(events.map(({ id }) => id)).size).toBe(6);
      expect(await collect(name)).toEqual([]);
    }
  });

  it('writes nothing when nobody observes', () => {
    const { clock } = bench;
    const transaction = new Transaction();
    const outbox = createOutbox({ observers: () => [], clock, newId: randomUUID });
    outbox.write(transaction, { type: 'repository.created', repository: 'x' });
    expect(transaction.puts).toEqual([]);
  });

  it('keeps its order when the clock goes back', async () => {
    await bench.pushBlob('first');
    bench.nowMs -= 60_000;
    await bench.pushBlob('second');
    const sizes = (await collect('a/first')).flatMap((event) =>
      event.type === 'blob.pushed' ? [event.sizeBytes] : [],
    );
    expect(sizes).toEqual([5, 6]);
  });

  it('carries events that are longer than a value', async () => {
    const tags = Array.from({ length: 300 }, (_, i) => `${'t'.repeat(120)}${i}`);
    await bench.pushManifest(imageIndex([]), tags);
    await bench.pushBlob('after');
    expect(await queued()).toBeGreaterThan(10);
    const events = await collect('a/first');
    expect(events.map(({ type }) => type)).toEqual(['repository.created', 'manifest.pushed', 'blob.pushed']);
    expect(events[1]).toMatchObject({ tags });
    expect(await queued()).toBe(0);
  });

  it('empties queues of many batches, with long events across their borders', async () => {
    const tags = Array.from({ length: 100 }, (_, i) => `${'t'.repeat(120)}${i}`);
    for (let i = 0; i < 50; i++)
      await bench.pushManifest(imageIndex([], { annotations: { i: `${i}` } }), tags);
    const digests: Digest[] = [];
    await drain('a/first', async (event) => {
      if (event.type === 'manifest.pushed') digests.push(event.digest);
    }).run(signal);
    expect(new Set(digests).size).toBe(50);
    expect(digests).toHaveLength(50);
  });

  it('delivers again what an observer threw on, after growing pauses, before anything later', async () => {
    await bench.pushBlob('1');
    await bench.pushBlob('22');
    const seen: string[] = [];
    let works = false;
    const task = drain(
      'a/first',
      async (event) => {
        seen.push(event.type);
        if (!works) throw new Error('not now');
      },
      { firstPauseMs: 100, maxPauseMs: 250 },
    );
    for (const [pauseMs, tries] of [
      [0, 1],
      [99, 1],
      [1, 2],
      [199, 2],
      [1, 3],
      [249, 3],
      [1, 4],
      [250, 5],
    ] as const) {
      bench.nowMs += pauseMs;
      await task.run(signal);
      expect([pauseMs, seen.length]).toEqual([pauseMs, tries]);
    }
    works = true;
    bench.nowMs += 250;
    await task.run(signal);
    expect(seen.slice(5)).toEqual(['repository.created', 'blob.pushed', 'blob.pushed']);
    expect(await queued('b/second')).toBe(3);
  });

  it('gives up on an event that was refused for too long, and goes on', async () => {
    await bench.pushBlob('1');
    const seen: string[] = [];
    const observe = async (event: StoreEvent) => {
      if (event.type === 'repository.created') throw new Error('poison');
      seen.push(event.type);
    };
    const task = drain('a/first', observe, { maxAgeMs: 1_000, firstPauseMs: 1, maxPauseMs: 1 });
    await task.run(signal);
    expect(seen).toEqual([]);
    bench.nowMs += 1_001;
    await task.run(signal);
    expect(seen).toEqual(['blob.pushed']);
  });

  it('stops with its signal, also when the observer does not, and delivers again later', async () => {
    await bench.pushBlob('1');
    const stop = new AbortController();
    const task = drain('a/first', () => {
      stop.abort();
      return new Promise(() => {});
    });
    await task.run(stop.signal);
    expect(await collect('a/first')).toHaveLength(2);
  });

  it('does not wait for ever for an observer', async () => {
    await bench.pushBlob('1');
    const task = drain('a/first', () => new Promise(() => {}), { observeTimeoutMs: 1 });
    await task.run(signal);
    expect(await queued()).toBe(2);
  });
});
