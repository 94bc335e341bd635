import type { Command } from 'commander';
import { z } from 'zod';
import { addServerOptions, openApi, SERVER_NOTES, type ServerOptions } from '../api/with-server.ts';
import { EXIT } from '../exit-code.ts';
import { formatTable } from '../table.ts';
import type { StoreCommandContext } from '../with-store.ts';

const caller = z.union([
  z.object({ anonymous: z.literal(true) }),
  z.object({
    name: z.string(),
    groups: z.array(z.string()),
    roles: z.array(z.string()),
    via: z.string(),
    isRoot: z.boolean(),
    subject: z.object({ issuer: z.string(), id: z.string() }).optional(),
    credential: z.object({ kind: z.string(), id: z.string() }).optional(),
  }),
]);

type Caller = z.output<typeof caller>;

export function addWhoAmICommand(program: Command, { terminal, finish }: StoreCommandContext): void {
  const command = program
    .command('whoami')
    .description('Say who you are to a server.')
    .option('--json', 'print JSON')
    .addHelpText('after', SERVER_NOTES);
  addServerOptions(command).action(async ({ json, ...options }: ServerOptions & { readonly json?: true }) => {
    const api = await openApi(terminal, options);
    const answer = await api.call(caller, { path: '/whoami' });
    terminal.print(json ? JSON.stringify(answer, null, 2) : formatTable(rowsOf(answer, api.serverUrl)));
    finish(EXIT.ok);
  });
}

function rowsOf(answer: Caller, server: string): readonly (readonly string[])[] {
  if ('anonymous' in answer)
    return [
      ['Server:', server],
      ['User:', 'nobody (no credentials were given)'],
    ];
  const { name, groups, roles, via, isRoot, subject, credential } = answer;
  return [
    ['Server:', server],
    ['User:', isRoot ? `${name} (root)` : name],
    ['Proved by:', credential === undefined ? via : `${via}, ${credential.kind} ${credential.id}`],
    ...(groups.length > 0 ? [['Groups:', groups.join(', ')]] : []),
    ...(roles.length > 0 ? [['Roles:', roles.join(', ')]] : []),
    ...(subject === undefined ? [] : [['Identity:', `${subject.id} of ${subject.issuer}`]]),
  ];
}
