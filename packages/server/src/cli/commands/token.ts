import type { Command } from 'commander';
import { z } from 'zod';
import { apiPath, NOTHING } from '../api/api-client.ts';
import { addServerOptions, openApi, SERVER_NOTES, type ServerOptions } from '../api/with-server.ts';
import { EXIT } from '../exit-code.ts';
import { formatTable } from '../table.ts';
import type { StoreCommandContext } from '../with-store.ts';

const token = z.object({
  id: z.string(),
  owner: z.string(),
  label: z.string(),
  scopes: z.array(z.string()),
  createdAt: z.string(),
  expiresAt: z.string().optional(),
  lastUsedAt: z.string().optional(),
});
const made = token.extend({ token: z.string() });

interface OwnerOptions extends ServerOptions {
  readonly user?: string;
  readonly json?: true;
}

interface CreateOptions extends OwnerOptions {
  readonly label?: string;
  readonly scope: readonly string[];
  readonly network: readonly string[];
  readonly expires?: string;
}

const NOTES = `
An API key is a secret for programs, in a part of what its owner may do: the password of HTTP Basic, or a
bearer token. Keys of others take the rights admin:CreateUserToken, ListUserTokens, DeleteUserToken.

Examples:
  zas token create --label ci --scope 'repository:team-a/*:pull,push' --expires 2030-01-31T00:00:00Z
  zas token list
  zas token create --user robot --network 10.0.0.0/8
${SERVER_NOTES}`;

export function addTokenCommands(program: Command, { terminal, finish }: StoreCommandContext): void {
  const group = program.command('token').description('Manage API keys.').addHelpText('after', NOTES);
  const create = group
    .command('create')
    .description('Make an API key, which is shown once.')
    .option('--user <name>', 'whose key it is (default: who asks)')
    .option('--label <text>', 'what it is for')
    .option('--scope <scope>', 'what it is limited to; may be given several times', collect, [])
    .option('--network <network>', 'where it works from; may be given several times', collect, [])
    .option('--expires <time>', 'when it ends, such as 2030-01-31T00:00:00Z')
    .option('--json', 'print JSON');
  addServerOptions(create).action(async (options: CreateOptions) => {
    const { user, label, scope, network, expires, json } = options;
    const api = await openApi(terminal, options);
    const body = { label, scopes: scope, networks: network, expiresAt: expires };
    const key = await api.call(made, { method: 'POST', path: placeOf(user), body });
    if (json) {
      terminal.print(JSON.stringify(key, null, 2));
    } else {
      terminal.print(
        formatTable([
          ['API key:', key.token],
          ['Id:', key.id],
          ['Owner:', key.owner],
        ]),
      );
      terminal.print('The key is not shown again.');
    }
    finish(EXIT.ok);
  });
  const list = group
    .command('list')
    .description('List API keys, without the keys themselves.')
    .option('--user <name>', 'whose (default: who asks)')
    .option('--json', 'print JSON');
  addServerOptions(list).action(async ({ user, json, ...options }: OwnerOptions) => {
    const api = await openApi(terminal, options);
    const tokens: z.output<typeof token>[] = [];
    for await (const one of api.items(token, { path: placeOf(user), query: { limit: 1000 } })) {
      tokens.push(one);
    }
    const rows = tokens.map(({ id, label, scopes, createdAt, expiresAt, lastUsedAt }) => [
      id,
      label,
      scopes.length === 0 ? 'everything' : scopes.join(' '),
      createdAt,
      expiresAt ?? 'never',
      lastUsedAt ?? 'never',
    ]);
    const header = ['id', 'label', 'scopes', 'created', 'expires', 'last used'];
    terminal.print(json ? JSON.stringify({ tokens }, null, 2) : formatTable([header, ...rows]));
    finish(EXIT.ok);
  });
  const remove = group
    .command('delete')
    .description('Delete an API key.')
    .argument('<id>')
    .option('--user <name>', 'whose (default: who asks)');
  addServerOptions(remove).action(async (id: string, { user, ...options }: OwnerOptions) => {
    const api = await openApi(terminal, options);
    await api.call(NOTHING, { method: 'DELETE', path: `${placeOf(user)}${apiPath`/${id}`}` });
    terminal.print(`The API key ${id} is deleted.`);
    finish(EXIT.ok);
  });
}

function placeOf(user: string | undefined): string {
  return user === undefined ? '/tokens' : apiPath`/users/${user}/tokens`;
}

function collect(value: string, before: readonly string[]): readonly string[] {
  return [...before, value];
}
