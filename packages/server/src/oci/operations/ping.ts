import type { OciAction } from '../../extension/access.ts';
import type { Reply, RequestContext } from '../../http/protocol.ts';
import type { Ping } from '../operation.ts';

const WHAT_A_LOGIN_MAY_ADD: readonly OciAction[] = ['oci:Pull', 'oci:Push', 'oci:Delete'];

/**
 * end-1: "If the response is 200 OK, then the registry implements this specification." A client without a login that
 * may not do everything finds the challenge here as well, as in zot: skopeo and podman never send the credentials they
 * have to a registry that did not ask for them on this path.
 */
export async function ping(_operation: Ping, context: RequestContext): Promise<Reply> {
  const headers = {
    'docker-distribution-api-version': 'registry/2.0',
    ...((await gainsByLogin(context)) ? { 'www-authenticate': context.challenges() } : {}),
  };
  if (context.head.method === 'OPTIONS') {
    return { status: 200, headers: { ...headers, allow: 'GET, HEAD, OPTIONS' } };
  }
  return { status: 200, headers: { ...headers, 'content-type': 'application/json' }, body: '{}' };
}

async function gainsByLogin(context: RequestContext): Promise<boolean> {
  if (context.principal.kind !== 'anonymous') return false;
  for (const action of WHAT_A_LOGIN_MAY_ADD) {
    if (!(await context.can({ action, resource: 'repository:*' }))) return true;
  }
  return false;
}
