import { z } from 'zod';
import { pageOf, pageQuery } from '../../../extension/api-page.ts';
import { type ApiRoute, defineRoute } from '../../../extension/api-route.ts';
import type { ApiKeys } from '../identity/api-keys/api-keys.ts';
import type { KnownUser, UserDirectory } from '../identity/users/user-directory.ts';
import { USER_SOURCES } from '../identity/users/user-record.ts';
import type { UserStore } from '../identity/users/user-store.ts';
import { cutPage, isoTime } from './page.ts';

export interface UserRoutesDeps {
  readonly users: UserStore;
  readonly directory: UserDirectory;
  readonly apiKeys: ApiKeys;
}

const params = z.strictObject({ name: z.string() });
const source = z.enum(USER_SOURCES).meta({ description: 'Who vouches for the user; `local` is this store.' });
const password = z.string().max(200).meta({ description: 'Of a local user: 8 characters to 72 bytes.' });

const user = z.strictObject({
  name: z.string(),
  source,
  subject: z.strictObject({ issuer: z.string(), id: z.string() }).optional(),
  description: z.string(),
  groups: z.array(z.string()).meta({ description: 'Groups of this store; those of the source come on top.' }),
  hasPassword: z.boolean(),
  disabled: z.boolean(),
  declared: z.boolean().meta({ description: 'In the config file, and read-only here.' }),
  createdAt: z.string().optional(),
  lastSeenAt: z.string().optional(),
});

/** `/users`: the directory of users, for administrators. */
export function userRoutes({ users, directory, apiKeys }: UserRoutesDeps): readonly ApiRoute[] {
  const shown = async (known: KnownUser): Promise<z.input<typeof user>> => ({
    name: known.name,
    source: known.source,
    subject: known.subject && { ...known.subject },
    description: known.description,
    groups: [...(await directory.localGroups(known.name))],
    hasPassword: known.passwordHash !== undefined,
    disabled: known.isDisabled,
    declared: known.isDeclared,
    createdAt: isoTime(known.createdAtMs),
    lastSeenAt: isoTime(known.lastSeenAtMs),
  });
  return [
    defineRoute({
      name: 'ListUsers',
      method: 'GET',
      path: '/users',
      summary: 'Users, in order of their names.',
      access: () => [{ action: 'admin:ListUsers', resource: 'admin:user/*' }],
      query: z.strictObject(pageQuery),
      status: 200,
      result: pageOf(user),
      run: async ({ query: { limit, after } }) => {
        const found = await users.list({ after: after ?? '', limit: limit + 1 });
        const { page, next } = cutPage(found, { limit, nameOf: ({ name }) => name });
        return { items: await Promise.all(page.map(shown)), next };
      },
    }),
    defineRoute({
      name: 'CreateUser',
      method: 'POST',
      path: '/users',
      summary: 'Makes a local user, or writes down one of another source before the first login.',
      access: () => [{ action: 'admin:CreateUser', resource: 'admin:user/*' }],
      body: z.strictObject({
        name: z.string(),
        source: source.default('local'),
        password: password.optional(),
        description: z.string().default(''),
      }),
      status: 201,
      result: user,
      run: async ({ body }) => shown(await users.create(body)),
    }),
    defineRoute({
      name: 'GetUser',
      method: 'GET',
      path: '/users/{name}',
      summary: 'One user.',
      access: on('admin:GetUser'),
      params,
      status: 200,
      result: user,
      run: async ({ params: { name } }) => shown(await users.get(name)),
    }),
    defineRoute({
      name: 'UpdateUser',
      method: 'PATCH',
      path: '/users/{name}',
      summary: 'Changes, disables or enables a user; a new source forgets the password and what was bound.',
      access: on('admin:UpdateUser'),
      params,
      body: z.strictObject({
        description: z.string().optional(),
        disabled: z.boolean().optional(),
        source: source.optional(),
      }),
      status: 200,
      result: user,
      run: async ({ params: { name }, body: { disabled, ...change } }) =>
        shown(await users.change(name, { ...change, isDisabled: disabled })),
    }),
    defineRoute({
      name: 'SetPassword',
      method: 'PUT',
      path: '/users/{name}/password',
      summary: 'Sets the password of a local user.',
      access: on('admin:SetPassword'),
      params,
      body: z.strictObject({ password }),
      status: 204,
      run: async ({ params: { name }, body }) => {
        await users.setPassword(name, body.password);
        return undefined;
      },
    }),
    defineRoute({
      name: 'RemovePassword',
      method: 'DELETE',
      path: '/users/{name}/password',
      summary: 'Takes away the password of a local user; API keys go on working.',
      access: on('admin:SetPassword'),
      params,
      status: 204,
      run: async ({ params: { name } }) => {
        await users.setPassword(name, undefined);
        return undefined;
      },
    }),
    defineRoute({
      name: 'DeleteUser',
      method: 'DELETE',
      path: '/users/{name}',
      summary: 'Forgets a user with memberships and keys. To keep somebody out, disable the user instead.',
      access: on('admin:DeleteUser'),
      params,
      status: 204,
      run: async ({ params: { name } }) => {
        await users.delete(name);
        await apiKeys.deleteAllOf(name);
        return undefined;
      },
    }),
  ];
}

function on(action: `admin:${string}`): NonNullable<Exclude<ApiRoute['access'], string>> {
  return ({ name = '' }) => [{ action, resource: `admin:user/${name}` }];
}
