import { StoreError } from '@zot-artifact-store/spec';

const MAX_DEPTH = 64;
/** Objects, lists and their members together; what a manifest of 4 MiB that names thousands of blobs needs, and no more. */
const MAX_VALUES = 250_000;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const OPEN_LIST = 0x5b;
const CLOSE_LIST = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * JSON.parse for text from strangers: nesting and the number of values are counted over the bytes first, because a few
 * megabytes of brackets become hundreds of megabytes of objects. Throws `manifest-invalid`; `name` says of what.
 */
export function parseBoundedJson(
  bytes: Uint8Array,
  { name = 'the manifest', maxValues = MAX_VALUES }: BoundedJsonOptions = {},
): unknown {
  const excess = findExcess(bytes, maxValues);
  if (excess !== undefined) throw new StoreError('manifest-invalid', `${name} ${excess}`);
  try {
    return JSON.parse(decoder.decode(bytes));
  } catch (cause) {
    throw new StoreError('manifest-invalid', `${name} is not JSON in UTF-8`, { cause });
  }
}

export interface BoundedJsonOptions {
  readonly name?: string;
  readonly maxValues?: number;
}

function findExcess(bytes: Uint8Array, maxValues: number): string | undefined {
  let depth = 0;
  let values = 0;
  for (let at = 0; at < bytes.length; at++) {
    switch (bytes[at]) {
      case QUOTE:
        at = endOfString(bytes, at + 1);
        break;
      case OPEN_LIST:
      case OPEN_OBJECT:
        values++;
        if (++depth > MAX_DEPTH) return `is nested deeper than ${MAX_DEPTH}`;
        break;
      case CLOSE_LIST:
      case CLOSE_OBJECT:
        depth--;
        break;
      case COMMA:
        values++;
        break;
    }
    if (values > maxValues) return `has more than ${maxValues} values`;
  }
  return undefined;
}

/** The index of the closing quote, or the length when there is none. */
function endOfString(bytes: Uint8Array, from: number): number {
  let end = bytes.indexOf(QUOTE, from);
  while (end >= 0 && isEscaped(bytes, end, from)) end = bytes.indexOf(QUOTE, end + 1);
  return end < 0 ? bytes.length : end;
}

/** Backslashes before a quote are looked at once per quote, so the whole is linear unless quotes share a run; they cannot. */
function isEscaped(bytes: Uint8Array, quote: number, from: number): boolean {
  let at = quote - 1;
  while (at >= from && bytes[at] === BACKSLASH) at--;
  return (quote - 1 - at) % 2 === 1;
}
