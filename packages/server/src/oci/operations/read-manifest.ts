import { evaluatePreconditions } from '../../http/conditional.ts';
import type { Reply, RequestContext } from '../../http/protocol.ts';
import { CACHE_IMMUTABLE, CACHE_REVALIDATE, entityTag } from '../content-headers.ts';
import type { OciDeps } from '../deps.ts';
import type { ReadManifest } from '../operation.ts';
import { preconditionFailed } from '../precondition.ts';

/**
 * end-3, GET and HEAD: the bytes as they were pushed, under the type they were pushed with. `Accept` is ignored, as in
 * zot: there is one representation, and a digest must keep naming it.
 */
export async function readManifest(
  { name, repository, reference }: ReadManifest,
  context: RequestContext,
  { registry, vetoes }: OciDeps,
): Promise<Reply> {
  const manifest = await registry.manifests.resolve(repository, reference);
  const { digest } = manifest;
  await vetoes.beforeServe?.({ principal: context.principal, repository, kind: 'manifest', digest });

  const headers = {
    'docker-content-digest': digest,
    etag: entityTag(digest),
    'cache-control': 'digest' in reference ? CACHE_IMMUTABLE : CACHE_REVALIDATE,
  };
  const outcome = evaluatePreconditions(context.head, { etag: headers.etag });
  if (outcome === 'not-modified') return { status: 304, headers };
  if (outcome === 'precondition-failed') throw preconditionFailed(digest);

  const full = {
    ...headers,
    'content-type': manifest.mediaType,
    'content-length': String(manifest.sizeBytes),
    'x-content-type-options': 'nosniff',
  };
  if (name === 'oci.HeadManifest') return { status: 200, headers: full };
  return { status: 200, headers: full, body: await registry.manifests.read(repository, manifest) };
}
