import { digestAlgorithm, type RepositoryName } from '@zot-artifact-store/spec';
import type { Reply, RequestContext } from '../../http/protocol.ts';
import type { OciDeps } from '../deps.ts';
import type { MountBlob } from '../operation.ts';
import { blobCreatedReply, uploadReply } from '../upload-reply.ts';

/**
 * end-11: takes over a blob of a repository the client may pull from: `from`, or without it any. When there is none,
 * or none it may know of, "it SHOULD return a 202. This indicates that the upload session has begun".
 */
export async function mountBlob(
  { repository, digest, from }: MountBlob,
  context: RequestContext,
  { registry }: OciDeps,
): Promise<Reply> {
  const { principal } = context;
  const mayRead = (source: RepositoryName) =>
    context.can({ action: 'oci:Pull', resource: `repository:${source}`, attributes: { digest } });
  const isMounted =
    (from === undefined || (await mayRead(from))) &&
    (await registry.blobs.mount({ repository, digest, from, principal, mayRead }));
  if (isMounted) return blobCreatedReply(repository, digest);
  const upload = await registry.uploads.start(repository, { principal, algorithm: digestAlgorithm(digest) });
  return uploadReply(202, repository, upload);
}
