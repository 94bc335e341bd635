import { timingSafeEqual } from 'node:crypto';

/** Compares what a client sent with what only the holder of the secret can know; the time tells the length at most. */
export function isSameSignature(given: string, computed: string): boolean {
  const left = Buffer.from(given, 'utf8');
  const right = Buffer.from(computed, 'utf8');
  return left.length === right.length && timingSafeEqual(left, right);
}
