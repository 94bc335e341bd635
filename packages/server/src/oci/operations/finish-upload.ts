import type { Reply, RequestContext } from '../../http/protocol.ts';
import { parseChunkRange } from '../chunk-range.ts';
import type { OciDeps } from '../deps.ts';
import type { FinishUpload } from '../operation.ts';
import { blobCreatedReply, rethrowWithPosition } from '../upload-reply.ts';

/** end-6: closes a session, with a last chunk (or the whole blob) in the body if there is one. */
export async function finishUpload(
  { repository, id, digest }: FinishUpload,
  context: RequestContext,
  { registry }: OciDeps,
): Promise<Reply> {
  const { body, signal, principal } = context;
  try {
    const chunk =
      body.declaredBytes === 0 && context.head.headers['content-range'] === undefined
        ? {}
        : { source: body, ...parseChunkRange(context) };
    await registry.uploads.finish(repository, id, { digest, ...chunk, signal, principal });
    return blobCreatedReply(repository, digest);
  } catch (error) {
    return rethrowWithPosition(error, registry, { repository, id });
  }
}
