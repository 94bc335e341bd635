import { StoreError } from '@zot-artifact-store/spec';
import { z } from 'zod';
import { pageOf, pageQuery } from '../../../extension/api-page.ts';
import { type ApiRoute, defineRoute } from '../../../extension/api-route.ts';
import type { RequestContext } from '../../../http/protocol.ts';
import type { ApiKey, ApiKeys } from '../identity/api-keys/api-keys.ts';
import { assertMayMakeKeys } from '../identity/api-keys/may-make-keys.ts';
import { cutPage, isoTime } from './page.ts';

const listQuery = z.strictObject(pageQuery);
const nameParams = z.strictObject({ name: z.string() });
const idParams = z.strictObject({ id: z.string() });
const bothParams = z.strictObject({ name: z.string(), id: z.string() });

const token = z.strictObject({
  id: z.string(),
  owner: z.string(),
  label: z.string(),
  scopes: z
    .array(z.string())
    .meta({ description: 'What the key is limited to; empty: nothing but its owner.' }),
  policy: z.string().optional().meta({ description: 'An IAM document that limits it further.' }),
  networks: z.array(z.string()).meta({ description: 'Where it works from; empty: everywhere.' }),
  createdAt: z.string(),
  expiresAt: z.string().optional(),
  lastUsedAt: z.string().optional().meta({ description: 'Right to the hour.' }),
});

const made = token.extend({
  token: z.string().meta({ description: 'The key itself; it is not shown again.' }),
});

const wanted = z.strictObject({
  label: z.string().default(''),
  scopes: z.array(z.string()).default([]).meta({
    description:
      '`repository:<name>:<pull,push,delete>` (a star in the name is anything), `admin:<operation>`.',
  }),
  policy: z
    .record(z.string(), z.unknown())
    .optional()
    .meta({ description: 'An IAM policy document; the key may do only what it allows.' }),
  networks: z.array(z.string()).default([]).meta({ description: 'Addresses and networks it works from.' }),
  expiresAt: z.iso
    .datetime({ offset: true, error: 'must be a time such as 2030-01-31T00:00:00Z' })
    .optional(),
});

/** `/tokens`: one's own API keys; `/users/{name}/tokens`: those of others, for administrators. */
export function tokenRoutes(keys: ApiKeys, { rootUser }: { readonly rootUser: string }): readonly ApiRoute[] {
  const create = async (
    owner: string,
    { expiresAt, policy, ...rest }: z.output<typeof wanted>,
    { head, principal }: RequestContext,
  ) => {
    const user = assertMayMakeKeys(principal);
    if (owner === rootUser && !user.isRoot) {
      throw new StoreError('denied', 'only the root user makes API keys of the root user');
    }
    const agent = head.headers['user-agent'];
    const { key, secret } = await keys.create({
      ...rest,
      owner,
      policy: policy && JSON.stringify(policy),
      creatorAgent: typeof agent === 'string' ? agent : '',
      expiresAtMs: expiresAt === undefined ? undefined : Date.parse(expiresAt),
    });
    return { ...shown(key), token: secret };
  };
  const list = async (owner: string, { limit, after }: z.output<typeof listQuery>) => {
    const from = after === undefined ? undefined : { owner, id: after };
    const found = await keys.list({ owner, limit: limit + 1, after: from });
    const { page, next } = cutPage(found, { limit, nameOf: ({ id }) => id });
    return { items: page.map(shown), next };
  };
  const listed = pageOf(token);
  return [
    defineRoute({
      name: 'ListTokens',
      method: 'GET',
      path: '/tokens',
      summary: 'The API keys of the caller.',
      access: 'login',
      query: listQuery,
      status: 200,
      result: listed,
      run: ({ query }, context) => list(callerOf(context), query),
    }),
    defineRoute({
      name: 'CreateToken',
      method: 'POST',
      path: '/tokens',
      summary: 'Makes an API key of the caller. Not with another key or token.',
      access: 'login',
      body: wanted,
      status: 201,
      result: made,
      run: ({ body }, context) => create(callerOf(context), body, context),
    }),
    defineRoute({
      name: 'DeleteToken',
      method: 'DELETE',
      path: '/tokens/{id}',
      summary: 'Deletes an API key of the caller.',
      access: 'login',
      params: idParams,
      status: 204,
      run: async ({ params: { id } }, context) => {
        await keys.delete(assertMayMakeKeys(context.principal).name, id);
        return undefined;
      },
    }),
    defineRoute({
      name: 'ListUserTokens',
      method: 'GET',
      path: '/users/{name}/tokens',
      summary: 'The API keys of a user.',
      access: on('admin:ListUserTokens'),
      params: nameParams,
      query: listQuery,
      status: 200,
      result: listed,
      run: ({ params: { name }, query }) => list(name, query),
    }),
    defineRoute({
      name: 'CreateUserToken',
      method: 'POST',
      path: '/users/{name}/tokens',
      summary: 'Makes an API key of a user, who may be a program. Not with another key or token.',
      access: on('admin:CreateUserToken'),
      params: nameParams,
      body: wanted,
      status: 201,
      result: made,
      run: ({ params: { name }, body }, context) => create(name, body, context),
    }),
    defineRoute({
      name: 'DeleteUserToken',
      method: 'DELETE',
      path: '/users/{name}/tokens/{id}',
      summary: 'Deletes an API key of a user.',
      access: on('admin:DeleteUserToken'),
      params: bothParams,
      status: 204,
      run: async ({ params: { name, id } }) => {
        await keys.delete(name, id);
        return undefined;
      },
    }),
  ];
}

function callerOf({ principal }: RequestContext): string {
  if (principal.kind === 'anonymous') throw new StoreError('unauthenticated', 'API keys need a login');
  return principal.name;
}

function shown(key: ApiKey): z.input<typeof token> {
  return {
    id: key.id,
    owner: key.owner,
    label: key.label,
    scopes: [...key.scopes],
    policy: key.policy,
    networks: [...key.networks],
    createdAt: new Date(key.createdAtMs).toISOString(),
    expiresAt: isoTime(key.expiresAtMs),
    lastUsedAt: isoTime(key.lastUsedAtMs),
  };
}

function on(action: `admin:${string}`): NonNullable<Exclude<ApiRoute['access'], string>> {
  return ({ name = '' }) => [{ action, resource: `admin:token/${name}` }];
}
