import { StoreError } from '@zot-artifact-store/spec';
import { z } from 'zod';
import type { Permission } from '../../../extension/access.ts';
import { pageOf, pageQuery } from '../../../extension/api-page.ts';
import { type ApiRoute, defineRoute } from '../../../extension/api-route.ts';
import type { MetadataStore } from '../../../metadata/metadata-store.ts';
import { findRecords } from '../query/find-records.ts';
import { readCheckpoint } from '../trail/checkpoint.ts';
import { readAllKnown } from '../trail/heads.ts';
import type { VerifierKey } from '../trail/signing-key.ts';

export interface AuditApiDeps {
  readonly folder: string;
  readonly metadata: MetadataStore;
  readonly verifier: VerifierKey;
}

const RESOURCE = 'admin:audit';
const MAX_FILTER_CHARS = 1300;

const record = z
  .looseObject({
    type: z.string().meta({ description: '`request`; with `all` also what the server says of itself.' }),
    time: z.string(),
    stream: z.string(),
    seq: z.number().int(),
    hash: z.string().meta({ description: 'What chains it to the record before; see docs/audit.md.' }),
    event: z.string().optional(),
    result: z.enum(['done', 'refused', 'failed']).optional(),
    who: z.looseObject({}).optional(),
    from: z.looseObject({}).optional(),
    request: z.looseObject({}).optional(),
    decisions: z.array(z.looseObject({})).optional(),
  })
  .meta({ id: 'AuditRecord' });

const time = z.iso
  .datetime({ offset: true, error: 'must be a time such as "2026-01-31T12:00:00Z"' })
  .optional();
const filterText = z.string().min(1).max(MAX_FILTER_CHARS).optional();

const recordsQuery = z.strictObject({
  ...pageQuery,
  user: filterText.meta({ description: 'Who did it, or in whose name it was tried.' }),
  action: filterText.meta({
    description: '`s3:PutObject`, `s3:*`, or an operation such as `oci.PutManifest`.',
  }),
  resource: filterText.meta({ description: 'What the resource begins with: `repository:team/`.' }),
  result: z.enum(['done', 'refused', 'failed']).optional(),
  event: filterText.meta({
    description: '`change`, `delete`, `read`, `refusal`, `login`, `login-failed`, ...',
  }),
  request: filterText.meta({ description: 'The id of a request.' }),
  from: time.meta({ description: 'Not before this time.' }),
  to: time.meta({ description: 'Before this time.' }),
  first: z.enum(['newest', 'oldest']).default('newest').meta({ description: 'Which records come first.' }),
  all: z.enum(['true', 'false']).default('false').meta({
    description: 'Whether to show also what the server says of itself: starts, checkpoints, gaps.',
  }),
});

/** What is told of the trail over the API. */
export function auditRoutes({ folder, metadata, verifier }: AuditApiDeps): readonly ApiRoute[] {
  return [
    defineRoute({
      name: 'ListAuditRecords',
      method: 'GET',
      path: '/audit',
      summary: 'Records of the audit trail, by time. A page that had to look at too much may be short.',
      access: permission('admin:ListAuditRecords'),
      query: recordsQuery,
      status: 200,
      result: pageOf(record),
      async run({ query }, { signal }) {
        const { from, to, first, limit, after, all, ...filter } = query;
        const range = {
          fromMs: from === undefined ? 0 : Date.parse(from),
          toMs: to === undefined ? Number.MAX_SAFE_INTEGER : Date.parse(to),
        };
        if (range.fromMs > range.toMs) throw new StoreError('argument-invalid', 'from is after to');
        const wanted = { ...filter, ...range, all: all === 'true' };
        const { items, next } = await findRecords(folder, { filter: wanted, first, limit, after }, signal);
        // Lines of the trail have these fields; one that does not is shown by the verification.
        return { items: items.flatMap((item) => record.safeParse(item).data ?? []), next };
      },
    }),
    defineRoute({
      name: 'GetAuditHeads',
      method: 'GET',
      path: '/audit/heads',
      summary:
        'How far each stream of the trail has come, signed: keep it elsewhere to notice later that records are gone.',
      access: permission('admin:GetAuditHeads'),
      status: 200,
      result: z.strictObject({
        key: z
          .string()
          .meta({ description: 'The public key of checkpoints, as verifiers of signed notes take it.' }),
        streams: z.array(
          z.strictObject({
            stream: z.string(),
            records: z.number().int(),
            head: z.string().meta({ description: 'A signed note (C2SP).' }),
            keptAfter: z.string().optional().meta({
              description: 'The same of the last record that was removed because of its age.',
            }),
          }),
        ),
      }),
      async run() {
        const known = await readAllKnown(metadata);
        const streams = [...known].map(([stream, { head, keptAfter }]) => ({
          stream,
          records: readCheckpoint(head)?.head.seq ?? 0,
          head,
          ...(keptAfter !== undefined && { keptAfter }),
        }));
        return { key: verifier.text, streams };
      },
    }),
  ];
}

function permission(action: `admin:${string}`): () => readonly Permission[] {
  return () => [{ action, resource: RESOURCE }];
}
