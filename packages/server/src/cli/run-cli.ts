import { Command, CommanderError } from 'commander';
import { readVersion } from '../composition/read-version.ts';
import { addAuditCommands } from './commands/audit.ts';
import { addConfigCommands } from './commands/config.ts';
import { addExportCommand } from './commands/export.ts';
import { addFsckCommand } from './commands/fsck.ts';
import { addGcCommand } from './commands/gc.ts';
import { addGroupCommands } from './commands/group.ts';
import { addImportCommands } from './commands/import.ts';
import { addKeyCommands } from './commands/key.ts';
import { addLoginCommands } from './commands/login.ts';
import { addPolicyCommands } from './commands/policy.ts';
import { addPrintTokenCommand } from './commands/print-token.ts';
import { addScrubCommand } from './commands/scrub.ts';
import { addServeCommand } from './commands/serve.ts';
import { addSessionCommands } from './commands/session.ts';
import { addStatCommand } from './commands/stat.ts';
import { addTokenCommands } from './commands/token.ts';
import { addUserCommands } from './commands/user.ts';
import { addWhoAmICommand } from './commands/who-am-i.ts';
import { EXIT, type ExitCode } from './exit-code.ts';
import { reportFailure } from './report-failure.ts';
import type { Services } from './services.ts';
import type { Terminal } from './terminal.ts';

const DESCRIPTION =
  'Zot Artifact Store: an OCI registry over a content-addressed store. "zas help <command>" tells more of each command.';

const NOTES = `
Examples:
  zas serve                             start a registry on 127.0.0.1:8080 with its data in ./data
  zas serve config.yaml                 start it with a configuration; zot's file works
  zas verify config.yaml                say what is wrong with a configuration
  zas gc --data /srv/zas --dry-run      say what could be removed
  zas import zot /var/lib/registry      bring over what a zot has on its disk
  zas key create --user alice           make an access key for an S3 client
  zas audit list --user alice           say what alice did

Exit codes: 0 done; 1 failed, or found problems; 2 wrong usage or configuration; 3 the address to
listen on cannot be had.`;

/** Runs one command line (without node and script) to its end and gives the exit code. Never throws. */
export async function runCli(
  argv: readonly string[],
  terminal: Terminal,
  services: Services,
): Promise<ExitCode> {
  let exitCode: ExitCode = EXIT.ok;
  const program = buildProgram(terminal, services, (code) => {
    exitCode = code;
  });
  try {
    await program.parseAsync(argv, { from: 'user' });
    return exitCode;
  } catch (error) {
    // Help and version arrive here as well, with code 0; everything else commander throws is wrong usage, said already.
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    return reportFailure(terminal, error);
  }
}

function buildProgram(terminal: Terminal, services: Services, finish: (code: ExitCode) => void): Command {
  const program = new Command('zas')
    .description(DESCRIPTION)
    .version(readVersion(), '-v, --version', 'print the version')
    .addHelpText('after', NOTES)
    .showSuggestionAfterError()
    .exitOverride()
    .configureOutput({
      writeOut: (text) => terminal.print(text.replace(/\n$/, '')),
      writeErr: (text) => terminal.complain(text.replace(/\n$/, '')),
      outputError: (text, write) => write(text.replace(/^error: /, 'zas: ')),
      getOutHelpWidth: () => 100,
      getErrHelpWidth: () => 100,
    });
  const context = { terminal, services, finish };
  program.commandsGroup('Serving:');
  addServeCommand(program, context);
  addConfigCommands(program, context);
  program.commandsGroup('Looking after a store, on its machine:');
  addGcCommand(program, context);
  addScrubCommand(program, context);
  addFsckCommand(program, context);
  addImportCommands(program, context);
  addExportCommand(program, context);
  addStatCommand(program, context);
  program.commandsGroup('Administration:');
  addKeyCommands(program, context);
  addPolicyCommands(program, context);
  addLoginCommands(program, context);
  addPrintTokenCommand(program, context);
  addSessionCommands(program, context);
  addUserCommands(program, context);
  addGroupCommands(program, context);
  addTokenCommands(program, context);
  addAuditCommands(program, context);
  addWhoAmICommand(program, context);
  return program;
}
