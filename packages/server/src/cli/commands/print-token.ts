import { StoreError } from '@zot-artifact-store/spec';
import type { Command } from 'commander';
import { addServerOptions, openApi, type ServerOptions } from '../api/with-server.ts';
import { EXIT } from '../exit-code.ts';
import { storedToken } from '../login/stored-token.ts';
import type { StoreCommandContext } from '../with-store.ts';

const NOTES = `
For programs that want a token: as password of docker, as web identity of aws. It lives for minutes, and is
refreshed when needed. Whoever has it is you for so long.

Examples:
  zas print-token | docker login -u oauth2 --password-stdin registry.example.com
  aws sts assume-role-with-web-identity --web-identity-token "$(zas print-token)" ...`;

export function addPrintTokenCommand(program: Command, { terminal, finish }: StoreCommandContext): void {
  const command = program
    .command('print-token')
    .description('Print the access token of the login at a server ("zas login").')
    .addHelpText('after', NOTES);
  addServerOptions(command).action(async (options: ServerOptions) => {
    const { serverUrl } = await openApi(terminal, options);
    const token = await storedToken(serverUrl, terminal.env);
    if (token === undefined) {
      throw new StoreError(
        'unauthenticated',
        `Nobody is logged in to ${serverUrl}; log in with "zas login".`,
      );
    }
    terminal.print(token);
    finish(EXIT.ok);
  });
}
