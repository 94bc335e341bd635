import type { RequestRecord } from '../extension/recorder.ts';
import { STATUS_CLIENT_GONE } from '../http/request-record.ts';
import type { AuditLog } from '../log/audit-log.ts';

const CHANGING_METHODS: ReadonlySet<string> = new Set(['POST', 'PUT', 'PATCH', 'DELETE']);

/** Writes what a finished request changed; a change counts also when its client did not wait for the answer. */
export function auditChanges(audit: Pick<AuditLog, 'write'>): (record: RequestRecord) => void {
  return (record) => {
    const { status, errorKind, method, principal } = record;
    const isDone = (status >= 200 && status < 300) || status === STATUS_CLIENT_GONE;
    if (!isDone || errorKind !== undefined || !CHANGING_METHODS.has(method)) return;
    audit.write({
      requestId: record.id,
      clientAddress: record.remoteAddress,
      user: principal.kind === 'user' ? principal.name : undefined,
      method,
      path: record.path,
      operation: record.operation,
      status,
    });
  };
}
