import { StoreError } from '@zot-artifact-store/spec';

export type QueryPairs = readonly (readonly [name: string, value: string])[];

export interface QueryOptions {
  /** More pairs than this are refused. */
  readonly maxPairs?: number;
  /** What an unescaped `+` means: a space as in forms (and in Go's parser, so in zot), or itself. */
  readonly plus?: 'space' | 'literal';
}

const DEFAULT_MAX_PAIRS = 100;
const NO_PAIRS: QueryPairs = [];

/**
 * The decoded pairs of a raw query string, in order, repeated names kept; `a` and `a=` both have the value ''. Linear
 * in the length of `raw`. Throws `argument-invalid` for broken percent-encoding, bytes that are not UTF-8, and too
 * many pairs.
 */
export function parseQuery(raw: string, options: QueryOptions = {}): QueryPairs {
  if (raw === '') return NO_PAIRS;
  const maxPairs = options.maxPairs ?? DEFAULT_MAX_PAIRS;
  const plusIsSpace = options.plus !== 'literal';
  const pairs: [string, string][] = [];
  let at = 0;
  while (at <= raw.length) {
    const ampersand = raw.indexOf('&', at);
    const stop = ampersand < 0 ? raw.length : ampersand;
    if (stop > at) {
      if (pairs.length === maxPairs) {
        throw new StoreError('argument-invalid', `the query has more than ${maxPairs} parameters`);
      }
      const pair = raw.slice(at, stop);
      const equals = pair.indexOf('=');
      const name = equals < 0 ? pair : pair.slice(0, equals);
      const value = equals < 0 ? '' : pair.slice(equals + 1);
      pairs.push([decode(name, plusIsSpace), decode(value, plusIsSpace)]);
    }
    at = stop + 1;
  }
  return pairs;
}

/** The first value of `name`, or undefined. */
export function firstValue(pairs: QueryPairs, name: string): string | undefined {
  for (const pair of pairs) if (pair[0] === name) return pair[1];
  return undefined;
}

/** Every value of `name`, in order. */
export function allValues(pairs: QueryPairs, name: string): string[] {
  const values: string[] = [];
  for (const pair of pairs) if (pair[0] === name) values.push(pair[1]);
  return values;
}

function decode(text: string, plusIsSpace: boolean): string {
  const spaced = plusIsSpace && text.includes('+') ? text.replaceAll('+', ' ') : text;
  if (!spaced.includes('%')) return spaced;
  try {
    return decodeURIComponent(spaced);
  } catch (error) {
    throw new StoreError('argument-invalid', 'the query has a broken percent-encoding', {
      resource: text.slice(0, 120),
      cause: error,
    });
  }
}
