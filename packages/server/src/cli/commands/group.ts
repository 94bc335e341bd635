import type { Command } from 'commander';
import { z } from 'zod';
import { apiPath, NOTHING } from '../api/api-client.ts';
import { addServerOptions, openApi, SERVER_NOTES, type ServerOptions } from '../api/with-server.ts';
import { EXIT } from '../exit-code.ts';
import { formatTable } from '../table.ts';
import type { StoreCommandContext } from '../with-store.ts';

const group = z.object({ name: z.string(), description: z.string(), declared: z.boolean() });

interface JsonOptions extends ServerOptions {
  readonly json?: true;
}

const NOTES = `
Groups of this store hold users of any source, also before their first login.

Examples:
  zas group create team-a
  zas group add team-a alice
  zas group members team-a
${SERVER_NOTES}`;

export function addGroupCommands(program: Command, { terminal, finish }: StoreCommandContext): void {
  const commands = program
    .command('group')
    .description('Manage groups of users.')
    .addHelpText('after', NOTES);
  const create = commands
    .command('create')
    .description('Make a group.')
    .argument('<name>')
    .option('--description <text>', 'what it is for');
  addServerOptions(create).action(
    async (name: string, { description, ...options }: ServerOptions & { readonly description?: string }) => {
      const api = await openApi(terminal, options);
      await api.call(group, { method: 'POST', path: '/groups', body: { name, description } });
      terminal.print(`There is a group ${name} now.`);
      finish(EXIT.ok);
    },
  );
  const list = commands.command('list').description('List groups.').option('--json', 'print JSON');
  addServerOptions(list).action(async ({ json, ...options }: JsonOptions) => {
    const api = await openApi(terminal, options);
    const groups: z.output<typeof group>[] = [];
    for await (const one of api.items(group, { path: '/groups', query: { limit: 1000 } })) groups.push(one);
    const rows = groups.map(({ name, declared, description }) => [
      name,
      declared ? 'declared' : '',
      description,
    ]);
    terminal.print(
      json ? JSON.stringify({ groups }, null, 2) : formatTable([['group', 'state', 'description'], ...rows]),
    );
    finish(EXIT.ok);
  });
  const members = commands
    .command('members')
    .description('List the members of a group.')
    .argument('<name>')
    .option('--json', 'print JSON');
  addServerOptions(members).action(async (name: string, { json, ...options }: JsonOptions) => {
    const api = await openApi(terminal, options);
    const found: string[] = [];
    const request = { path: apiPath`/groups/${name}/members`, query: { limit: 1000 } };
    for await (const one of api.items(z.string(), request)) found.push(one);
    terminal.print(json ? JSON.stringify({ members: found }, null, 2) : found.join('\n'));
    finish(EXIT.ok);
  });
  for (const [verb, method, done] of [
    ['add', 'PUT', 'is in'],
    ['remove', 'DELETE', 'is not in'],
  ] as const) {
    const command = commands
      .command(verb)
      .description(verb === 'add' ? 'Put a user into a group.' : 'Take a user out of a group.')
      .argument('<name>', 'of the group')
      .argument('<user>');
    addServerOptions(command).action(async (name: string, user: string, options: ServerOptions) => {
      const api = await openApi(terminal, options);
      await api.call(NOTHING, { method, path: apiPath`/groups/${name}/members/${user}` });
      terminal.print(`The user ${user} ${done} the group ${name}.`);
      finish(EXIT.ok);
    });
  }
  const remove = commands
    .command('delete')
    .description('Delete a group; nobody is a member any more.')
    .argument('<name>');
  addServerOptions(remove).action(async (name: string, options: ServerOptions) => {
    const api = await openApi(terminal, options);
    await api.call(NOTHING, { method: 'DELETE', path: apiPath`/groups/${name}` });
    terminal.print(`The group ${name} is deleted.`);
    finish(EXIT.ok);
  });
}
