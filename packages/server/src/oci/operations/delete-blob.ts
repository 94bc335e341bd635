import type { Reply, RequestContext } from '../../http/protocol.ts';
import type { OciDeps } from '../deps.ts';
import type { DeleteBlob } from '../operation.ts';

/** end-10: takes the blob out of the repository; other repositories keep it. */
export async function deleteBlob(
  { repository, digest }: DeleteBlob,
  { principal }: RequestContext,
  { registry }: OciDeps,
): Promise<Reply> {
  await registry.blobs.delete(repository, digest, principal);
  return { status: 202, headers: {} };
}
