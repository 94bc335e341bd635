import type { Reply, RequestContext } from '../../http/protocol.ts';
import type { OciDeps } from '../deps.ts';
import type { DeleteManifest, DeleteTag } from '../operation.ts';
import { manifestCondition, requireCondition } from '../precondition.ts';

/** end-9 by digest: the manifest and every tag on it. */
export async function deleteManifest(
  { repository, digest }: DeleteManifest,
  { head, principal }: RequestContext,
  { registry }: OciDeps,
): Promise<Reply> {
  requireCondition(head, digest);
  await registry.manifests.delete(repository, digest, principal);
  return { status: 202, headers: {} };
}

/** end-9 by tag: the manifest stays, under its digest and its other tags. */
export async function deleteTag(
  { repository, tag }: DeleteTag,
  { head, principal }: RequestContext,
  { registry }: OciDeps,
): Promise<Reply> {
  const condition = manifestCondition(head);
  await registry.tags.delete(repository, tag, {
    principal,
    ...(condition === undefined ? {} : { condition }),
  });
  return { status: 202, headers: {} };
}
