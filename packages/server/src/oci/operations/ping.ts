import type { Reply, RequestContext } from '../../http/protocol.ts';
import type { Ping } from '../operation.ts';

/** end-1: "If the response is 200 OK, then the registry implements this specification." */
export async function ping(_operation: Ping, { head }: RequestContext): Promise<Reply> {
  const headers = { 'docker-distribution-api-version': 'registry/2.0' };
  if (head.method === 'OPTIONS') {
    return { status: 200, headers: { ...headers, allow: 'GET, HEAD, OPTIONS' } };
  }
  return { status: 200, headers: { ...headers, 'content-type': 'application/json' }, body: '{}' };
}
