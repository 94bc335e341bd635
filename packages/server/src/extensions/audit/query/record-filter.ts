import { plainText } from '../entry/plain-text.ts';

export interface AuditFilter {
  /** Who did it, or in whose name it was tried. */
  readonly user?: string | undefined;
  /** `s3:PutObject`, `s3:*`, or an operation as the log names it. */
  readonly action?: string | undefined;
  /** What the resource of a decision begins with. */
  readonly resource?: string | undefined;
  readonly result?: string | undefined;
  readonly event?: string | undefined;
  /** The id of a request. */
  readonly request?: string | undefined;
  readonly fromMs: number;
  /** Exclusive. */
  readonly toMs: number;
  /** Also what the server says of itself: starts, checkpoints, gaps. */
  readonly all: boolean;
}

export type AuditRecord = Readonly<Record<string, unknown>>;

const MAX_NAME = 256;

/** The record a line holds when it is one that is wanted. Most lines are passed over without being parsed. */
export function recordFilter(filter: AuditFilter): (text: string, timeMs: number) => AuditRecord | undefined {
  const wanted = [filter.user, filter.request, filter.event, filter.result]
    .filter((value) => value !== undefined)
    .map((value) => JSON.stringify(plainText(value, MAX_NAME)));
  return (text, timeMs) => {
    if (timeMs < filter.fromMs || timeMs >= filter.toMs) return undefined;
    if (!wanted.every((value) => text.includes(value))) return undefined;
    const record = parse(text);
    return record !== undefined && matches(record, filter) ? record : undefined;
  };
}

function matches(record: AuditRecord, filter: AuditFilter): boolean {
  if (record.type !== 'request') return filter.all && isUnfiltered(filter);
  const { user, action, resource, result, event, request } = filter;
  const who = objectOf(record.who);
  const asked = objectOf(record.request);
  const decisions = Array.isArray(record.decisions) ? record.decisions.map(objectOf) : [];
  return (
    is(user && plainText(user, MAX_NAME), who.name, who.triedAs) &&
    is(result, record.result) &&
    is(event, record.event) &&
    is(request, asked.id) &&
    (action === undefined ||
      [asked.operation, ...decisions.map((each) => each.action)].some((name) => isAction(action, name))) &&
    (resource === undefined || decisions.some((each) => String(each.resource).startsWith(resource)))
  );
}

function isUnfiltered({ user, action, resource, result, event, request }: AuditFilter): boolean {
  return [user, action, resource, result, event, request].every((value) => value === undefined);
}

function is(wanted: string | undefined, ...values: readonly unknown[]): boolean {
  return wanted === undefined || values.includes(wanted);
}

function isAction(wanted: string, name: unknown): boolean {
  if (typeof name !== 'string') return false;
  return wanted.endsWith('*') ? name.startsWith(wanted.slice(0, -1)) : name === wanted;
}

function objectOf(value: unknown): AuditRecord {
  return typeof value === 'object' && value !== null ? (value as AuditRecord) : {}; // of any keys
}

function parse(text: string): AuditRecord | undefined {
  try {
    return objectOf(JSON.parse(text));
  } catch {
    return undefined;
  }
}
