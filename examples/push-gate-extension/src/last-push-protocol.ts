import {
  type MetadataStore,
  type Operation,
  type Protocol,
  type Reply,
  type RequestHead,
  StoreError,
} from '@zot-artifact-store/server';
import { lastPushCodec, lastPushKey } from './last-push.ts';

interface GetLastPush extends Operation {
  readonly name: 'push-gate.GetLastPush';
  readonly repository: string;
}

const PREFIX = '/-/example/last-push/';
const ALLOWED_METHODS = 'GET, HEAD';

/** The route: `GET /-/example/last-push/<repository>`. Whoever may pull from the repository may ask. */
export function lastPushProtocol(metadata: MetadataStore): Protocol<GetLastPush> {
  return {
    name: 'push-gate',
    claims: ({ path }) => path.startsWith(PREFIX),
    classify,
    run: ({ repository }) => getLastPush(metadata, repository),
    renderError: (error) => json(STATUSES[error.kind] ?? 500, { error: error.kind, message: error.message }),
  };
}

/** Pure: what the request means and which permission it needs. Nothing has been looked up yet. */
function classify({ method, path }: RequestHead): GetLastPush {
  if (method !== 'GET' && method !== 'HEAD') {
    throw new StoreError('method-not-allowed', `this path answers ${ALLOWED_METHODS}`, {
      headers: { allow: ALLOWED_METHODS },
    });
  }
  const repository = path.slice(PREFIX.length);
  if (!/^[a-z0-9][a-z0-9._/-]{0,254}$/.test(repository)) {
    throw new StoreError('name-invalid', 'this is not the name of a repository');
  }
  return {
    name: 'push-gate.GetLastPush',
    repository,
    permissions: [{ action: 'oci:Pull', resource: `repository:${repository}` }],
  };
}

async function getLastPush(metadata: MetadataStore, repository: string): Promise<Reply> {
  const value = await metadata.get(lastPushKey(repository));
  if (value === undefined) {
    throw new StoreError('repository-unknown', 'nothing was pushed to this repository', {
      resource: repository,
    });
  }
  return json(200, { repository, ...lastPushCodec.decode(value) });
}

/** Every kind not named here is the server's own trouble. */
const STATUSES: Readonly<Record<string, number>> = {
  'name-invalid': 400,
  'request-invalid': 400,
  unauthenticated: 401,
  denied: 403,
  'repository-unknown': 404,
  'method-not-allowed': 405,
  unavailable: 503,
};

function json(status: number, body: object): Reply {
  return { status, headers: { 'content-type': 'application/json' }, body: `${JSON.stringify(body)}\n` };
}
