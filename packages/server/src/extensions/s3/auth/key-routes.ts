import { StoreError } from '@zot-artifact-store/spec';
import { z } from 'zod';
import type { UserPrincipal } from '../../../extension/access.ts';
import { pageOf, pageQuery } from '../../../extension/api-page.ts';
import { type ApiRoute, defineRoute } from '../../../extension/api-route.ts';
import type { RequestContext } from '../../../http/protocol.ts';
import type { AccessKey, AccessKeys } from './access-keys.ts';

export interface KeyRoutesDeps {
  readonly keys: AccessKeys;
  readonly rootUser: string;
}

/** Credentials that this store handed out, which are worth less than the login they came from. */
const DERIVED: ReadonlySet<string> = new Set(['api-key', 'registry-token', 'access-key', 'sts-session']);

const idParams = z.strictObject({ id: z.string().min(1).max(255) });

const accessKey = z
  .strictObject({
    accessKeyId: z.string(),
    user: z.string(),
    description: z.string(),
    createdAt: z.string(),
    enabled: z.boolean(),
  })
  .meta({ id: 'AccessKey' });

const createBody = z.strictObject({
  user: z.string().optional().meta({ description: "Whose key it is; one's own unless given." }),
  description: z.string().optional(),
  accessKeyId: z.string().optional().meta({
    description: 'With `secretAccessKey`, to bring along a key of another store; else both are made.',
  }),
  secretAccessKey: z.string().optional(),
});

/**
 * The access keys of S3 users: one's own with a login, those of others with the permission `admin:<route>` on
 * `admin:access-key/<user>`.
 */
export function keyRoutes({ keys, rootUser }: KeyRoutesDeps): readonly ApiRoute[] {
  const mayChange = async (route: string, user: string, context: RequestContext): Promise<boolean> =>
    user === userOf(context).name && !isDerived(userOf(context)) ? true : mayAll(route, user, context);
  /** Throws the same for a key that is not there as for one the caller may not know of. */
  const keyFor = async (route: string, id: string, context: RequestContext): Promise<AccessKey> => {
    const key = await keys.describe(id);
    if (key !== undefined && (await mayChange(route, key.user, context))) return key;
    throw new StoreError('resource-unknown', `there is no access key ${id} that you may change`, {
      resource: id,
    });
  };
  return [
    defineRoute({
      name: 'ListAccessKeys',
      method: 'GET',
      path: '/access-keys',
      summary: "Access keys of S3: the caller's, those of one user, or, for who may list them, all.",
      access: 'login',
      query: z.strictObject({
        ...pageQuery,
        user: z.string().min(1).max(255).optional().meta({ description: 'Only those of this user.' }),
      }),
      status: 200,
      result: pageOf(accessKey),
      async run({ query: { limit, after, user } }, context) {
        const own = userOf(context).name;
        const owner = user ?? ((await mayAll('ListAccessKeys', '*', context)) ? undefined : own);
        if (owner !== undefined && owner !== own && !(await mayAll('ListAccessKeys', owner, context))) {
          throw denied('ListAccessKeys', owner);
        }
        const found = await keys.list({
          limit: limit + 1,
          ...(owner !== undefined && { user: owner }),
          ...(after !== undefined && { after }),
        });
        const items = found.slice(0, limit).map(shown);
        const last = items.at(-1)?.accessKeyId;
        return found.length > limit && last !== undefined ? { items, next: last } : { items };
      },
    }),
    defineRoute({
      name: 'CreateAccessKey',
      method: 'POST',
      path: '/access-keys',
      summary: 'Makes an access key; its secret is told once. Not with another key or token.',
      access: 'login',
      body: createBody,
      status: 201,
      result: accessKey.extend({ secretAccessKey: z.string() }),
      async run({ body }, context) {
        const caller = userOf(context);
        const user = body.user ?? caller.name;
        if (isDerived(caller)) {
          throw new StoreError('denied', 'a key or a token cannot make access keys: log in as the user');
        }
        if (user !== caller.name && !(await mayAll('CreateAccessKey', user, context))) {
          throw denied('CreateAccessKey', user);
        }
        if (user === rootUser && !caller.isRoot) {
          throw new StoreError('denied', 'only the root user makes access keys of the root user');
        }
        if ((body.accessKeyId === undefined) !== (body.secretAccessKey === undefined)) {
          throw new StoreError('argument-invalid', 'accessKeyId and secretAccessKey go together');
        }
        if (body.accessKeyId === rootUser) {
          throw new StoreError('argument-invalid', `${rootUser} is the root user's access key already`);
        }
        const made = await keys.create({
          user,
          ...(body.description !== undefined && { description: body.description }),
          ...(body.accessKeyId !== undefined && { accessKeyId: body.accessKeyId }),
          ...(body.secretAccessKey !== undefined && { secretAccessKey: body.secretAccessKey }),
        });
        context.note({ event: 'access-key-created', accessKeyId: made.accessKeyId, user });
        return { ...shown(made), secretAccessKey: made.secretAccessKey };
      },
    }),
    defineRoute({
      name: 'ChangeAccessKey',
      method: 'PATCH',
      path: '/access-keys/{id}',
      summary: 'Disables an access key, or enables it again.',
      access: 'login',
      params: idParams,
      body: z.strictObject({ enabled: z.boolean() }),
      status: 200,
      result: accessKey,
      async run({ params: { id }, body: { enabled } }, context) {
        const { user } = await keyFor('ChangeAccessKey', id, context);
        context.note({
          event: enabled ? 'access-key-enabled' : 'access-key-disabled',
          accessKeyId: id,
          user,
        });
        return shown(await keys.setEnabled(id, enabled));
      },
    }),
    defineRoute({
      name: 'DeleteAccessKey',
      method: 'DELETE',
      path: '/access-keys/{id}',
      summary: 'Deletes an access key for good.',
      access: 'login',
      params: idParams,
      status: 200,
      result: accessKey,
      async run({ params: { id } }, context) {
        const { user } = await keyFor('DeleteAccessKey', id, context);
        context.note({ event: 'access-key-deleted', accessKeyId: id, user });
        return shown(await keys.delete(id));
      },
    }),
  ];
}

function mayAll(route: string, user: string, context: RequestContext): Promise<boolean> {
  return context.can({ action: `admin:${route}`, resource: `admin:access-key/${user}` });
}

function userOf({ principal }: RequestContext): UserPrincipal {
  if (principal.kind === 'user') return principal;
  throw new StoreError('unauthenticated', 'access keys need a login');
}

/** One that is limited, or about to expire, must not be good for one that is not. */
function isDerived({ credential, limits = [] }: UserPrincipal): boolean {
  return limits.length > 0 || (credential !== undefined && DERIVED.has(credential.kind));
}

function denied(route: string, user: string): StoreError {
  return new StoreError('denied', `you may not do admin:${route} for ${user}`, {
    resource: `admin:access-key/${user}`,
  });
}

function shown({
  accessKeyId,
  user,
  description,
  createdAtMs,
  isEnabled,
}: AccessKey): z.input<typeof accessKey> {
  return {
    accessKeyId,
    user,
    description,
    createdAt: new Date(createdAtMs).toISOString(),
    enabled: isEnabled,
  };
}
