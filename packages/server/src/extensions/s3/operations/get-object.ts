import type { ByteRange } from '../../../content/blob-driver.ts';
import type { Reply, ReplyBody, RequestContext } from '../../../http/protocol.ts';
import type { S3Deps } from '../deps.ts';
import type { Handler } from '../handlers.ts';
import { judgeRead, preconditionFailed, readConditions } from '../object/conditional-read.ts';
import { assertNoCustomerKeyOfRead } from '../object/encryption.ts';
import { findObject } from '../object/find-object.ts';
import { objectHeaders, validatorHeaders } from '../object/object-headers.ts';
import { locatePart, partNumberOfQuery } from '../object/object-parts.ts';
import { readExtent } from '../object/read-extent.ts';
import { responseOverrides } from '../object/response-overrides.ts';
import { versionIdOfQuery } from '../object/version-id.ts';
import type { ObjectOperation } from '../operation.ts';
import type { ObjectVersion } from '../store/records.ts';

/** Objects up to this size are read at once, through the store's cache. */
const WHOLE_BYTES = 64 * 1024;

/** GetObject and HeadObject: the same but for the body. */
export const getObject: Handler<ObjectOperation> = async (operation, context, deps): Promise<Reply> => {
  const { bucket: name, key, query } = operation;
  const { head, principal } = context;
  const versionId = versionIdOfQuery(query);
  const partNumber = partNumberOfQuery(query);
  const overrides = responseOverrides(query, principal);
  assertNoCustomerKeyOfRead(head);
  const bucket = await deps.buckets.require(name);
  const found = await findObject({ bucket, key, versionId }, context, deps);
  const { record } = found;

  const conditions = readConditions(head);
  if (conditions !== undefined) {
    const outcome = judgeRead(conditions, record, deps.clock.now());
    if (outcome.kind === 'not-modified') return { status: 304, headers: validatorHeaders(found) };
    if (outcome.kind === 'failed') throw preconditionFailed(outcome.condition);
  }
  const located = partNumber === undefined ? undefined : await locatePart(found, partNumber, deps);
  const { status, range, sizeBytes, headers } = readExtent(head, record, located);
  const all = {
    ...objectHeaders(found),
    ...overrides,
    ...headers,
    'content-length': String(sizeBytes),
  };
  if (head.method === 'HEAD') return { status, headers: all };
  await deps.vetoes.beforeServe({
    principal,
    repository: `s3/${name}`,
    kind: 'object',
    digest: record.sha256 ?? record.body,
  });
  return { status, headers: all, body: await openBody(record, range, context, deps) };
};

async function openBody(
  { body, sizeBytes }: ObjectVersion,
  range: ByteRange | undefined,
  { signal }: RequestContext,
  { content }: S3Deps,
): Promise<ReplyBody> {
  if (sizeBytes <= WHOLE_BYTES) {
    const whole = await content.readWhole(body, WHOLE_BYTES);
    return range === undefined ? whole : whole.subarray(range.start, range.end + 1);
  }
  return { stream: await content.read(body, range === undefined ? { signal } : { range, signal }) };
}
