import { parseHttpDate } from '../../../http/http-date.ts';
import type { RequestHead } from '../../../http/protocol.ts';
import { headerOf } from '../auth/header-of.ts';
import { S3Error } from '../errors.ts';
import { namesEtag } from './entity-tag.ts';

export interface ReadConditions {
  readonly ifMatch: string | undefined;
  readonly ifNoneMatch: string | undefined;
  readonly ifModifiedSinceMs: number | undefined;
  readonly ifUnmodifiedSinceMs: number | undefined;
}

/** Conditions of a read, or with `x-amz-copy-source-` before their names of a copy's source. Undefined without any. */
export function readConditions(
  head: RequestHead,
  prefix: '' | 'x-amz-copy-source-' = '',
): ReadConditions | undefined {
  const ifMatch = headerOf(head, `${prefix}if-match`);
  const ifNoneMatch = headerOf(head, `${prefix}if-none-match`);
  const ifModifiedSince = headerOf(head, `${prefix}if-modified-since`);
  const ifUnmodifiedSince = headerOf(head, `${prefix}if-unmodified-since`);
  if (
    ifMatch === undefined &&
    ifNoneMatch === undefined &&
    ifModifiedSince === undefined &&
    ifUnmodifiedSince === undefined
  ) {
    return undefined;
  }
  return {
    ifMatch,
    ifNoneMatch,
    ifModifiedSinceMs: parseHttpDate(ifModifiedSince),
    ifUnmodifiedSinceMs: parseHttpDate(ifUnmodifiedSince),
  };
}

export type ReadOutcome =
  | { readonly kind: 'proceed' }
  | { readonly kind: 'not-modified' }
  | { readonly kind: 'failed'; readonly condition: 'If-Match' | 'If-Unmodified-Since' };

const PROCEED: ReadOutcome = { kind: 'proceed' };
const NOT_MODIFIED: ReadOutcome = { kind: 'not-modified' };

/**
 * In the order of RFC 9110 13.2.2, which Amazon S3 keeps: an entity tag decides where there is one, and the date beside
 * it is not looked at. A date in the future is ignored; one that is not a date counts as none.
 */
export function judgeRead(
  conditions: ReadConditions,
  { etag, modifiedAtMs }: { readonly etag: string; readonly modifiedAtMs: number },
  nowMs: number,
): ReadOutcome {
  // HTTP dates have no fractions.
  const modifiedMs = Math.floor(modifiedAtMs / 1_000) * 1_000;
  const { ifMatch, ifNoneMatch, ifModifiedSinceMs, ifUnmodifiedSinceMs } = conditions;
  if (ifMatch !== undefined) {
    if (!namesEtag(ifMatch, etag)) return { kind: 'failed', condition: 'If-Match' };
  } else if (ifUnmodifiedSinceMs !== undefined && modifiedMs > ifUnmodifiedSinceMs) {
    return { kind: 'failed', condition: 'If-Unmodified-Since' };
  }
  if (ifNoneMatch !== undefined) return namesEtag(ifNoneMatch, etag) ? NOT_MODIFIED : PROCEED;
  if (ifModifiedSinceMs === undefined || ifModifiedSinceMs > nowMs) return PROCEED;
  return modifiedMs <= ifModifiedSinceMs ? NOT_MODIFIED : PROCEED;
}

export function preconditionFailed(condition: string): S3Error {
  return new S3Error('PreconditionFailed', 'At least one of the pre-conditions you specified did not hold', {
    fields: { Condition: condition },
  });
}
