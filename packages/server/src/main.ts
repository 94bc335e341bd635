import { runCli } from './cli/run-cli.ts';
import { processTerminal } from './cli/terminal.ts';

process.exitCode = await runCli(process.argv.slice(2), processTerminal(), {
  serve: async (config, options) => (await import('./serve.ts')).serve(config, options),
  openStore: async (config, options) =>
    (await import('./composition/store-tools.ts')).openStore(config, options),
});
