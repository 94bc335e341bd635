/** Bytes `start` to `end` inclusive. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

export type RangeRequest =
  /** No `Range`, or one in a unit we do not know: answer 200 with everything. */
  | { readonly kind: 'none' }
  /** Answer 416 with `unsatisfiedRange(sizeBytes)`. */
  | { readonly kind: 'unsatisfiable' }
  /** At least one range; all lie inside the representation, none overlap or touch, in the order they were asked for. */
  | { readonly kind: 'ranges'; readonly ranges: readonly [ByteRange, ...ByteRange[]] };

/** More ranges than this in one request are refused: RFC 9110 14.2 lets a server reject what looks like an attack. */
export const MAX_RANGES = 16;

const NONE: RangeRequest = { kind: 'none' };
const UNSATISFIABLE: RangeRequest = { kind: 'unsatisfiable' };
const UNIT = 'bytes=';

/**
 * Reads a `Range` header against a representation of `sizeBytes` (RFC 9110 14.1 and 14.2), in time linear in its
 * length. A malformed byte range is `unsatisfiable`, not ignored: 15.5.17 has 416 also for "invalid ranges", and the
 * distribution-spec's conformance program wants it for `500-0`.
 */
export function parseRange(header: string | undefined, sizeBytes: number): RangeRequest {
  if (header === undefined) return NONE;
  if (header.slice(0, UNIT.length).toLowerCase() !== UNIT) return NONE;
  const ranges: ByteRange[] = [];
  let count = 0;
  let at = UNIT.length;
  while (at <= header.length) {
    const comma = header.indexOf(',', at);
    const stop = comma < 0 ? header.length : comma;
    const spec = parseSpec(header, at, stop, sizeBytes);
    at = stop + 1;
    if (spec === 'empty') continue;
    count++;
    if (spec === 'malformed' || count > MAX_RANGES) return UNSATISFIABLE;
    if (spec !== 'beyond') addCoalesced(ranges, spec);
  }
  const [first, ...rest] = ranges;
  return first === undefined ? UNSATISFIABLE : { kind: 'ranges', ranges: [first, ...rest] };
}

/** The `Content-Range` of a 206 part. */
export function contentRange(range: ByteRange, sizeBytes: number): string {
  return `bytes ${range.start}-${range.end}/${sizeBytes}`;
}

/** The `Content-Range` of a 416. */
export function unsatisfiedRange(sizeBytes: number): string {
  return `bytes */${sizeBytes}`;
}

export function rangeLength(range: ByteRange): number {
  return range.end - range.start + 1;
}

/** One `first-last`, `first-` or `-suffix` between `from` and `to`, clamped to the representation. */
function parseSpec(
  header: string,
  from: number,
  to: number,
  sizeBytes: number,
): ByteRange | 'empty' | 'malformed' | 'beyond' {
  let start = from;
  let stop = to;
  while (start < stop && isBlank(header.charCodeAt(start))) start++;
  while (stop > start && isBlank(header.charCodeAt(stop - 1))) stop--;
  if (start === stop) return 'empty';
  const dash = header.indexOf('-', start);
  if (dash < 0 || dash >= stop) return 'malformed';
  if (dash === start) {
    const suffix = parsePosition(header, dash + 1, stop);
    if (suffix === undefined) return 'malformed';
    if (suffix === 0 || sizeBytes === 0) return 'beyond';
    return { start: Math.max(0, sizeBytes - suffix), end: sizeBytes - 1 };
  }
  const first = parsePosition(header, start, dash);
  if (first === undefined) return 'malformed';
  const last = dash + 1 === stop ? Number.MAX_SAFE_INTEGER : parsePosition(header, dash + 1, stop);
  if (last === undefined || last < first) return 'malformed';
  if (first >= sizeBytes) return 'beyond';
  return { start: first, end: Math.min(last, sizeBytes - 1) };
}

/** A run of digits as a number, held at the largest safe integer; undefined when it is anything else. */
function parsePosition(header: string, from: number, to: number): number | undefined {
  if (from >= to) return undefined;
  let value = 0;
  for (let i = from; i < to; i++) {
    const digit = header.charCodeAt(i) - 48;
    if (digit < 0 || digit > 9) return undefined;
    value = Math.min(value * 10 + digit, Number.MAX_SAFE_INTEGER);
  }
  return value;
}

/** Keeps the order asked for; a range that overlaps or touches earlier ones is merged into the first of them. */
function addCoalesced(ranges: ByteRange[], added: ByteRange): void {
  let merged = added;
  let slot = ranges.length;
  // A merged range may reach one that was passed over, so look again until it touches none; 16 entries at most.
  for (let i = findTouching(ranges, merged); i >= 0; i = findTouching(ranges, merged)) {
    const [other = merged] = ranges.splice(i, 1);
    merged = { start: Math.min(other.start, merged.start), end: Math.max(other.end, merged.end) };
    slot = Math.min(slot, i);
  }
  ranges.splice(slot, 0, merged);
}

function findTouching(ranges: readonly ByteRange[], range: ByteRange): number {
  return ranges.findIndex((other) => other.start <= range.end + 1 && range.start <= other.end + 1);
}

function isBlank(code: number): boolean {
  return code === 32 || code === 9;
}
