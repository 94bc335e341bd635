import { enableCompileCache } from 'node:module';
import { fileURLToPath } from 'node:url';

// Before anything else is loaded: a start with compiled code kept beside the sources takes half the time. Where the
// folder cannot be written, nothing is kept.
enableCompileCache(fileURLToPath(new URL('../node_modules/.cache/compile', import.meta.url)));

const { runCli } = await import('./cli/run-cli.ts');
const { processTerminal } = await import('./cli/terminal.ts');

process.exitCode = await runCli(process.argv.slice(2), processTerminal(), {
  serve: async (config, options) => (await import('./serve.ts')).serve(config, options),
  checkExtensions: async (config) =>
    (await import('./composition/check-extensions.ts')).checkExtensions(config),
  openStore: async (config, options) =>
    (await import('./composition/store-tools.ts')).openStore(config, options),
});
