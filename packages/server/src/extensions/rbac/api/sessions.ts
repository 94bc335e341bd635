import { StoreError } from '@zot-artifact-store/spec';
import { z } from 'zod';
import { pageOf, pageQuery } from '../../../extension/api-page.ts';
import { type ApiRoute, defineRoute } from '../../../extension/api-route.ts';
import type { RequestContext } from '../../../http/protocol.ts';
import type { Session, Sessions } from '../identity/sessions/sessions.ts';

const shownSession = z.strictObject({
  id: z.string(),
  user: z.string(),
  provider: z.string().meta({ description: 'Where the user logged in.' }),
  createdAt: z.iso.datetime(),
  expiresAt: z.iso.datetime(),
  address: z.string().meta({ description: 'Where the login came from.' }),
  userAgent: z.string(),
  isCurrent: z.boolean().meta({ description: 'Whether it is the session that asks.' }),
});

/** Logins of browsers: everybody sees and ends their own; those of others take the right of the route. */
export function sessionRoutes(sessions: Sessions): readonly ApiRoute[] {
  const list = defineRoute({
    name: 'ListSessions',
    method: 'GET',
    path: '/sessions',
    summary: "Lists logins of browsers: one's own, or those of a user, or of all.",
    access: 'login',
    query: z.strictObject({
      ...pageQuery,
      user: z.string().max(255).optional().meta({ description: 'Whose; "*" for all. Default: of who asks.' }),
    }),
    status: 200,
    result: pageOf(shownSession),
    run: async ({ query: { user, limit, after } }, context) => {
      const own = nameOf(context);
      const wanted = user ?? own;
      if (wanted !== own) await mustBeAllowed(context, 'ListSessions');
      const found = await sessions.list({
        ...(wanted !== '*' && { user: wanted }),
        ...(after !== undefined && { after }),
        limit,
      });
      const last = found.length === limit ? found.at(-1) : undefined;
      return { items: found.map((one) => shown(one, context)), ...(last && { next: last.id }) };
    },
  });
  const end = defineRoute({
    name: 'EndSession',
    method: 'DELETE',
    path: '/sessions/{id}',
    summary: 'Ends a login of a browser at once.',
    access: 'login',
    params: z.strictObject({ id: z.string().max(100) }),
    status: 204,
    run: async ({ params: { id } }, context) => {
      const session = await sessions.get(id);
      // Whoever may not end it may not know of it either.
      if (session?.userName !== nameOf(context)) await mustBeAllowed(context, 'EndSession');
      if (session === undefined || !(await sessions.end(id))) {
        throw new StoreError('resource-unknown', `there is no session ${id}`);
      }
      context.note({ event: 'logout', user: session.userName, session: id });
      return undefined;
    },
  });
  return [list, end];
}

function nameOf({ principal }: RequestContext): string {
  return principal.kind === 'user' ? principal.name : '';
}

async function mustBeAllowed(context: RequestContext, route: string): Promise<void> {
  if (await context.can({ action: `admin:${route}`, resource: 'server' })) return;
  throw new StoreError('denied', `sessions of others take the right admin:${route}`);
}

function shown(session: Session, { principal }: RequestContext): z.input<typeof shownSession> {
  const { id, userName: user, provider, createdAtMs, expiresAtMs, address, userAgent } = session;
  return {
    id,
    user,
    provider,
    createdAt: new Date(createdAtMs).toISOString(),
    expiresAt: new Date(expiresAtMs).toISOString(),
    address,
    userAgent,
    isCurrent: principal.kind === 'user' && principal.credential?.id === id,
  };
}
