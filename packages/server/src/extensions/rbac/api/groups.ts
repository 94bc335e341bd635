import { z } from 'zod';
import { pageOf, pageQuery } from '../../../extension/api-page.ts';
import { type ApiRoute, defineRoute } from '../../../extension/api-route.ts';
import type { GroupStore, KnownGroup } from '../identity/users/group-store.ts';
import { cutPage, isoTime } from './page.ts';

const params = z.strictObject({ name: z.string() });
const memberParams = z.strictObject({ name: z.string(), user: z.string() });
const description = z.string().max(512);

const group = z.strictObject({
  name: z.string(),
  description: z.string(),
  declared: z.boolean().meta({ description: 'In the config file, and read-only here.' }),
  createdAt: z.string().optional(),
});

/** `/groups`: groups of this store, of users of any source. */
export function groupRoutes(groups: GroupStore): readonly ApiRoute[] {
  return [
    defineRoute({
      name: 'ListGroups',
      method: 'GET',
      path: '/groups',
      summary: 'Groups of this store, in order of their names.',
      access: () => [{ action: 'admin:ListGroups', resource: 'admin:group/*' }],
      query: z.strictObject(pageQuery),
      status: 200,
      result: pageOf(group),
      run: async ({ query: { limit, after } }) => {
        const found = await groups.list({ after: after ?? '', limit: limit + 1 });
        const { page, next } = cutPage(found, { limit, nameOf: ({ name }) => name });
        return { items: page.map(shown), next };
      },
    }),
    defineRoute({
      name: 'CreateGroup',
      method: 'POST',
      path: '/groups',
      summary: 'Makes a group.',
      access: () => [{ action: 'admin:CreateGroup', resource: 'admin:group/*' }],
      body: z.strictObject({ name: z.string(), description: description.default('') }),
      status: 201,
      result: group,
      run: async ({ body: { name, description } }) => shown(await groups.create(name, description)),
    }),
    defineRoute({
      name: 'GetGroup',
      method: 'GET',
      path: '/groups/{name}',
      summary: 'One group.',
      access: on('admin:GetGroup'),
      params,
      status: 200,
      result: group,
      run: async ({ params: { name } }) => shown(await groups.get(name)),
    }),
    defineRoute({
      name: 'UpdateGroup',
      method: 'PATCH',
      path: '/groups/{name}',
      summary: 'Changes what is said of a group.',
      access: on('admin:UpdateGroup'),
      params,
      body: z.strictObject({ description }),
      status: 200,
      result: group,
      run: async ({ params: { name }, body }) => shown(await groups.change(name, body.description)),
    }),
    defineRoute({
      name: 'DeleteGroup',
      method: 'DELETE',
      path: '/groups/{name}',
      summary: 'Deletes a group; nobody is a member any more.',
      access: on('admin:DeleteGroup'),
      params,
      status: 204,
      run: async ({ params: { name } }) => {
        await groups.delete(name);
        return undefined;
      },
    }),
    defineRoute({
      name: 'ListGroupMembers',
      method: 'GET',
      path: '/groups/{name}/members',
      summary: 'The members of a group, in order of their names.',
      access: on('admin:GetGroup'),
      params,
      query: z.strictObject(pageQuery),
      status: 200,
      result: pageOf(z.string()),
      run: async ({ params: { name }, query: { limit, after } }) => {
        const found = await groups.members(name, { after: after ?? '', limit: limit + 1 });
        const { page, next } = cutPage(found, { limit, nameOf: (user) => user });
        return { items: [...page], next };
      },
    }),
    defineRoute({
      name: 'AddGroupMember',
      method: 'PUT',
      path: '/groups/{name}/members/{user}',
      summary: 'Puts a user into a group; also before the first login.',
      access: on('admin:UpdateGroup'),
      params: memberParams,
      status: 204,
      run: async ({ params: { name, user } }) => {
        await groups.addMember(name, user);
        return undefined;
      },
    }),
    defineRoute({
      name: 'RemoveGroupMember',
      method: 'DELETE',
      path: '/groups/{name}/members/{user}',
      summary: 'Takes a user out of a group.',
      access: on('admin:UpdateGroup'),
      params: memberParams,
      status: 204,
      run: async ({ params: { name, user } }) => {
        await groups.removeMember(name, user);
        return undefined;
      },
    }),
  ];
}

function shown({ name, description, isDeclared, createdAtMs }: KnownGroup): z.input<typeof group> {
  return { name, description, declared: isDeclared, createdAt: isoTime(createdAtMs) };
}

function on(action: `admin:${string}`): NonNullable<Exclude<ApiRoute['access'], string>> {
  return ({ name = '' }) => [{ action, resource: `admin:group/${name}` }];
}
