import { StoreError } from '@zot-artifact-store/spec';
import { prefixEnd } from './keys.ts';
import { assertBound } from './limits.ts';
import type { Key, Range, ScanOptions } from './metadata-store.ts';

/** Half-open: `from` inclusive, `to` exclusive, undefined meaning no end. */
export interface ScanBounds {
  readonly from: Key;
  readonly to: Key | undefined;
  /** False when no key can be within. */
  readonly possible: boolean;
}

/**
 * Folds range and `after` into one half-open interval, so that drivers know no other case. The smallest key above
 * `after` is `after` with a zero byte.
 */
export function scanBounds(range: Range, options: ScanOptions): ScanBounds {
  if (!Number.isSafeInteger(options.limit) || options.limit < 0) {
    throw new StoreError('internal', `a scan needs a whole number as its limit, not ${options.limit}`);
  }
  let from: Key = 'prefix' in range ? range.prefix : range.from;
  let to: Key | undefined = 'prefix' in range ? prefixEnd(range.prefix) : range.to;
  assertBound(from);
  if (to !== undefined) assertBound(to);
  if (options.after !== undefined) {
    assertBound(options.after);
    if (options.reverse === true) {
      if (to === undefined || Buffer.compare(options.after, to) < 0) to = options.after;
    } else {
      const next = Buffer.alloc(options.after.length + 1);
      next.set(options.after);
      if (Buffer.compare(next, from) > 0) from = next;
    }
  }
  const possible = options.limit > 0 && (to === undefined || Buffer.compare(from, to) < 0);
  return { from, to, possible };
}
