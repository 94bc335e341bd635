import type { Reply, RequestContext } from '../../http/protocol.ts';
import type { OciDeps } from '../deps.ts';
import type { StartUpload } from '../operation.ts';
import { uploadReply } from '../upload-reply.ts';

/** end-4a, end-4c: opens a session. There is no least chunk size, hence no `OCI-Chunk-Min-Length`. */
export async function startUpload(
  { repository, algorithm }: StartUpload,
  { principal }: RequestContext,
  { registry }: OciDeps,
): Promise<Reply> {
  const upload = await registry.uploads.start(repository, {
    principal,
    ...(algorithm === undefined ? {} : { algorithm }),
  });
  return uploadReply(202, repository, upload);
}
