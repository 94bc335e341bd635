import type { Logger } from 'pino';
import type { Entry, Key, MetadataStore } from '../metadata/metadata-store.ts';
import type { Observer, Task } from './contract.ts';
import type { StoreEvent } from './events.ts';
import { outboxKeys, outboxPartCodec } from './outbox.ts';

const BATCH = 64;
const DAY_MS = 86_400_000;

export interface DrainOptions {
  readonly metadata: MetadataStore;
  readonly clock: { now(): number };
  readonly log: Logger;
  /** How often the queue is looked at. */
  readonly intervalMs?: number;
  /** An observer that takes longer has failed. */
  readonly observeTimeoutMs?: number;
  /** The pause after the first failure; it doubles up to `maxPauseMs`. */
  readonly firstPauseMs?: number;
  readonly maxPauseMs?: number;
  /** The bound of the queue: an event that could not be delivered for this long is dropped, with an error in the log. */
  readonly maxAgeMs?: number;
}

/**
 * The task that delivers one observer's events, oldest first, each until the observer took it: at least once, since a
 * crash after delivery and before the row is deleted delivers again. It must not run twice at a time (the scheduler's
 * lease sees to that).
 */
export function drainOutbox(observer: Observer, options: DrainOptions): Task {
  const { metadata, clock, log } = options;
  const firstPauseMs = options.firstPauseMs ?? 1_000;
  const maxPauseMs = options.maxPauseMs ?? 300_000;
  const maxAgeMs = options.maxAgeMs ?? 7 * DAY_MS;
  let failures = 0;
  let notBeforeMs = 0;

  async function deliver(event: StoreEvent, signal: AbortSignal): Promise<boolean> {
    try {
      await observe(observer, event, signal, options.observeTimeoutMs ?? 30_000);
      failures = 0;
      return true;
    } catch (error) {
      if (signal.aborted) return false;
      if (clock.now() - event.atMs > maxAgeMs) {
        log.error(
          { observer: observer.name, event: event.id, type: event.type, err: error },
          'event dropped',
        );
        return true;
      }
      const pauseMs = Math.min(maxPauseMs, firstPauseMs * 2 ** Math.min(failures, 30));
      failures++;
      notBeforeMs = clock.now() + pauseMs;
      log.warn(
        { observer: observer.name, event: event.id, failures, pauseMs, err: error },
        'observer failed',
      );
      return false;
    }
  }

  return {
    name: `outbox:${observer.name}`,
    intervalMs: options.intervalMs ?? 1_000,
    async run(signal) {
      if (clock.now() < notBeforeMs) return;
      for (;;) {
        const entries = await metadata.scan({ prefix: outboxKeys.queue(observer.name) }, { limit: BATCH });
        const first = entries[0];
        if (first === undefined) return;
        for (const queued of await assemble(metadata, observer.name, entries)) {
          if (signal.aborted || !(await deliver(queued.event, signal))) return;
          await metadata.commit({ deletes: queued.keys });
        }
      }
    },
  };
}

interface QueuedEvent {
  readonly event: StoreEvent;
  readonly keys: readonly Key[];
}

/** The events whose first part is among `entries`; the last one may need parts beyond them. */
async function assemble(
  metadata: MetadataStore,
  observer: string,
  entries: readonly Entry[],
): Promise<readonly QueuedEvent[]> {
  const events: QueuedEvent[] = [];
  let at = 0;
  while (at < entries.length) {
    const { parts } = outboxPartCodec.decode((entries[at] as Entry).value);
    let rows = entries.slice(at, at + parts);
    const last = rows.at(-1) as Entry;
    if (rows.length < parts) {
      const rest = await metadata.scan(
        { prefix: outboxKeys.queue(observer) },
        { limit: parts - rows.length, after: last.key },
      );
      rows = [...rows, ...rest];
    }
    const bytes = Buffer.concat(rows.map(({ value }) => outboxPartCodec.decode(value).bytes));
    // Written by createOutbox from a StoreEvent.
    events.push({ event: JSON.parse(bytes.toString()) as StoreEvent, keys: rows.map(({ key }) => key) });
    at += parts;
  }
  return events;
}

/** Also ends when the observer ignores its signal. */
async function observe(
  observer: Observer,
  event: StoreEvent,
  signal: AbortSignal,
  timeoutMs: number,
): Promise<void> {
  const limit = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const onAbort = () => reject(limit.reason);
  limit.addEventListener('abort', onAbort, { once: true });
  try {
    limit.throwIfAborted();
    await Promise.race([observer.observe(event, limit), aborted]);
  } finally {
    limit.removeEventListener('abort', onAbort);
  }
}
