import type { Command } from 'commander';
import { BUILT_IN_SECTIONS } from '../../composition/built-in-sections.ts';
import { explainConfig } from '../../config/explain.ts';
import { configJsonSchema } from '../../config/json-schema.ts';
import { EXIT, type ExitCode } from '../exit-code.ts';
import { addStoreOptions, type ConfigOptions, loadForCommand, sentence } from '../load-for-command.ts';
import type { Services } from '../services.ts';
import { formatTable } from '../table.ts';
import type { Terminal } from '../terminal.ts';

interface Context {
  readonly terminal: Terminal;
  readonly services: Services;
  readonly finish: (code: ExitCode) => void;
}

/** `zas config check|explain|schema`, and zot's `verify` for the first. */
export function addConfigCommands(program: Command, context: Context): void {
  const { terminal, finish } = context;
  program
    .command('verify')
    .summary('Check a configuration file (as zot verify).')
    .description('Reports everything that is wrong with a configuration file, and what in it has no effect.')
    .argument('<config>', 'the file to check')
    .action(async (file: string) => finish(await checkConfig(context, file)));
  const config = program.command('config').description('Check, explain and describe configuration files.');
  config
    .command('check')
    .description('Reports everything that is wrong with a configuration file, and what in it has no effect.')
    .argument('<config>', 'the file to check')
    .action(async (file: string) => finish(await checkConfig(context, file)));
  addStoreOptions(
    config
      .command('explain')
      .description('Prints every setting in force with its value and where that came from.')
      .argument('[config]', 'the file to explain; without one, the defaults')
      .option('--json', 'print JSON'),
  ).action(async (file: string | undefined, options: ConfigOptions & { readonly json?: true }) =>
    finish(await explain(terminal, { ...options, ...(file === undefined ? {} : { config: file }) })),
  );
  config
    .command('schema')
    .description('Prints the JSON Schema of configuration files, for editors.')
    .action(() => terminal.print(JSON.stringify(configJsonSchema(BUILT_IN_SECTIONS), null, 2)));
}

async function checkConfig({ terminal, services }: Context, file: string): Promise<ExitCode> {
  const loaded = await loadForCommand(terminal, { config: file });
  if (loaded === undefined) return EXIT.usage;
  if (loaded.config.extensions.length > 0) {
    const problems = await services.checkExtensions(loaded.config);
    if (problems.length > 0) {
      terminal.complain('zas: the extensions of the configuration cannot be used:');
      for (const problem of problems) terminal.complain(`  ${problem}`);
      return EXIT.usage;
    }
  }
  terminal.print(`${file} can be used.`);
  for (const remark of loaded.remarks) terminal.print(`  ${sentence(remark)}`);
  return EXIT.ok;
}

async function explain(
  terminal: Terminal,
  options: ConfigOptions & { readonly json?: true },
): Promise<ExitCode> {
  const loaded = await loadForCommand(terminal, options);
  if (loaded === undefined) return EXIT.usage;
  const settings = explainConfig(loaded, BUILT_IN_SECTIONS);
  if (options.json) {
    terminal.print(JSON.stringify({ settings, remarks: loaded.remarks }, null, 2));
    return EXIT.ok;
  }
  const rows = settings.map(({ key, value, source }) => [key, value, `(${source})`]);
  terminal.print(formatTable(rows));
  if (loaded.remarks.length > 0) terminal.print('\nRemarks:');
  for (const remark of loaded.remarks) terminal.print(`  ${sentence(remark)}`);
  return EXIT.ok;
}
