import type { z } from 'zod';
import type { RequestContext } from '../http/protocol.ts';
import type { Permission } from './access.ts';

/** What a route gets: the parts of its path, its query and its body, each parsed with the route's schema. */
export interface ApiInput<Params, Query, Body> {
  readonly params: Params;
  readonly query: Query;
  readonly body: Body;
}

/** One operation of the management API. */
export interface ApiRoute {
  /** `ListUsers`; the operation is logged and audited as `api.ListUsers`. Unique. */
  readonly name: string;
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Below `/-/api/v1`, with parameters in braces: `/users/{name}`. A parameter is one segment, percent-decoded. */
  readonly path: string;
  /** One sentence for the API's description. */
  readonly summary: string;
  /**
   * What the caller must be allowed. `login`: whoever has a name; the route looks after the rest itself. `open`: everyone.
   */
  readonly access: 'open' | 'login' | ((params: Readonly<Record<string, string>>) => readonly Permission[]);
  readonly params?: z.ZodObject;
  readonly query?: z.ZodObject;
  /** Of a JSON body; without it the operation has none. */
  readonly body?: z.ZodType;
  /** Status of success, and the schema of what is answered; without it the answer has no body. */
  readonly status: 200 | 201 | 202 | 204;
  readonly result?: z.ZodType;
  /** What is returned becomes the JSON body. Throws StoreError. */
  run(input: ApiInput<unknown, unknown, unknown>, context: RequestContext): Promise<unknown>;
}

type Parsed<Schema> = Schema extends z.ZodType ? z.output<Schema> : undefined;
type Answered<Schema> = Schema extends z.ZodType ? z.input<Schema> : undefined;

interface TypedRoute<Params, Query, Body, Result>
  extends Omit<ApiRoute, 'params' | 'query' | 'body' | 'result' | 'run'> {
  readonly params?: Params;
  readonly query?: Query;
  readonly body?: Body;
  readonly result?: Result;
  run(
    input: ApiInput<Parsed<Params>, Parsed<Query>, Parsed<Body>>,
    context: RequestContext,
  ): Promise<Answered<Result>>;
}

/** Gives `run` the types of the schemas; returns its argument. */
export function defineRoute<
  Params extends z.ZodObject | undefined = undefined,
  Query extends z.ZodObject | undefined = undefined,
  Body extends z.ZodType | undefined = undefined,
  Result extends z.ZodType | undefined = undefined,
>(route: TypedRoute<Params, Query, Body, Result>): ApiRoute {
  return route as ApiRoute; // the API parses with the route's own schemas before it calls run
}
