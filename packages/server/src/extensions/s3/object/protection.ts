import { S3Error } from '../errors.ts';
import type { VersionRecord } from '../store/records.ts';

/**
 * Throws AccessDenied for a version that object lock protects. A legal hold and COMPLIANCE yield to nobody, GOVERNANCE
 * to who may bypass it and says so.
 */
export function assertNotLocked(
  version: VersionRecord,
  { mayBypass, nowMs }: { readonly mayBypass: boolean; readonly nowMs: number },
): void {
  if (version.kind === 'marker') return;
  const { retention, legalHold } = version;
  const isRetained = retention !== undefined && retention.untilMs > nowMs;
  if (legalHold !== true && !(isRetained && (retention.mode === 'COMPLIANCE' || !mayBypass))) return;
  throw new S3Error('AccessDenied', 'Access Denied because object protected by object lock.');
}
