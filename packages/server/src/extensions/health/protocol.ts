import { StoreError } from '@zot-artifact-store/spec';
import type { Operation, Protocol, Reply } from '../../http/protocol.ts';
import type { Readiness } from './readiness.ts';

type HealthOperation = Operation & {
  readonly name: 'health.Live' | 'health.Ready' | 'health.Startup';
};

const OPERATIONS: ReadonlyMap<string, HealthOperation> = new Map([
  ['/livez', { name: 'health.Live', permissions: [] }],
  ['/readyz', { name: 'health.Ready', permissions: [] }],
  ['/startupz', { name: 'health.Startup', permissions: [] }],
]);
const ALLOWED_METHODS = 'GET, HEAD';
const RETRY_AFTER_SECONDS = 5;

/**
 * - `/livez`: the event loop turns; depends on nothing else, so that a full disk does not get the process killed.
 * - `/startupz`: it is served only once everything is open, so an answer is a yes.
 * - `/readyz`: every check holds; else 503 with the ones that do not. Advisory ones are told in either case.
 */
export function healthProtocol(readiness: Readiness): Protocol<HealthOperation> {
  return {
    name: 'health',
    claims: ({ path }) => OPERATIONS.has(path),
    classify({ path, method }) {
      const operation = OPERATIONS.get(path);
      if (operation === undefined) throw new StoreError('route-unknown', 'nothing is served at this path');
      if (method === 'GET' || method === 'HEAD') return operation;
      throw new StoreError('method-not-allowed', `${path} answers ${ALLOWED_METHODS}`, {
        headers: { allow: ALLOWED_METHODS },
      });
    },
    async run({ name }) {
      switch (name) {
        case 'health.Live':
          return reply(200, { status: 'live' });
        case 'health.Startup':
          return reply(200, { status: 'started' });
        case 'health.Ready': {
          const { failed, warnings } = await readiness.state();
          const told = warnings.length > 0 ? { warnings } : {};
          if (failed.length === 0) return reply(200, { status: 'ready', ...told });
          const retryAfter = { 'retry-after': String(RETRY_AFTER_SECONDS) };
          return reply(503, { status: 'not ready', failed, ...told }, retryAfter);
        }
      }
    },
    renderError: (error) =>
      reply(STATUSES.get(error.kind) ?? 500, { status: 'error', message: error.message }),
  };
}

const STATUSES: ReadonlyMap<string, number> = new Map([
  ['method-not-allowed', 405],
  ['route-unknown', 404],
  ['request-invalid', 400],
  ['uri-too-long', 414],
  ['headers-too-large', 431],
  ['unauthenticated', 401],
]);

function reply(status: number, body: object, headers: Readonly<Record<string, string>> = {}): Reply {
  return {
    status,
    headers: { 'content-type': 'application/json', 'cache-control': 'no-store', ...headers },
    body: `${JSON.stringify(body)}\n`,
  };
}
