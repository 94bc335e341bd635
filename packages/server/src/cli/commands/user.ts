import type { Command } from 'commander';
import { z } from 'zod';
import { type ApiClient, apiPath, NOTHING } from '../api/api-client.ts';
import { addServerOptions, openApi, SERVER_NOTES, type ServerOptions } from '../api/with-server.ts';
import { EXIT } from '../exit-code.ts';
import { formatTable } from '../table.ts';
import type { Terminal } from '../terminal.ts';
import type { StoreCommandContext } from '../with-store.ts';

const user = z.object({
  name: z.string(),
  source: z.string(),
  description: z.string(),
  groups: z.array(z.string()),
  hasPassword: z.boolean(),
  disabled: z.boolean(),
  declared: z.boolean(),
  createdAt: z.string().optional(),
  lastSeenAt: z.string().optional(),
});

type User = z.output<typeof user>;

interface JsonOptions extends ServerOptions {
  readonly json?: true;
}

interface CreateOptions extends JsonOptions {
  readonly source?: string;
  readonly description?: string;
  readonly passwordStdin?: true;
}

const NOTES = `
A user of another source than this store (htpasswd, ldap, oidc, mtls, token-server) appears at the first
login, or is written down before it with --source. A disabled user is kept out at once.

Examples:
  zas user create alice --password-stdin <password.txt
  zas user list
  zas user disable alice
  zas user move alice --source oidc
${SERVER_NOTES}`;

export function addUserCommands(program: Command, { terminal, finish }: StoreCommandContext): void {
  const group = program.command('user').description('Manage users.').addHelpText('after', NOTES);
  const create = group
    .command('create')
    .description('Make a user.')
    .argument('<name>', 'what the user is called')
    .option('--source <source>', 'who vouches for the user (default: local)')
    .option('--description <text>', 'who it is')
    .option('--password-stdin', 'read a password from standard input');
  addJsonOptions(create).action(async (name: string, options: CreateOptions) => {
    const { source, description, passwordStdin, json } = options;
    const password = passwordStdin && (await readPassword(terminal));
    const api = await openApi(terminal, options);
    const body = { name, source, description, ...(password !== undefined && { password }) };
    const made = await api.call(user, { method: 'POST', path: '/users', body });
    print(terminal, json, made, `There is a user ${made.name} now.`);
    finish(EXIT.ok);
  });
  const list = group.command('list').description('List users.');
  addJsonOptions(list).action(async ({ json, ...options }: JsonOptions) => {
    const api = await openApi(terminal, options);
    const users: User[] = [];
    for await (const one of api.items(user, { path: '/users', query: { limit: 1000 } })) users.push(one);
    if (json) terminal.print(JSON.stringify({ users }, null, 2));
    else terminal.print(tableOf(users));
    finish(EXIT.ok);
  });
  const show = group.command('show').description('Show a user.').argument('<name>');
  addJsonOptions(show).action(async (name: string, { json, ...options }: JsonOptions) => {
    const api = await openApi(terminal, options);
    const found = await api.call(user, { path: apiPath`/users/${name}` });
    print(terminal, json, found, tableOf([found]));
    finish(EXIT.ok);
  });
  const change = (name: string, body: object, api: ApiClient): Promise<User> =>
    api.call(user, { method: 'PATCH', path: apiPath`/users/${name}`, body });
  for (const [verb, disabled, description] of [
    ['disable', true, 'Keep a user out, with all passwords, keys and tokens, until enabled.'],
    ['enable', false, 'Let a disabled user in again.'],
  ] as const) {
    const command = group.command(verb).description(description).argument('<name>');
    addJsonOptions(command).action(async (name: string, { json, ...options }: JsonOptions) => {
      const changed = await change(name, { disabled }, await openApi(terminal, options));
      print(terminal, json, changed, `The user ${name} is ${verb}d.`);
      finish(EXIT.ok);
    });
  }
  const move = group
    .command('move')
    .description('Let another source vouch for a user. The password and the keys of the user are void then.')
    .argument('<name>')
    .requiredOption('--source <source>', 'who vouches from now on');
  addJsonOptions(move).action(
    async (name: string, { json, source, ...options }: JsonOptions & { readonly source: string }) => {
      const changed = await change(name, { source }, await openApi(terminal, options));
      print(terminal, json, changed, `The user ${name} is of source ${changed.source} now.`);
      finish(EXIT.ok);
    },
  );
  const setPassword = group
    .command('set-password')
    .description('Set the password of a local user, read from standard input.')
    .argument('<name>');
  addServerOptions(setPassword).action(async (name: string, options: ServerOptions) => {
    const password = await readPassword(terminal);
    const api = await openApi(terminal, options);
    await api.call(NOTHING, { method: 'PUT', path: apiPath`/users/${name}/password`, body: { password } });
    terminal.print(`The user ${name} has a new password.`);
    finish(EXIT.ok);
  });
  const remove = group
    .command('delete')
    .description('Forget a user, with memberships and keys.')
    .argument('<name>');
  addServerOptions(remove).action(async (name: string, options: ServerOptions) => {
    const api = await openApi(terminal, options);
    await api.call(NOTHING, { method: 'DELETE', path: apiPath`/users/${name}` });
    terminal.print(`The user ${name} is deleted.`);
    finish(EXIT.ok);
  });
}

/** A file or a pipe ends in a line break, which no password has. */
async function readPassword(terminal: Terminal): Promise<string> {
  return (await terminal.readInput()).replace(/\r?\n$/, '');
}

function addJsonOptions(command: Command): Command {
  return addServerOptions(command.option('--json', 'print JSON'));
}

function print(terminal: Terminal, json: true | undefined, value: User, text: string): void {
  terminal.print(json ? JSON.stringify(value, null, 2) : text);
}

function tableOf(users: readonly User[]): string {
  const rows = users.map(({ name, source, disabled, declared, groups, lastSeenAt, description }) => [
    name,
    source,
    [disabled ? 'disabled' : 'enabled', ...(declared ? ['declared'] : [])].join(', '),
    groups.join(', '),
    lastSeenAt ?? 'never',
    description,
  ]);
  return formatTable([['user', 'source', 'state', 'groups', 'last seen', 'description'], ...rows]);
}
