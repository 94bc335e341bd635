import { StoreError } from '@zot-artifact-store/spec';
import { allValues, type QueryPairs } from '../http/query.ts';
import type { PageQuery } from './operation.ts';

/**
 * Reads `n` and `last`. `last` need not name an entry, so any text will do; it is cut one character behind the longest
 * valid entry, which changes no comparison with one. Throws `argument-invalid`.
 */
export function parsePageQuery(query: QueryPairs, longestEntry: number): PageQuery {
  const count = single(query, 'n');
  const last = single(query, 'last');
  return {
    count: count === undefined ? undefined : parseCount(count),
    after: last === undefined || last === '' ? undefined : last.slice(0, longestEntry + 1),
  };
}

/** The value of a parameter that may be given once. Throws `argument-invalid` when it is repeated. */
export function single(query: QueryPairs, name: string): string | undefined {
  const values = allValues(query, name);
  if (values.length > 1) {
    throw new StoreError(
      'argument-invalid',
      `the query parameter "${name}" is given ${values.length} times`,
      {
        resource: name,
      },
    );
  }
  return values[0];
}

/** A whole number of any size; whoever uses it has a smaller limit of its own. */
function parseCount(text: string): number {
  if (text === '' || text.length > 32 || !/^[0-9]+$/.test(text)) {
    throw new StoreError('argument-invalid', `n must be a whole number, not "${text.slice(0, 40)}"`, {
      resource: 'n',
    });
  }
  return Math.min(Number(text), Number.MAX_SAFE_INTEGER);
}
