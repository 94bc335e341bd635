import type { RequestContext } from '../../../http/protocol.ts';
import type { S3Deps } from '../deps.ts';
import type { ObjectOperation } from '../operation.ts';
import type { StoredBucket } from '../store/buckets.ts';
import { type VersionChange, versionIdOf } from '../store/versions.ts';
import { type FoundObject, findObject } from './find-object.ts';
import { versionIdOfQuery } from './version-id.ts';

/**
 * Changes what is said of one version (its tags, its protection), again when another change was faster. Returns the
 * headers that say which version it was. Throws as `findObject`, and what `change` throws.
 */
export async function changeVersion(
  { bucket: name, key, query }: ObjectOperation,
  context: RequestContext,
  deps: S3Deps,
  change: (found: FoundObject, bucket: StoredBucket) => Promise<VersionChange> | VersionChange,
): Promise<Readonly<Record<string, string>>> {
  const versionId = versionIdOfQuery(query);
  return deps.turns.take({ bucket: name, key }, () =>
    deps.content.transact([], async (transaction) => {
      const bucket = await deps.buckets.require(name);
      const object = await findObject({ bucket, key, versionId }, context, deps);
      const { stored } = object;
      await deps.versions.update(transaction, { bucket, key }, stored, await change(object, bucket));
      return bucket.record.versioning === 'unversioned'
        ? {}
        : { 'x-amz-version-id': versionIdOf(stored.record) };
    }),
  );
}
