import { StoreError } from '@zot-artifact-store/spec';
import type { ByteRange } from '../content/blob-driver.ts';

/** `range`, or all of `sizeBytes` (of no bytes: an end before the start). Throws `range-unsatisfiable` outside of it. */
export function checkedRange(range: ByteRange | undefined, sizeBytes: number): ByteRange {
  if (range === undefined) return { start: 0, end: sizeBytes - 1 };
  const { start, end } = range;
  const areIntegers = Number.isSafeInteger(start) && Number.isSafeInteger(end);
  if (!areIntegers || start < 0 || end < start || end >= sizeBytes) {
    throw new StoreError('range-unsatisfiable', `the range ${start}-${end} is not inside ${sizeBytes} bytes`);
  }
  return range;
}
