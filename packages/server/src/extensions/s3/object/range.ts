/** What a `Range` header asks of an object of `sizeBytes`. */
export type RangeAsked =
  | { readonly kind: 'whole' }
  | { readonly kind: 'part'; readonly start: number; readonly end: number }
  | { readonly kind: 'unsatisfiable' };

const WHOLE: RangeAsked = { kind: 'whole' };
const UNSATISFIABLE: RangeAsked = { kind: 'unsatisfiable' };
const UNIT = 'bytes=';

/**
 * S3's rules differ from RFC 9110: anything but one well-formed range of bytes (several ranges, another unit, blanks,
 * an end before the start) is as if it were not there. `-0` and a start past the end are unsatisfiable.
 */
export function parseRange(header: string, sizeBytes: number): RangeAsked {
  if (!header.startsWith(UNIT)) return WHOLE;
  const dash = header.indexOf('-', UNIT.length);
  if (dash < 0) return WHOLE;
  const first = digits(header, UNIT.length, dash);
  const last = digits(header, dash + 1, header.length);
  if (first === 'malformed' || last === 'malformed') return WHOLE;
  if (first === 'empty') {
    if (last === 'empty') return WHOLE;
    if (last === 0 || sizeBytes === 0) return UNSATISFIABLE;
    return { kind: 'part', start: Math.max(0, sizeBytes - last), end: sizeBytes - 1 };
  }
  const end = last === 'empty' ? Number.MAX_SAFE_INTEGER : last;
  if (end < first) return WHOLE;
  if (first >= sizeBytes) return UNSATISFIABLE;
  return { kind: 'part', start: first, end: Math.min(end, sizeBytes - 1) };
}

/** A run of digits as a number, held at the largest safe integer. */
function digits(text: string, from: number, to: number): number | 'empty' | 'malformed' {
  if (from === to) return 'empty';
  let value = 0;
  for (let i = from; i < to; i++) {
    const digit = text.charCodeAt(i) - 48;
    if (digit < 0 || digit > 9) return 'malformed';
    value = Math.min(value * 10 + digit, Number.MAX_SAFE_INTEGER);
  }
  return value;
}
