import type { Reply, RequestContext } from '../../http/protocol.ts';
import type { OciDeps } from '../deps.ts';
import type { DeleteBlob } from '../operation.ts';
import { requireCondition } from '../precondition.ts';

/** end-10: takes the blob out of the repository; other repositories keep it. */
export async function deleteBlob(
  { repository, digest }: DeleteBlob,
  { head, principal }: RequestContext,
  { registry }: OciDeps,
): Promise<Reply> {
  requireCondition(head, digest);
  await registry.blobs.delete(repository, digest, principal);
  return { status: 202, headers: {} };
}
