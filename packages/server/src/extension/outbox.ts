import { encodeKey } from '../metadata/keys.ts';
import { type Key, MAX_VALUE_BYTES } from '../metadata/metadata-store.ts';
import { recordCodec } from '../metadata/record.ts';
import type { EventSink, StoreEvent } from './events.ts';

/**
 * One queue per observer: [mark, observer, time, turn, event id, part]. Time and turn are those of the worker that
 * wrote the event and never go back in it, so a queue is in order per worker.
 */
const OUTBOX = 0x4f;

/** An event longer than a value is stored in parts; what the key and the record around the bytes need is left free. */
const PART_BYTES = MAX_VALUE_BYTES - 300;

export interface OutboxPart {
  readonly parts: number;
  readonly bytes: Uint8Array;
}

export const outboxPartCodec = recordCodec<OutboxPart>('outbox part', 1);

export const outboxKeys = {
  queue: (observer: string): Key => encodeKey(OUTBOX, observer),
  part: (
    observer: string,
    place: { readonly atMs: number; readonly turn: number },
    id: string,
    part: number,
  ) => encodeKey(OUTBOX, observer, place.atMs, place.turn, id, part),
};

export interface OutboxOptions {
  /** Asked at every event: extensions, and with them observers, come later than the domain. */
  readonly observers: () => readonly string[];
  readonly clock: { now(): number };
  readonly newId: () => string;
}

/** The writing end of the outbox; `drainOutbox` is the reading end. */
export function createOutbox({ observers, clock, newId }: OutboxOptions): EventSink {
  let atMs = 0;
  let turn = 0;
  return {
    write(transaction, event) {
      const names = observers();
      if (names.length === 0) return;
      const now = clock.now();
      turn = now > atMs ? 0 : turn + 1;
      atMs = Math.max(atMs, now);
      const id = newId();
      const stored = { ...event, id, atMs: now } satisfies StoreEvent;
      const bytes = Buffer.from(JSON.stringify(stored));
      const parts = Math.ceil(bytes.length / PART_BYTES);
      for (const observer of names) {
        for (let part = 0; part < parts; part++) {
          const slice = bytes.subarray(part * PART_BYTES, (part + 1) * PART_BYTES);
          transaction.put(
            outboxKeys.part(observer, { atMs, turn }, id, part),
            outboxPartCodec.encode({ parts, bytes: slice }),
          );
        }
      }
    },
  };
}
