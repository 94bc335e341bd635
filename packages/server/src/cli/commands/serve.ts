import type { Command } from 'commander';
import { openLog } from '../../log/logger.ts';
import { EXIT, type ExitCode } from '../exit-code.ts';
import { addStoreOptions, type ConfigOptions, loadForCommand } from '../load-for-command.ts';
import { failureFields } from '../report-failure.ts';
import type { Services } from '../services.ts';
import type { Terminal } from '../terminal.ts';

const EXAMPLES = `
Examples:
  zas serve                                     on 127.0.0.1:8080 with ./data; root only
  zas serve --host 0.0.0.0 --port 5000 --data /srv/zas
  zas serve config.json                         with zot's configuration file, as it is

Options win over the environment (ZAS_CONFIG, ZAS_HOST, ZAS_PORT, ZAS_DATA), which wins over the
file. ZAS_ROOT_USER and ZAS_ROOT_PASSWORD (or ZAS_ROOT_PASSWORD_FILE) set who root is; else the
password is made once and kept in the data folder, in root-password. ZAS_SECRET_KEY_FILE names the
file with the key that stored secrets are encrypted with (64 hex digits); else it is made once and
kept in the data folder, in secret.key. When requests are served, one line with the word "ready" and
the URL is printed. The log goes to standard error.`;

export function addServeCommand(
  program: Command,
  context: {
    readonly terminal: Terminal;
    readonly services: Services;
    readonly finish: (code: ExitCode) => void;
  },
): void {
  const command = program
    .command('serve')
    .description('Serve the registry.')
    .argument('[config]', 'configuration file, as --config')
    .option('--host <address>', 'address to listen on (default: 127.0.0.1)')
    .option('--port <port>', 'port to listen on; 0 lets the system choose (default: 8080)')
    .option('--workers <count>', 'processes that serve requests (default: one per core)')
    .option('--log-level <level>', 'trace, debug, info, warn, error or fatal (default: info)')
    .addHelpText('after', EXAMPLES);
  addStoreOptions(command).action(async (file: string | undefined, options: ConfigOptions) => {
    if (file !== undefined && options.config !== undefined && file !== options.config) {
      command.error('zas: the configuration file is given twice, as an argument and as --config');
    }
    const config = file ?? options.config;
    context.finish(await serve(context, { ...options, ...(config === undefined ? {} : { config }) }));
  });
}

async function serve(
  { terminal, services }: { readonly terminal: Terminal; readonly services: Services },
  options: ConfigOptions,
): Promise<ExitCode> {
  const loaded = await loadForCommand(terminal, options);
  if (loaded === undefined) return EXIT.usage;
  const { log, flush } = openLog(loaded.config.log);
  try {
    for (const { place, message } of loaded.remarks)
      log.warn({ key: place, message }, 'remark on the configuration');
    await services.serve(loaded.config, { log, print: terminal.print });
    return EXIT.ok;
  } catch (error) {
    log.fatal(failureFields(error), 'server ended');
    throw error;
  } finally {
    flush();
  }
}
