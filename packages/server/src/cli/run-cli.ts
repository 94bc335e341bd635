import { Command, CommanderError } from 'commander';
import { readVersion } from '../composition/read-version.ts';
import { COMMAND_GROUPS } from './command-groups.ts';
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
  try {
    const program = await buildProgram(terminal, services, {
      finish: (code) => {
        exitCode = code;
      },
      asked: knownCommand(argv[0]),
    });
    await program.parseAsync(argv, { from: 'user' });
    return exitCode;
  } catch (error) {
    // Help and version arrive here as well, with code 0; everything else commander throws is wrong usage, said already.
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    return reportFailure(terminal, error);
  }
}

/** `asked` alone, where it is a command there is; else all, for help and for what may have been meant. */
async function buildProgram(
  terminal: Terminal,
  services: Services,
  { finish, asked }: { readonly finish: (code: ExitCode) => void; readonly asked: string | undefined },
): Promise<Command> {
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
  for (const { heading, files } of COMMAND_GROUPS) {
    program.commandsGroup(heading);
    for (const { names, load } of files) {
      if (asked === undefined || names.includes(asked)) (await load())(program, context);
    }
  }
  return program;
}

/** Undefined for what is no command, or none at all. */
function knownCommand(word: string | undefined): string | undefined {
  const isKnown = COMMAND_GROUPS.some(({ files }) => files.some(({ names }) => names.includes(word ?? '')));
  return isKnown ? word : undefined;
}
