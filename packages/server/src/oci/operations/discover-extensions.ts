import type { Reply, RequestContext } from '../../http/protocol.ts';
import type { OciDeps } from '../deps.ts';
import type { DiscoverExtensions } from '../operation.ts';

/** What is served under `/v2` beyond the spec (distribution-spec, extensions/_oci.md). */
export async function discoverExtensions(
  _operation: DiscoverExtensions,
  _context: RequestContext,
  { extensionsDiscovery }: OciDeps,
): Promise<Reply> {
  return {
    status: 200,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ extensions: extensionsDiscovery }),
  };
}
