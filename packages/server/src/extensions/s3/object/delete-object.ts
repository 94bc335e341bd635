import type { RequestContext } from '../../../http/protocol.ts';
import { resourceOf } from '../actions.ts';
import type { BucketName } from '../bucket-name.ts';
import type { S3Deps } from '../deps.ts';
import { userOf } from '../owner.ts';
import { versionIdOf } from '../store/versions.ts';
import { assertDeletable, type DeleteConditions } from './conditional-write.ts';
import { assertNotLocked } from './protection.ts';

export interface ObjectDelete {
  readonly bucket: BucketName;
  readonly key: string;
  /** Undefined: hide the key, or remove it where the bucket keeps no versions. */
  readonly versionId: string | undefined;
  readonly conditions: DeleteConditions | undefined;
  /** Asked for by the client; it takes a permission, too. */
  readonly bypassGovernance: boolean;
}

export interface DeletedObject {
  /** Of the version that went, or of the marker that came. */
  readonly versionId: string | undefined;
  /** A delete marker came, or the version that went was one. */
  readonly isMarker: boolean;
}

const NOTHING: DeletedObject = { versionId: undefined, isMarker: false };

/**
 * Deletes one key or version. What is not there is as good as deleted. Throws PreconditionFailed, AccessDenied for a
 * version under retention or legal hold, NoSuchBucket, and what the vetoes have against it.
 */
export async function deleteObject(
  wanted: ObjectDelete,
  context: Pick<RequestContext, 'principal' | 'can'>,
  deps: S3Deps,
): Promise<DeletedObject> {
  const { bucket: name, key, versionId } = wanted;
  const { principal } = context;
  await deps.vetoes.beforeDelete({ principal, repository: `s3/${name}`, kind: 'object', reference: key });
  const mayBypass = wanted.bypassGovernance && (await mayBypassGovernance(context, name, key));
  return deps.turns.take({ bucket: name, key }, () =>
    deps.content.transact([], async (transaction) => {
      const place = { bucket: await deps.buckets.require(name), key };
      const tell = (deleted: DeletedObject, operation: 'delete' | 'delete-marker'): DeletedObject => {
        deps.events.write(transaction, {
          type: 'object.deleted',
          repository: `s3/${name}`,
          bucket: name,
          key,
          ...(deleted.versionId !== undefined && { versionId: deleted.versionId }),
          operation,
          ...(principal.kind === 'user' && { actor: principal.name }),
        });
        return deleted;
      };
      if (versionId !== undefined) {
        const removed = await deps.versions.removeVersion(transaction, place, versionId, (version) => {
          if (wanted.conditions !== undefined) assertDeletable(wanted.conditions, version);
          assertNotLocked(version, { mayBypass, nowMs: deps.clock.now() });
        });
        const deleted = { versionId, isMarker: removed?.kind === 'marker' };
        return removed === undefined ? deleted : tell(deleted, 'delete');
      }
      const { conditions } = wanted;
      const { marker, removed } = await deps.versions.remove(
        transaction,
        place,
        userOf(principal),
        conditions && ((current) => assertDeletable(conditions, current)),
      );
      if (marker !== undefined)
        return tell({ versionId: versionIdOf(marker), isMarker: true }, 'delete-marker');
      return removed === undefined ? NOTHING : tell(NOTHING, 'delete');
    }),
  );
}

export async function mayBypassGovernance(
  context: Pick<RequestContext, 'can'>,
  bucket: BucketName,
  key: string,
): Promise<boolean> {
  return context.can({ action: 's3:BypassGovernanceRetention', resource: resourceOf(bucket, key) });
}
