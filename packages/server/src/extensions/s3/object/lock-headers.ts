import { S3Error } from '../errors.ts';
import type { BucketRecord, Retention } from '../store/records.ts';
import type { Fields } from './fields.ts';
import { invalidArgument } from './invalid-argument.ts';

/** How a new object is to be protected; undefined: it does not say. */
export interface LockAsked {
  readonly retention?: Retention;
  readonly legalHold?: boolean;
}

const MODE = 'x-amz-object-lock-mode';
const UNTIL = 'x-amz-object-lock-retain-until-date';
const LEGAL_HOLD = 'x-amz-object-lock-legal-hold';

const ISO_8601 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:?\d\d)$/;

/** Throws InvalidArgument: a mode needs a date and a date a mode, and the date must lie ahead. */
export function parseLock(fields: Fields, nowMs: number): LockAsked {
  const mode = fields.get(MODE);
  const until = fields.get(UNTIL);
  const hold = fields.get(LEGAL_HOLD);
  if (mode === undefined && until === undefined && hold === undefined) return {};
  if ((mode === undefined) !== (until === undefined)) {
    throw invalidArgument(
      mode === undefined ? UNTIL : MODE,
      mode ?? until ?? '',
      `${UNTIL} and ${MODE} must both be supplied.`,
    );
  }
  return {
    ...(mode !== undefined &&
      until !== undefined && {
        retention: { mode: parseLockMode(mode), untilMs: parseRetainUntil(until, nowMs) },
      }),
    ...(hold !== undefined && { legalHold: parseLegalHold(hold) }),
  };
}

export function parseLockMode(text: string): Retention['mode'] {
  if (text === 'GOVERNANCE' || text === 'COMPLIANCE') return text;
  throw invalidArgument(MODE, text, 'Unknown wormMode directive.');
}

/** ISO 8601, in the future. */
export function parseRetainUntil(text: string, nowMs: number): number {
  const ms = ISO_8601.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(ms)) {
    throw invalidArgument(UNTIL, text, 'The retain until date must be provided in ISO 8601 format');
  }
  if (ms <= nowMs) throw invalidArgument(UNTIL, text, 'The retain until date must be in the future!');
  return ms;
}

export function parseLegalHold(text: string): boolean {
  if (text === 'ON') return true;
  if (text === 'OFF') return false;
  throw invalidArgument(LEGAL_HOLD, text, "Legal Hold must be either of 'ON' or 'OFF'");
}

/**
 * What protects a new object in this bucket: what it asks for, else the bucket's default retention. Throws
 * InvalidRequest when it asks and the bucket has no object lock.
 */
export function settleLock(asked: LockAsked, bucket: BucketRecord, nowMs: number): LockAsked {
  if (!bucket.objectLock) {
    if (asked.retention === undefined && asked.legalHold === undefined) return asked;
    throw new S3Error('InvalidRequest', 'Bucket is missing ObjectLockConfiguration');
  }
  const { defaultRetention } = bucket;
  if (asked.retention !== undefined || defaultRetention === undefined) return asked;
  const until = new Date(nowMs);
  until.setUTCDate(until.getUTCDate() + (defaultRetention.days ?? 0));
  until.setUTCFullYear(until.getUTCFullYear() + (defaultRetention.years ?? 0));
  return { ...asked, retention: { mode: defaultRetention.mode, untilMs: until.getTime() } };
}

/** The headers of a protected object. */
export function lockHeaders({ retention, legalHold }: LockAsked): Record<string, string> {
  return {
    ...(retention !== undefined && {
      [MODE]: retention.mode,
      [UNTIL]: new Date(retention.untilMs).toISOString(),
    }),
    ...(legalHold !== undefined && { [LEGAL_HOLD]: legalHold ? 'ON' : 'OFF' }),
  };
}
