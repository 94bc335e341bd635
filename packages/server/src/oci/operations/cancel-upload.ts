import type { Reply, RequestContext } from '../../http/protocol.ts';
import type { OciDeps } from '../deps.ts';
import type { CancelUpload } from '../operation.ts';

/** end-14: forgets a session and what it holds. */
export async function cancelUpload(
  { repository, id }: CancelUpload,
  _context: RequestContext,
  { registry }: OciDeps,
): Promise<Reply> {
  await registry.uploads.cancel(repository, id);
  return { status: 204, headers: {} };
}
