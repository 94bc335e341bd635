import { z } from 'zod';
import { type ApiRoute, defineRoute } from '../../../extension/api-route.ts';
import type { Provider } from '../identity/oidc/provider.ts';

const option = z.strictObject({
  name: z.string(),
  title: z.string().meta({ description: 'For people.' }),
  issuer: z.string(),
  browser: z
    .string()
    .optional()
    .meta({ description: 'Where a browser begins its login, a path of this server.' }),
  cli: z
    .strictObject({ clientId: z.string(), scopes: z.array(z.string()) })
    .optional()
    .meta({ description: 'The public client a command line logs in with, by device flow.' }),
});

/** How one may log in here: what a page of logins shows, and what `zas login` needs. Nothing in it is secret. */
export function loginOptions(providers: readonly Provider[]): ApiRoute {
  const options = providers.flatMap(({ name, title, issuer: { issuer }, browser, cli }) =>
    browser === undefined && cli === undefined
      ? []
      : [
          {
            name,
            title,
            issuer,
            ...(browser && { browser: `/zot/auth/login?provider=${name}` }),
            ...(cli && { cli: { clientId: cli.clientId, scopes: [...cli.scopes] } }),
          },
        ],
  );
  return defineRoute({
    name: 'GetLoginOptions',
    method: 'GET',
    path: '/login-options',
    summary: 'How one may log in here.',
    access: 'open',
    status: 200,
    result: z.strictObject({ providers: z.array(option) }),
    run: async () => ({ providers: options }),
  });
}
