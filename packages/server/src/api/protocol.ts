import { type ErrorKind, StoreError } from '@zot-artifact-store/spec';
import type { z } from 'zod';
import type { Permission } from '../extension/access.ts';
import { apiEtag, isKnownToClient } from '../extension/api-etag.ts';
import type { ApiInput, ApiRoute } from '../extension/api-route.ts';
import type { Operation, Protocol, Reply, RequestContext } from '../http/protocol.ts';
import { parseQuery } from '../http/query.ts';
import { API_ERRORS } from './errors.ts';
import { openApiRoute } from './open-api.ts';
import { API_PREFIX, type FoundRoute, RouteTable } from './route-table.ts';

export interface ApiOperation extends Operation {
  readonly found: FoundRoute;
  readonly query: string;
}

const MAX_BODY_BYTES = 1024 * 1024;

/**
 * The management API: JSON in and out, under `/-/api/v1`. Its operations are the routes of all extensions, and its own
 * description. `version` is the server's.
 */
export function createApiProtocol(routes: readonly ApiRoute[], version: string): Protocol<ApiOperation> {
  const table = new RouteTable([...routes, openApiRoute(routes, version)]);
  return {
    name: 'api',
    claims: ({ path }) => path.startsWith(`${API_PREFIX}/`) || path === API_PREFIX,
    classify({ method, path, query }) {
      const found = table.find(method === 'HEAD' ? 'GET' : method, path.slice(API_PREFIX.length) || '/');
      return { name: `api.${found.route.name}`, permissions: permissionsOf(found), found, query };
    },
    run: ({ found, query }, context) => run(found, query, context),
    renderError: (error, { id }) => errorReply(error, id),
  };
}

function permissionsOf({ route, params }: FoundRoute): readonly Permission[] {
  return typeof route.access === 'function' ? route.access(params) : [];
}

async function run({ route, params }: FoundRoute, query: string, context: RequestContext): Promise<Reply> {
  if (route.access === 'login' && context.principal.kind === 'anonymous') {
    throw new StoreError('unauthenticated', `${route.name} needs a login`);
  }
  const input: ApiInput<unknown, unknown, unknown> = {
    params: route.params && parse(route.params, params, 'the path'),
    query: route.query && parse(route.query, queryRecord(query), 'the query'),
    body: route.body && parse(route.body, await readJson(context), 'the body'),
  };
  const result = await route.run(input, context);
  const headers = { 'cache-control': 'no-store' };
  if (route.result === undefined) return { status: route.status, headers };
  // What the schema does not tell of is not told: a mistake of the route shows, a secret does not slip out.
  const json = `${JSON.stringify(route.result.parse(result))}\n`;
  if (route.method !== 'GET') return jsonReply(route.status, headers, json);
  const etag = apiEtag(json);
  if (isKnownToClient(context.head, etag)) return { status: 304, headers: { ...headers, etag } };
  return jsonReply(route.status, { ...headers, etag }, json);
}

function jsonReply(status: number, headers: Reply['headers'], json: string): Reply {
  return { status, headers: { ...headers, 'content-type': 'application/json' }, body: json };
}

async function readJson({ body, head }: RequestContext): Promise<unknown> {
  const type = head.headers['content-type'];
  // A form of another site can send text and forms without asking, but not JSON.
  if (typeof type !== 'string' || !/^application\/json *(?:;|$)/i.test(type)) {
    throw new StoreError('media-type-unsupported', 'send the body as application/json');
  }
  const text = (await body.collect(MAX_BODY_BYTES)).toString('utf8');
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new StoreError(
      'request-invalid',
      `the body is not JSON: ${error instanceof Error ? error.message : ''}`,
    );
  }
}

function queryRecord(raw: string): Record<string, string> {
  const record: Record<string, string> = Object.create(null);
  for (const [name, value] of parseQuery(raw)) {
    if (name in record) throw new StoreError('argument-invalid', `the query has ${name.slice(0, 80)} twice`);
    record[name] = value;
  }
  return record;
}

function parse(schema: z.ZodType, value: unknown, place: string): unknown {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.slice(0, 20).map(({ path, message }) => ({
    place: path.map(String).join('.'),
    message,
  }));
  const [first] = problems;
  const where = first?.place ? `${first.place} in ${place}` : place;
  throw new StoreError('argument-invalid', `${where}: ${first?.message ?? 'is not valid'}`, {
    detail: { problems },
  });
}

/** `{"error": {"code", "message", "requestId", "resource"?, "detail"?}}`. */
function errorReply(error: StoreError, requestId: string): Reply {
  const { kind, message, resource, detail } = error;
  const code: ErrorKind = kind;
  return {
    status: API_ERRORS[kind],
    headers: { 'content-type': 'application/json', 'cache-control': 'no-store' },
    body: `${JSON.stringify({ error: { code, message, requestId, resource, detail } })}\n`,
  };
}
