import type { Reply, ReplyBody } from '../../../http/protocol.ts';
import type { S3Deps } from '../deps.ts';
import { type ContentRead, openContent } from '../encryption/open-content.ts';
import { assertNoEncryptionOfRead, customerKeyOf, openingKey } from '../encryption/opening.ts';
import { encryptionHeaders } from '../encryption/reply-headers.ts';
import type { Handler } from '../handlers.ts';
import { expirationHeader } from '../lifecycle/expiration-header.ts';
import { judgeRead, preconditionFailed, readConditions } from '../object/conditional-read.ts';
import { type FoundObject, findObject } from '../object/find-object.ts';
import { objectHeaders, validatorHeaders } from '../object/object-headers.ts';
import { locatePart, partNumberOfQuery } from '../object/object-parts.ts';
import { readExtent } from '../object/read-extent.ts';
import { responseOverrides } from '../object/response-overrides.ts';
import { versionIdOfQuery } from '../object/version-id.ts';
import type { ObjectOperation } from '../operation.ts';

/** Objects up to this size are read at once, through the store's cache. */
const WHOLE_BYTES = 64 * 1024;

/** GetObject and HeadObject: the same but for the body. */
export const getObject: Handler<ObjectOperation> = async (operation, context, deps): Promise<Reply> => {
  const { bucket: name, key, query } = operation;
  const { head, principal } = context;
  const versionId = versionIdOfQuery(query);
  const partNumber = partNumberOfQuery(query);
  const overrides = responseOverrides(query, principal);
  assertNoEncryptionOfRead(head);
  const customer = customerKeyOf(head);
  const bucket = await deps.buckets.require(name);
  const found = await findObject({ bucket, key, versionId }, context, deps);
  const { record } = found;
  const opening = openingKey(record.encryption, customer, deps.keyring);

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
    ...(found.stored.row === 'current' &&
      (await expirationHeader({ bucket, key, record, tags: found.extra.tags }, deps))),
    ...overrides,
    ...headers,
    ...encryptionHeaders(record.encryption, customer),
    'content-length': String(sizeBytes),
  };
  if (head.method === 'HEAD') return { status, headers: all };
  await deps.vetoes.beforeServe({
    principal,
    repository: `s3/${name}`,
    kind: 'object',
    digest: record.sha256 ?? record.body,
  });
  return {
    status,
    headers: all,
    body: await openBody(found, { key: opening, range, signal: context.signal }, deps),
  };
};

async function openBody(found: FoundObject, read: ContentRead, deps: S3Deps): Promise<ReplyBody> {
  const { body, sizeBytes } = found.record;
  const { key, range } = read;
  if (key === undefined && sizeBytes <= WHOLE_BYTES) {
    const whole = await deps.content.readWhole(body, WHOLE_BYTES);
    return range === undefined ? whole : whole.subarray(range.start, range.end + 1);
  }
  return { stream: await openContent(found, read, deps) };
}
