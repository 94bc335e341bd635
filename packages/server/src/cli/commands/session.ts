import type { Command } from 'commander';
import { z } from 'zod';
import { apiPath, NOTHING } from '../api/api-client.ts';
import { addServerOptions, openApi, SERVER_NOTES, type ServerOptions } from '../api/with-server.ts';
import { EXIT } from '../exit-code.ts';
import { formatTable } from '../table.ts';
import type { StoreCommandContext } from '../with-store.ts';

const session = z.object({
  id: z.string(),
  user: z.string(),
  provider: z.string(),
  createdAt: z.string(),
  expiresAt: z.string(),
  address: z.string(),
});

interface ListOptions extends ServerOptions {
  readonly user?: string;
  readonly all?: true;
  readonly json?: true;
}

const NOTES = `
A session is a login of a browser. Everybody sees and ends their own; those of others take the right
admin:ListSessions or admin:EndSession.

Examples:
  zas session list --all
  zas session revoke MKCa0PVaNQvcmhTUkx8CFH27xdo0Wdgmnm7l7ZuHpT4
${SERVER_NOTES}`;

export function addSessionCommands(program: Command, { terminal, finish }: StoreCommandContext): void {
  const group = program
    .command('session')
    .description('See and end logins of browsers.')
    .addHelpText('after', NOTES);
  const list = group
    .command('list')
    .description('List sessions: your own, or those of a user, or of all.')
    .option('--user <name>', 'whose sessions')
    .option('--all', 'of all users')
    .option('--json', 'print JSON');
  addServerOptions(list).action(async ({ user, all, json, ...options }: ListOptions) => {
    const api = await openApi(terminal, options);
    const query = { user: all ? '*' : user, limit: 1000 };
    const found: z.output<typeof session>[] = [];
    for await (const one of api.items(session, { path: '/sessions', query })) found.push(one);
    if (json) {
      terminal.print(JSON.stringify({ sessions: found }, null, 2));
    } else {
      const header = ['session', 'user', 'provider', 'since', 'until', 'from'];
      const rows = found.map(({ id, user: name, provider, createdAt, expiresAt, address }) => [
        id,
        name,
        provider,
        createdAt,
        expiresAt,
        address,
      ]);
      terminal.print(formatTable([header, ...rows]));
    }
    finish(EXIT.ok);
  });
  const revoke = group
    .command('revoke')
    .description('End a session at once.')
    .argument('<session>', 'its id');
  addServerOptions(revoke).action(async (id: string, options: ServerOptions) => {
    const api = await openApi(terminal, options);
    await api.call(NOTHING, { method: 'DELETE', path: apiPath`/sessions/${id}` });
    terminal.print(`The session ${id} is over.`);
    finish(EXIT.ok);
  });
}
