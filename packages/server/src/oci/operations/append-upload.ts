import type { Reply, RequestContext } from '../../http/protocol.ts';
import { parseChunkRange } from '../chunk-range.ts';
import type { OciDeps } from '../deps.ts';
import type { AppendUpload } from '../operation.ts';
import { rethrowWithPosition, uploadReply } from '../upload-reply.ts';

/** end-5: a chunk at the place it names, or a stream behind what is there. */
export async function appendUpload(
  { repository, id }: AppendUpload,
  context: RequestContext,
  { registry }: OciDeps,
): Promise<Reply> {
  try {
    const upload = await registry.uploads.append(repository, id, context.body, {
      ...parseChunkRange(context),
      signal: context.signal,
      principal: context.principal,
    });
    return uploadReply(202, repository, upload);
  } catch (error) {
    return rethrowWithPosition(error, registry, { repository, id });
  }
}
