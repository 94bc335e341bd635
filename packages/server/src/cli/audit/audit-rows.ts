import { z } from 'zod';

/** What is shown of a record in a table. */
export const auditRecord = z.looseObject({
  type: z.string(),
  time: z.string(),
  stream: z.string(),
  seq: z.number(),
  event: z.string().optional(),
  result: z.string().optional(),
  who: z.looseObject({ name: z.string().optional(), triedAs: z.string().optional() }).optional(),
  from: z.looseObject({ address: z.string().optional() }).optional(),
  request: z.looseObject({ operation: z.string().optional(), path: z.string().optional() }).optional(),
  decisions: z.array(z.looseObject({ resource: z.string().optional() })).optional(),
});

export type ShownRecord = z.output<typeof auditRecord>;

export const AUDIT_HEADER = ['time', 'user', 'event', 'result', 'operation', 'resource', 'from'];

export function auditRow(record: ShownRecord): readonly string[] {
  const { time, type, event, result, who, from, request, decisions } = record;
  const user = who?.name ?? (who?.triedAs === undefined ? '-' : `(${who.triedAs})`);
  return [
    time,
    who === undefined ? '-' : user,
    event ?? type,
    result ?? '-',
    request?.operation ?? '-',
    decisions?.at(-1)?.resource ?? request?.path ?? '-',
    from?.address ?? '-',
  ];
}
