import { isStoreError } from '@zot-artifact-store/spec';
import type { RequestContext } from '../../../http/protocol.ts';
import { resourceOf } from '../actions.ts';
import { assertIntegrityStated, collectPayload } from '../auth/collect-payload.ts';
import { headerOf } from '../auth/header-of.ts';
import type { BucketName } from '../bucket-name.ts';
import type { S3Deps } from '../deps.ts';
import { S3Error, toS3Error } from '../errors.ts';
import type { Handler } from '../handlers.ts';
import { type DeleteEntry, parseDeleteDocument } from '../object/delete-document.ts';
import { type DeletedObject, deleteObject } from '../object/delete-object.ts';
import type { BucketOperation } from '../operation.ts';
import { xmlReply } from '../reply.ts';
import type { XmlElement } from '../xml/write.ts';

/** A thousand keys of 1,024 bytes, with room for how XML spells some of them. */
const MAX_DOCUMENT_BYTES = 4 * 1024 * 1024;
/** Deleted at once: they share the commits of the store. */
const CONCURRENCY = 32;

/** Each key by itself: what fails for one is told in the reply, and does not keep the others. */
export const deleteObjects: Handler<BucketOperation> = async ({ bucket }, context, deps) => {
  const { head } = context;
  await deps.buckets.require(bucket);
  assertIntegrityStated(head);
  const { entries, isQuiet } = await parseDeleteDocument(await collectPayload(context, MAX_DOCUMENT_BYTES));
  const bypassGovernance = headerOf(head, 'x-amz-bypass-governance-retention')?.toLowerCase() === 'true';
  const deleted: XmlElement[] = [];
  const errors: XmlElement[] = [];
  for (let at = 0; at < entries.length; at += CONCURRENCY) {
    const some = entries.slice(at, at + CONCURRENCY);
    const results = await Promise.all(
      some.map((entry) => deleteEntry({ bucket, entry, bypassGovernance }, context, deps)),
    );
    for (const [index, result] of results.entries()) {
      const entry = some[index];
      if (entry === undefined) continue;
      if (result instanceof S3Error) errors.push(errorElement(entry, result));
      else if (!isQuiet) deleted.push(deletedElement(entry, result));
    }
  }
  return xmlReply('DeleteResult', { Deleted: deleted, Error: errors });
};

async function deleteEntry(
  {
    bucket,
    entry,
    bypassGovernance,
  }: { readonly bucket: BucketName; readonly entry: DeleteEntry; readonly bypassGovernance: boolean },
  context: RequestContext,
  deps: S3Deps,
): Promise<DeletedObject | S3Error> {
  const { key, versionId } = entry;
  try {
    if (entry.problem !== undefined) throw entry.problem;
    const action = versionId === undefined ? 's3:DeleteObject' : 's3:DeleteObjectVersion';
    const attributes = versionId === undefined ? {} : { 's3:VersionId': versionId };
    if (!(await context.can({ action, resource: resourceOf(bucket, key), attributes }))) {
      throw new S3Error('AccessDenied', 'Access Denied', { cause: action });
    }
    return await deleteObject({ ...entry, bucket, bypassGovernance }, context, deps);
  } catch (error) {
    if (!isStoreError(error)) throw error;
    const shown = toS3Error(error);
    // The store failed, not the key: the client is to try all of it again.
    if (shown.status >= 500) throw error;
    return shown;
  }
}

function deletedElement({ key, versionId }: DeleteEntry, deleted: DeletedObject): XmlElement {
  return {
    Key: key,
    ...(versionId !== undefined && { VersionId: versionId }),
    ...(deleted.isMarker && { DeleteMarker: true, DeleteMarkerVersionId: deleted.versionId }),
  };
}

function errorElement({ key, versionId }: DeleteEntry, { code, message }: S3Error): XmlElement {
  return {
    Key: key,
    ...(versionId !== undefined && { VersionId: versionId }),
    Code: code,
    Message: message,
  };
}
