import { randomFillSync } from 'node:crypto';

/**
 * What versions of one key are sorted by, newest first, and what their version ids are: 12 hex digits of inverted
 * milliseconds, 4 of an inverted turn within the millisecond, 16 random ones, so that no id ever comes back.
 */
const MAX_MS = 2 ** 48 - 1;
const MAX_TURN = 0xffff;
const ORDER = /^[0-9a-f]{32}$/;

/** An order that sorts before `newest`, the newest version there is, whatever the clock says. */
export function nextOrder(nowMs: number, newest: string | undefined): string {
  if (newest === undefined) return encode(nowMs, 0);
  const newestMs = MAX_MS - Number.parseInt(newest.slice(0, 12), 16);
  if (nowMs > newestMs) return encode(nowMs, 0);
  const turn = MAX_TURN - Number.parseInt(newest.slice(12, 16), 16);
  return turn < MAX_TURN ? encode(newestMs, turn + 1) : encode(newestMs + 1, 0);
}

/** Whether text can be a version id that this server gave out, other than `null`. */
export function isOrder(text: string): boolean {
  return ORDER.test(text);
}

function encode(ms: number, turn: number): string {
  return hex(MAX_MS - ms, 12) + hex(MAX_TURN - turn, 4) + randomHex();
}

/** Drawn many at once: each call costs more than the bytes. */
const pool = Buffer.alloc(4_096);
let used = pool.length;

function randomHex(): string {
  if (used === pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  used += 8;
  return pool.toString('hex', used - 8, used);
}

function hex(value: number, digits: number): string {
  return value.toString(16).padStart(digits, '0');
}
