import { StoreError } from '@zot-artifact-store/spec';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { Principal } from '../extension/access.ts';
import { type ApiRoute, defineRoute } from '../extension/api-route.ts';
import type { Reply, RequestContext, RequestHead } from '../http/protocol.ts';
import { createApiProtocol } from './protocol.ts';

const putThing = defineRoute({
  name: 'PutThing',
  method: 'PUT',
  path: '/things/{name}',
  summary: 'Stores a thing.',
  access: ({ name }) => [{ action: 'admin:PutThing', resource: `thing:${name}` }],
  params: z.strictObject({ name: z.string().max(20) }),
  query: z.strictObject({ dryRun: z.enum(['true', 'false']).optional() }),
  body: z.strictObject({ size: z.number() }),
  status: 200,
  result: z.strictObject({ name: z.string(), size: z.number(), dryRun: z.boolean() }),
  run: async ({ params, query, body }) => ({
    name: params.name,
    size: body.size,
    dryRun: query.dryRun === 'true',
  }),
});
const deleteThing = defineRoute({
  name: 'DeleteThing',
  method: 'DELETE',
  path: '/things/{name}',
  summary: 'Removes a thing.',
  access: 'login',
  status: 204,
  run: async () => undefined,
});
const special = defineRoute({
  name: 'Special',
  method: 'GET',
  path: '/things/special',
  summary: 'One of a kind.',
  access: 'open',
  status: 204,
  run: async () => undefined,
});
const routes: readonly ApiRoute[] = [putThing, deleteThing, special];

interface Asked {
  readonly method?: string;
  readonly path: string;
  readonly query?: string;
  readonly body?: string;
  readonly type?: string;
  readonly principal?: Principal;
  readonly routes?: readonly ApiRoute[];
  readonly headers?: Readonly<Record<string, string>>;
}

const alice: Principal = { kind: 'user', name: 'alice', groups: [], via: 'test', isRoot: false };

function headOf({
  method = 'GET',
  path,
  query = '',
  type = 'application/json',
  headers,
}: Asked): RequestHead {
  return {
    id: 'r1',
    method,
    target: path,
    path: `/-/api/v1${path}`,
    query,
    headers: { 'content-type': type, ...headers },
    rawHeaders: [],
    remoteAddress: '192.0.2.1',
  };
}

async function ask(asked: Asked): Promise<{ readonly reply: Reply; readonly json: unknown }> {
  const protocol = createApiProtocol(asked.routes ?? routes, '1.2.3');
  const head = headOf(asked);
  // What the protocol uses of a context.
  const context = {
    head,
    principal: asked.principal ?? alice,
    body: { collect: async () => Buffer.from(asked.body ?? '') },
  } as unknown as RequestContext;
  let reply: Reply;
  try {
    reply = await protocol.run(protocol.classify(head), context);
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    reply = await protocol.renderError(error, head);
  }
  return { reply, json: reply.body === undefined ? undefined : JSON.parse(String(reply.body)) };
}

describe('The API', () => {
  it('gives a route its parsed path, query and body, and answers what it returns', async () => {
    const { reply, json } = await ask({
      method: 'PUT',
      path: '/things/a%2Fb',
      query: 'dryRun=true',
      body: '{"size":3}',
    });
    expect(reply.status).toBe(200);
    expect(json).toEqual({ name: 'a/b', size: 3, dryRun: true });
  });

  it('asks for the permissions of the route, made from its path', () => {
    const operation = createApiProtocol(routes, '1.2.3').classify(
      headOf({ method: 'PUT', path: '/things/a' }),
    );
    expect(operation).toMatchObject({
      name: 'api.PutThing',
      permissions: [{ action: 'admin:PutThing', resource: 'thing:a' }],
    });
  });

  it('prefers a segment to a parameter, and falls back to the parameter for another method', async () => {
    const protocol = createApiProtocol(routes, '1.2.3');
    expect(protocol.classify(headOf({ path: '/things/special' })).name).toBe('api.Special');
    expect(protocol.classify(headOf({ method: 'DELETE', path: '/things/special' })).name).toBe(
      'api.DeleteThing',
    );
  });

  it.each<[what: string, asked: Asked, status: number, message: RegExp]>([
    ['an unknown path', { path: '/nothing' }, 404, /nothing at/],
    ['another method', { method: 'POST', path: '/things/a' }, 405, /PUT, DELETE/],
    ['no login', { method: 'DELETE', path: '/things/a', principal: { kind: 'anonymous' } }, 401, /login/],
    [
      'a form instead of JSON',
      { method: 'PUT', path: '/things/a', type: 'text/plain', body: '{}' },
      415,
      /application\/json/,
    ],
    ['a body that is not JSON', { method: 'PUT', path: '/things/a', body: '{' }, 400, /not JSON/],
    ['a wrong type', { method: 'PUT', path: '/things/a', body: '{"size":"big"}' }, 400, /size in the body/],
    ['an unknown key', { method: 'PUT', path: '/things/a', body: '{"size":1,"x":2}' }, 400, /the body/],
    [
      'a query parameter twice',
      { method: 'PUT', path: '/things/a', query: 'dryRun=true&dryRun=false', body: '{"size":1}' },
      400,
      /twice/,
    ],
    [
      'a query parameter of an object',
      { method: 'PUT', path: '/things/a', query: '__proto__=1', body: '{"size":1}' },
      400,
      /the query/,
    ],
    ['a broken escape', { method: 'PUT', path: '/things/%zz', body: '{"size":1}' }, 400, /percent-encoding/],
    ['a control character', { method: 'PUT', path: '/things/a%00', body: '{"size":1}' }, 400, /control/],
  ])('refuses %s with a sentence', async (_what, asked, status, message) => {
    const { reply, json } = await ask(asked);
    expect(reply.status).toBe(status);
    expect(json).toMatchObject({ error: { message: expect.stringMatching(message), requestId: 'r1' } });
  });

  it('refuses routes that answer the same request', () => {
    expect(() => createApiProtocol([special, { ...special, name: 'Other' }], '1')).toThrow(
      'GET /things/special',
    );
    expect(() => createApiProtocol([special, { ...special, path: '/other' }], '1')).toThrow(
      'the name Special',
    );
  });
});

describe('An answer', () => {
  it('has an entity tag, and is not sent again to who has it', async () => {
    const getThing = defineRoute({
      name: 'GetThing',
      method: 'GET',
      path: '/things/{name}',
      summary: 'A thing.',
      access: 'open',
      status: 200,
      result: z.strictObject({ name: z.string() }),
      run: async () => ({ name: 'a' }),
    });
    const first = await ask({ path: '/things/a', routes: [getThing] });
    const etag = String(first.reply.headers.etag);
    expect(etag).toMatch(/^"[\w-]{22}"$/);
    const again = await ask({
      path: '/things/a',
      routes: [getThing],
      headers: { 'if-none-match': `"x", W/${etag}` },
    });
    expect(again.reply).toMatchObject({ status: 304, headers: { etag } });
    expect(again.reply.body).toBeUndefined();
  });

  it('never has what its schema does not tell of', async () => {
    const leaky = defineRoute({
      name: 'Leaky',
      method: 'GET',
      path: '/leaky',
      summary: 'A mistake.',
      access: 'open',
      status: 200,
      result: z.strictObject({ name: z.string() }),
      run: async () => Object.assign({ name: 'a' }, { secret: 's' }),
    });
    await expect(ask({ path: '/leaky', routes: [leaky] })).rejects.toThrow('secret');
  });
});
