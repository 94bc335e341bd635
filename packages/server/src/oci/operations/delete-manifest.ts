import type { Reply, RequestContext } from '../../http/protocol.ts';
import type { OciDeps } from '../deps.ts';
import type { DeleteManifest, DeleteTag } from '../operation.ts';

/** end-9 by digest: the manifest and every tag on it. */
export async function deleteManifest(
  { repository, digest }: DeleteManifest,
  { principal }: RequestContext,
  { registry }: OciDeps,
): Promise<Reply> {
  await registry.manifests.delete(repository, digest, principal);
  return { status: 202, headers: {} };
}

/** end-9 by tag: the manifest stays, under its digest and its other tags. */
export async function deleteTag(
  { repository, tag }: DeleteTag,
  { principal }: RequestContext,
  { registry }: OciDeps,
): Promise<Reply> {
  await registry.tags.delete(repository, tag, principal);
  return { status: 202, headers: {} };
}
