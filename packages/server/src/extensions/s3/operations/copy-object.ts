import type { Reply, RequestContext } from '../../../http/protocol.ts';
import { resourceOf } from '../actions.ts';
import { headerOf } from '../auth/header-of.ts';
import type { S3Deps } from '../deps.ts';
import { SOURCE_CUSTOMER_PREFIX } from '../encryption/customer-key.ts';
import { customerKeyOf, openingKey } from '../encryption/opening.ts';
import { customerOf, encryptionHeaders } from '../encryption/reply-headers.ts';
import { settleCopySealing } from '../encryption/sealing.ts';
import { S3Error } from '../errors.ts';
import type { Handler } from '../handlers.ts';
import { replyInTime } from '../late-reply.ts';
import { expirationHeader } from '../lifecycle/expiration-header.ts';
import { CHECKSUMS, checksumText } from '../object/checksum.ts';
import { judgeRead, preconditionFailed, readConditions } from '../object/conditional-read.ts';
import { writeConditions } from '../object/conditional-write.ts';
import { copyDescription, parseDirectives } from '../object/copy-description.ts';
import { copyObject as copyFound } from '../object/copy-object.ts';
import { type CopySource, copySource } from '../object/copy-source.ts';
import { assertMayDescribe, parseDescription } from '../object/description.ts';
import { quoted } from '../object/entity-tag.ts';
import { assertBucketOwner } from '../object/expected-owner.ts';
import { headerFields } from '../object/fields.ts';
import { type FoundObject, findObject } from '../object/find-object.ts';
import type { ObjectOperation } from '../operation.ts';
import { isoTime, xmlReply } from '../reply.ts';
import type { ObjectVersion } from '../store/records.ts';
import { versionIdOf } from '../store/versions.ts';
import type { XmlElement } from '../xml/write.ts';

export const copyObject: Handler<ObjectOperation> = async ({ bucket: name, key }, context, deps) => {
  const { head } = context;
  const source = copySource(head);
  const asked = parseDescription(headerFields(head), deps.clock.now());
  const directives = parseDirectives(head);
  const bucket = await deps.buckets.require(name);
  await assertMayDescribe(asked, context, { bucket: name, key });
  const found = await findSource(source, context, deps);
  const { encryption } = found.record;
  const opening = openingKey(encryption, customerKeyOf(head, SOURCE_CUSTOMER_PREFIX), deps.keyring);
  const sealing = await settleCopySealing(asked.encryption, bucket, { source: encryption, deps });
  const isSame = source.bucket === name && source.key === key && source.versionId === undefined;
  const { description, checksum } = copyDescription({ asked, directives, found, isSame });
  const conditions = writeConditions(head);
  const work = async (): Promise<Reply> => {
    const copy = { found, bucket, key, description, opening, sealing, checksum, conditions };
    const { record, versionId } = await copyFound(copy, context, deps);
    return xmlReply('CopyObjectResult', resultElement(record), {
      ...(await expirationHeader({ bucket, key, record, tags: description.tags }, deps)),
      ...encryptionHeaders(record.encryption, customerOf(asked.encryption)),
      ...(versionId !== undefined && { 'x-amz-version-id': versionId }),
      ...(found.bucket.record.versioning !== 'unversioned' && {
        'x-amz-copy-source-version-id': versionIdOf(found.record),
      }),
    });
  };
  // Another checksum, and another encryption, take reading it all.
  return replyInTime(work, { head, log: deps.log });
};

/**
 * What is to be copied, when it may be read and is as the client wants it. Throws NoSuchBucket, NoSuchKey,
 * NoSuchVersion, AccessDenied, PreconditionFailed, and InvalidRequest for a delete marker.
 */
export async function findSource(
  source: CopySource,
  context: RequestContext,
  deps: S3Deps,
): Promise<FoundObject> {
  const { key, versionId } = source;
  const { head } = context;
  const bucket = await deps.buckets.require(source.bucket);
  const owner = headerOf(head, 'x-amz-source-expected-bucket-owner');
  if (owner !== undefined) await assertBucketOwner(source.bucket, owner, deps);
  const action = versionId === undefined ? 's3:GetObject' : 's3:GetObjectVersion';
  const attributes = versionId === undefined ? {} : { 's3:VersionId': versionId };
  if (!(await context.can({ action, resource: resourceOf(source.bucket, key), attributes }))) {
    throw new S3Error('AccessDenied', 'Access Denied', { cause: action });
  }
  const found = await findObject({ bucket, key, versionId }, context, deps).catch((error: unknown) => {
    if (!(error instanceof S3Error) || error.code !== 'MethodNotAllowed') throw error;
    throw new S3Error(
      'InvalidRequest',
      'The source of a copy request may not specifically refer to a delete marker by version id.',
    );
  });
  const conditions = readConditions(head, 'x-amz-copy-source-');
  const outcome = conditions && judgeRead(conditions, found.record, deps.clock.now());
  if (outcome?.kind === 'failed') throw preconditionFailed(`x-amz-copy-source-${outcome.condition}`);
  if (outcome?.kind === 'not-modified') throw preconditionFailed('x-amz-copy-source-If-None-Match');
  return found;
}

function resultElement({ etag, modifiedAtMs, checksum, partsCount }: ObjectVersion): XmlElement {
  return {
    LastModified: isoTime(modifiedAtMs),
    ETag: quoted(etag),
    ...(checksum !== undefined && {
      [CHECKSUMS[checksum.algorithm].element]: checksumText(checksum, partsCount),
      ChecksumType: checksum.type,
    }),
  };
}
