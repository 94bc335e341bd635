import { headerOf } from '../auth/header-of.ts';
import type { Handler } from '../handlers.ts';
import { deleteConditions } from '../object/conditional-write.ts';
import { deleteObject as deleteOne } from '../object/delete-object.ts';
import { versionIdOfQuery } from '../object/version-id.ts';
import type { ObjectOperation } from '../operation.ts';
import { emptyReply } from '../reply.ts';

export const deleteObject: Handler<ObjectOperation> = async (operation, context, deps) => {
  const { bucket, key, query } = operation;
  const { head } = context;
  const deleted = await deleteOne(
    {
      bucket,
      key,
      versionId: versionIdOfQuery(query),
      conditions: deleteConditions(head),
      bypassGovernance: headerOf(head, 'x-amz-bypass-governance-retention')?.toLowerCase() === 'true',
    },
    context,
    deps,
  );
  return emptyReply(204, {
    ...(deleted.versionId !== undefined && { 'x-amz-version-id': deleted.versionId }),
    ...(deleted.isMarker && { 'x-amz-delete-marker': 'true' }),
  });
};
