import { type EntityTag, type EntityTagList, parseEntityTag, parseEntityTagList } from './entity-tag.ts';
import { parseHttpDate } from './http-date.ts';
import type { RequestHead } from './protocol.ts';

/** What identifies the state of the selected representation. */
export interface Validators {
  /** As sent in `ETag`: quoted, with `W/` when weak. */
  readonly etag?: string;
  readonly lastModifiedMs?: number;
}

/** `not-modified` is a 304, `precondition-failed` a 412. */
export type PreconditionOutcome = 'proceed' | 'not-modified' | 'precondition-failed';

/**
 * Evaluates a request's preconditions in the order of RFC 9110 13.2.2. `current` is undefined when the target has no
 * representation. Throws `argument-invalid` for a malformed tag list; a malformed date is ignored, as 13.1.3 demands.
 */
export function evaluatePreconditions(
  head: Pick<RequestHead, 'method' | 'headers'>,
  current: Validators | undefined,
): PreconditionOutcome {
  const { headers } = head;
  const isRead = head.method === 'GET' || head.method === 'HEAD';
  const ifMatch = headers['if-match'];
  if (typeof ifMatch === 'string') {
    if (!matchesAny(parseEntityTagList(ifMatch, 'If-Match'), current, strongMatch))
      return 'precondition-failed';
  } else if (isModifiedSince(headers['if-unmodified-since'], current)) {
    return 'precondition-failed';
  }
  const ifNoneMatch = headers['if-none-match'];
  if (typeof ifNoneMatch === 'string') {
    if (matchesAny(parseEntityTagList(ifNoneMatch, 'If-None-Match'), current, weakMatch)) {
      return isRead ? 'not-modified' : 'precondition-failed';
    }
  } else if (isRead && isUnmodifiedSince(headers['if-modified-since'], current)) {
    return 'not-modified';
  }
  return 'proceed';
}

/**
 * Whether a `Range` header is to be honoured given `If-Range` (RFC 9110 13.1.5): there is none, or it names exactly
 * this state. Tags compare strongly; a date counts only when it equals `Last-Modified` to the second.
 */
export function isRangeApplicable(head: Pick<RequestHead, 'headers'>, current: Validators): boolean {
  const ifRange = head.headers['if-range'];
  if (typeof ifRange !== 'string') return true;
  const tag = parseEntityTag(ifRange);
  if (tag !== undefined) return strongMatch(tag, currentTag(current));
  const dateMs = parseHttpDate(ifRange);
  return (
    dateMs !== undefined &&
    current.lastModifiedMs !== undefined &&
    dateMs === wholeSecond(current.lastModifiedMs)
  );
}

function matchesAny(
  list: EntityTagList,
  current: Validators | undefined,
  match: (asked: EntityTag, current: EntityTag | undefined) => boolean,
): boolean {
  if (current === undefined) return false;
  if (list === 'any') return true;
  const tag = currentTag(current);
  return list.some((asked) => match(asked, tag));
}

function strongMatch(asked: EntityTag, current: EntityTag | undefined): boolean {
  return current !== undefined && !asked.isWeak && !current.isWeak && asked.value === current.value;
}

function weakMatch(asked: EntityTag, current: EntityTag | undefined): boolean {
  return current !== undefined && asked.value === current.value;
}

function currentTag(current: Validators): EntityTag | undefined {
  return current.etag === undefined ? undefined : parseEntityTag(current.etag);
}

function isModifiedSince(header: string | string[] | undefined, current: Validators | undefined): boolean {
  const since = typeof header === 'string' ? parseHttpDate(header) : undefined;
  if (since === undefined || current?.lastModifiedMs === undefined) return false;
  return wholeSecond(current.lastModifiedMs) > since;
}

function isUnmodifiedSince(header: string | string[] | undefined, current: Validators | undefined): boolean {
  const since = typeof header === 'string' ? parseHttpDate(header) : undefined;
  if (since === undefined || current?.lastModifiedMs === undefined) return false;
  return wholeSecond(current.lastModifiedMs) <= since;
}

/** HTTP dates have no fractions, so neither may what they are compared with. */
function wholeSecond(ms: number): number {
  return Math.floor(ms / 1000) * 1000;
}
