import { StoreError } from '@zot-artifact-store/spec';
import type { Command } from 'commander';
import { z } from 'zod';
import type { ApiClient } from '../api/api-client.ts';
import { addServerOptions, openApi, type ServerOptions } from '../api/with-server.ts';
import { EXIT } from '../exit-code.ts';
import type { CliProvider } from '../login/issuer-client.ts';
import { LoginFile } from '../login/login-file.ts';
import type { StoreCommandContext } from '../with-store.ts';

interface LoginOptions extends ServerOptions {
  readonly provider?: string;
}

const options = z.object({
  providers: z.array(
    z.object({
      name: z.string(),
      issuer: z.string(),
      cli: z.object({ clientId: z.string(), scopes: z.array(z.string()) }).optional(),
    }),
  ),
});
const caller = z.object({ name: z.string().optional() });

const nobody = async () => undefined;

const LOGIN_NOTES = `
Open the address that is shown in a browser, on this machine or another, and log in there. The tokens are
kept in a file that only you may read (logins.json in ~/.config/zas, or where this system keeps
such things), are refreshed when needed, and are used by every command that asks that server, unless
the environment says who you are.

Examples:
  zas login --server https://registry.example.com
  zas whoami --server https://registry.example.com
  zas logout --server https://registry.example.com`;

export function addLoginCommands(program: Command, { terminal, finish }: StoreCommandContext): void {
  const login = program
    .command('login')
    .description('Log in to a server through its identity provider.')
    .option('--provider <name>', 'which of its providers; needed when there are several')
    .addHelpText('after', LOGIN_NOTES);
  addServerOptions(login).action(async ({ provider, ...server }: LoginOptions) => {
    const interrupted = new AbortController();
    const interrupt = (): void => interrupted.abort();
    process.once('SIGINT', interrupt);
    try {
      const api = await openApi(terminal, server, interrupted.signal, { authorization: nobody });
      const chosen = await choose(api, provider);
      const { logInByDevice } = await import('../login/issuer-client.ts');
      const made = await logInByDevice(chosen, {
        signal: interrupted.signal,
        tell: ({ url, code, completeUrl }) => {
          terminal.print(`Open ${completeUrl ?? url} in a browser and confirm the code ${code}.`);
        },
      });
      const authorization = async () => `Bearer ${made.accessToken}`;
      const named = await openApi(terminal, server, interrupted.signal, { authorization });
      const { name } = await named.call(caller, { path: '/whoami' });
      await new LoginFile(terminal.env).update(api.serverUrl, async () => made);
      terminal.print(`You are ${name ?? 'nobody'} at ${api.serverUrl}.`);
      finish(EXIT.ok);
    } finally {
      process.off('SIGINT', interrupt);
    }
  });
  const logout = program
    .command('logout')
    .description('Forget the login at a server, and end it at the identity provider.');
  addServerOptions(logout).action(async (server: ServerOptions) => {
    const { serverUrl } = await openApi(terminal, server, undefined, { authorization: nobody });
    const file = new LoginFile(terminal.env);
    const before = await file.get(serverUrl);
    if (before === undefined) {
      terminal.print(`Nobody is logged in to ${serverUrl}.`);
      finish(EXIT.ok);
      return;
    }
    await file.update(serverUrl, async () => undefined);
    const { revokeLogin } = await import('../login/issuer-client.ts');
    try {
      await revokeLogin(before);
      terminal.print(`Logged out of ${serverUrl}.`);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      terminal.print(
        `Logged out of ${serverUrl} here; the login goes on at the provider until it expires. ${why}`,
      );
    }
    finish(EXIT.ok);
  });
}

async function choose(api: ApiClient, wanted: string | undefined): Promise<CliProvider> {
  const { providers } = await api.call(options, { path: '/login-options' });
  const usable = providers.flatMap(({ name, issuer, cli }) =>
    cli === undefined ? [] : [{ name, issuer, ...cli }],
  );
  const names = usable.map(({ name }) => name).join(', ');
  if (usable.length === 0) {
    throw new StoreError(
      'argument-invalid',
      `${api.serverUrl} has no provider a command line can log in with; cliClientId of extensions.rbac.providers names its client.`,
    );
  }
  const [only, ...others] = usable.filter(({ name }) => wanted === undefined || name === wanted);
  if (only === undefined) {
    throw new StoreError(
      'argument-invalid',
      `${api.serverUrl} has no provider "${wanted}"; it has ${names}.`,
    );
  }
  if (others.length > 0) throw new StoreError('argument-invalid', `Say --provider; there are ${names}.`);
  return only;
}
