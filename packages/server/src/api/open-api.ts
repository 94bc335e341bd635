import { z } from 'zod';
import { type ApiRoute, defineRoute } from '../extension/api-route.ts';
import { API_PREFIX } from './route-table.ts';

type Json = Readonly<Record<string, unknown>>;

const ERROR = 'Error';

/** What the API answers instead of a result. */
const errorSchema = z.strictObject({
  error: z.strictObject({
    code: z.string().meta({ description: 'What went wrong, for programs; the list is closed.' }),
    message: z.string().meta({ description: 'What went wrong, for people.' }),
    requestId: z.string().meta({ description: 'Names the request in the log and in the audit trail.' }),
    resource: z.string().optional(),
    detail: z.unknown().optional(),
  }),
});

/**
 * `GET /openapi.json`: the OpenAPI 3.1 description of `routes` and of itself. Made when it is first asked for.
 */
export function openApiRoute(routes: readonly ApiRoute[], version: string): ApiRoute {
  let document: Json | undefined;
  const own: ApiRoute = defineRoute({
    name: 'GetOpenApi',
    method: 'GET',
    path: '/openapi.json',
    summary: 'This description of the API.',
    access: 'open',
    status: 200,
    result: z.looseObject({ openapi: z.string() }),
    run: async () => {
      document ??= describeApi([...routes, own], version);
      return document as Json & { readonly openapi: string }; // describeApi gives it
    },
  });
  return own;
}

/** The OpenAPI 3.1 document of the routes. */
export function describeApi(routes: readonly ApiRoute[], version: string): Json {
  const components = new Map<string, unknown>([[ERROR, withoutDialect(z.toJSONSchema(errorSchema))]]);
  const paths: Record<string, Record<string, unknown>> = {};
  for (const route of routes) {
    const operations = paths[route.path] ?? {};
    paths[route.path] = operations;
    operations[route.method.toLowerCase()] = describeRoute(route, components);
  }
  return {
    openapi: '3.1.1',
    info: {
      title: 'Zot Artifact Store',
      version,
      description:
        'The management API. Lists take `limit` and `after` and answer `items` and `next`. A GET has an ETag and takes If-None-Match.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: API_PREFIX }],
    security: [{ basic: [] }, { bearer: [] }],
    paths,
    components: {
      schemas: Object.fromEntries(components),
      securitySchemes: {
        basic: { type: 'http', scheme: 'basic', description: 'A user with a password or an API key.' },
        bearer: {
          type: 'http',
          scheme: 'bearer',
          description: 'An API key, or a token of a trusted issuer.',
        },
      },
    },
  };
}

function describeRoute(route: ApiRoute, components: Map<string, unknown>): Json {
  const schemaOf = (schema: z.ZodType, io: 'input' | 'output'): Json =>
    hoist(z.toJSONSchema(schema, { io }), route.name, components);
  const answer =
    route.result === undefined
      ? { description: route.summary }
      : {
          description: route.summary,
          content: { 'application/json': { schema: schemaOf(route.result, 'output') } },
        };
  const permissions = permissionsOf(route);
  return {
    operationId: route.name,
    summary: route.summary,
    ...(route.access === 'open' && { security: [{}] }),
    ...(permissions.length > 0 && { 'x-permissions': permissions }),
    parameters: [
      ...pathParameters(route, schemaOf),
      ...(route.query === undefined ? [] : parametersOf(schemaOf(route.query, 'input'), 'query')),
    ],
    ...(route.body !== undefined && {
      requestBody: {
        required: true,
        content: { 'application/json': { schema: schemaOf(route.body, 'input') } },
      },
    }),
    responses: {
      [route.status]: answer,
      default: {
        description: 'It was not done.',
        content: { 'application/json': { schema: { $ref: `#/components/schemas/${ERROR}` } } },
      },
    },
  };
}

function namesIn(path: string): readonly string[] {
  return [...path.matchAll(/\{([^}]*)\}/g)].flatMap(([, name]) => name ?? []);
}

/** What the caller must be allowed, with the parameters of the path in braces. */
function permissionsOf({ access, path }: ApiRoute): readonly Json[] {
  if (typeof access !== 'function') return [];
  const params = Object.fromEntries(namesIn(path).map((name) => [name, `{${name}}`]));
  return access(params).map(({ action, resource }) => ({ action, resource }));
}

function pathParameters(
  route: ApiRoute,
  schemaOf: (schema: z.ZodType, io: 'input') => Json,
): readonly Json[] {
  const described = route.params === undefined ? [] : parametersOf(schemaOf(route.params, 'input'), 'path');
  const known = new Set(described.map(({ name }) => name));
  const others = namesIn(route.path).filter((name) => !known.has(name));
  const plain = others.map((name) => ({ name, in: 'path', required: true, schema: { type: 'string' } }));
  return [...described, ...plain];
}

function parametersOf(schema: Json, place: 'path' | 'query'): readonly Json[] {
  const { properties = {}, required = [] } = schema as {
    readonly properties?: Readonly<Record<string, Json>>;
    readonly required?: readonly string[];
  }; // the JSON Schema of an object
  return Object.entries(properties).map(([name, { description, ...property }]) => ({
    name,
    in: place,
    required: place === 'path' || required.includes(name),
    ...(description !== undefined && { description }),
    schema: property,
  }));
}

/** Definitions move to the components of the document, where its references can find them. */
function hoist(schema: Json, routeName: string, components: Map<string, unknown>): Json {
  const { $defs, ...rest } = withoutDialect(schema);
  const nameOf = (definition: string): string =>
    definition.startsWith('__') ? `${routeName}${definition}` : definition;
  const rewrite = (node: unknown): unknown => {
    if (Array.isArray(node)) return node.map(rewrite);
    if (typeof node !== 'object' || node === null) return node;
    return Object.fromEntries(
      Object.entries(node).map(([key, value]) => [
        key,
        key === '$ref' && typeof value === 'string'
          ? value.replace(
              /^#\/\$defs\/(.*)$/,
              (_whole, name: string) => `#/components/schemas/${nameOf(name)}`,
            )
          : rewrite(value),
      ]),
    );
  };
  for (const [name, definition] of Object.entries($defs ?? {})) {
    const { id: _id, ...body } = rewrite(definition) as { readonly id?: string };
    components.set(nameOf(name), body);
  }
  return rewrite(rest) as Json; // an object in, an object out
}

function withoutDialect(schema: object): Json & { readonly $defs?: Json } {
  const { $schema: _dialect, ...rest } = schema as Json;
  return rest;
}
