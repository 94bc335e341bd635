import type { ExportedRecord } from './destination.ts';

const CHANGING: ReadonlySet<unknown> = new Set(['POST', 'PUT', 'PATCH', 'DELETE']);

/** The line of zot's audit log for a change that was made; undefined for everything else. */
export function zotLine({ record }: ExportedRecord): string | undefined {
  const { type, time, result, who, from, request } = record;
  const asked = objectOf(request);
  const status = Number(asked.status);
  if (type !== 'request' || result !== 'done' || !CHANGING.has(asked.method) || status >= 300)
    return undefined;
  return JSON.stringify({
    level: 'info',
    time,
    component: 'session',
    clientIP: objectOf(from).address,
    subject: objectOf(who).name ?? 'anonymous',
    action: asked.method,
    object: asked.path,
    status,
    operation: asked.operation,
    requestId: asked.id,
    message: 'HTTP API Audit',
  });
}

function objectOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}; // of any keys
}
