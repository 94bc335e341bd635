import type { Reply, RequestContext } from '../../http/protocol.ts';
import type { OciDeps } from '../deps.ts';
import type { GetUpload } from '../operation.ts';
import { uploadReply } from '../upload-reply.ts';

/** end-13: how far an upload has come. */
export async function getUpload(
  { repository, id }: GetUpload,
  _context: RequestContext,
  { registry }: OciDeps,
): Promise<Reply> {
  return uploadReply(204, repository, await registry.uploads.status(repository, id));
}
