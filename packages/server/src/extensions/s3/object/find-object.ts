import type { RequestContext } from '../../../http/protocol.ts';
import { resourceOf } from '../actions.ts';
import type { S3Deps } from '../deps.ts';
import { S3Error } from '../errors.ts';
import { httpTime } from '../reply.ts';
import type { StoredBucket } from '../store/buckets.ts';
import type { DeleteMarker, ObjectVersion, VersionExtra } from '../store/records.ts';
import { type FoundVersion, versionIdOf } from '../store/versions.ts';

export interface FoundObject {
  readonly bucket: StoredBucket;
  readonly key: string;
  readonly record: ObjectVersion;
  /** The record as it is stored, for who changes it. */
  readonly stored: FoundVersion<ObjectVersion>;
  readonly extra: VersionExtra;
}

export interface ObjectAddress {
  readonly bucket: StoredBucket;
  readonly key: string;
  readonly versionId: string | undefined;
}

/**
 * The object a read is about. Throws NoSuchKey, NoSuchVersion, MethodNotAllowed for a delete marker that was asked for
 * by its id, and AccessDenied in place of the first two for who may not list the bucket and so must not learn what is
 * in it.
 */
export async function findObject(
  { bucket, key, versionId }: ObjectAddress,
  context: Pick<RequestContext, 'can' | 'head'>,
  { versions }: Pick<S3Deps, 'versions'>,
): Promise<FoundObject> {
  const described = await versions.describe({ bucket, key }, versionId);
  if (described === undefined) {
    await assertMayKnow(context, bucket, key);
    throw versionId === undefined
      ? noSuchKey(key, { 'x-amz-delete-marker': 'false' })
      : noSuchVersion(key, versionId);
  }
  if (described.extra !== undefined) {
    const { found: stored, extra } = described;
    return { bucket, key, record: stored.record, stored, extra };
  }
  const marker = described.found.record;
  if (versionId !== undefined) throw markerNotReadable(context, marker);
  await assertMayKnow(context, bucket, key);
  throw noSuchKey(key, markerHeaders(marker));
}

export function noSuchKey(key: string, headers: Readonly<Record<string, string>> = {}): S3Error {
  return new S3Error('NoSuchKey', 'The specified key does not exist.', { fields: { Key: key }, headers });
}

export function noSuchVersion(key: string, versionId: string): S3Error {
  return new S3Error('NoSuchVersion', 'The specified version does not exist.', {
    fields: { Key: key, VersionId: versionId },
  });
}

async function assertMayKnow(
  context: Pick<RequestContext, 'can'>,
  { name }: StoredBucket,
  key: string,
): Promise<void> {
  const permission = {
    action: 's3:ListBucket',
    resource: resourceOf(name),
    attributes: { 's3:prefix': key },
  } as const;
  if (!(await context.can(permission)))
    throw new S3Error('AccessDenied', 'Access Denied', { cause: 'may not list the bucket' });
}

function markerNotReadable({ head }: Pick<RequestContext, 'head'>, marker: DeleteMarker): S3Error {
  return new S3Error('MethodNotAllowed', 'The specified method is not allowed against this resource.', {
    fields: { Method: head.method, ResourceType: 'DeleteMarker' },
    headers: { ...markerHeaders(marker), allow: 'DELETE', 'last-modified': httpTime(marker.modifiedAtMs) },
  });
}

function markerHeaders(marker: DeleteMarker): Record<string, string> {
  return { 'x-amz-delete-marker': 'true', 'x-amz-version-id': versionIdOf(marker) };
}
