import type { RequestRecord } from '../../../extension/recorder.ts';

const READING: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);

/**
 * Whether a request belongs into the trail: changes however they ended, refusals, what noted something of itself, and
 * with `reads` what was read. The first question of a registry client, which is always refused and only asks how to
 * log in, does not; nor do health checks, preflights, and paths nobody serves.
 */
export function isRecorded(record: RequestRecord, { reads }: { readonly reads: boolean }): boolean {
  const { operation, errorKind, method } = record;
  if (record.notes !== undefined) return true;
  if (operation === undefined || operation.startsWith('health.')) return false;
  if (errorKind === 'unauthenticated' && !record.hasCredentials && operation === 'oci.Ping') return false;
  if (errorKind === 'unauthenticated' || errorKind === 'denied') return true;
  if (errorKind === 'too-many-requests' && record.hasCredentials) return true;
  return !READING.has(method) || (reads && record.status < 400);
}
