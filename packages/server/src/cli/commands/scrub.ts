import type { Command } from 'commander';
import { EXIT, type ExitCode } from '../exit-code.ts';
import { addStoreOptions, type ConfigOptions } from '../load-for-command.ts';
import { formatTable } from '../table.ts';
import { endedEarly, type StoreCommandContext, volumeName, withStore } from '../with-store.ts';

interface ScrubCommandOptions extends ConfigOptions {
  readonly fromStart?: true;
  readonly json?: true;
}

const NOTES = `
Every blob is read and compared with its digest. An altered one is put in quarantine, so that it is
never served, and the repositories and manifests it hits are named; pushing it again heals it. A run
that was ended goes on where it stopped. Exit code 1: damage was found, or the run was ended.`;

export function addScrubCommand(program: Command, context: StoreCommandContext): void {
  const command = program
    .command('scrub')
    .description('Read all content and find what is altered.')
    .option('--from-start', 'begin anew instead of where an earlier run stopped')
    .option('--json', 'print JSON')
    .addHelpText('after', NOTES);
  addStoreOptions(command).action(async (options: ScrubCommandOptions) =>
    context.finish(await scrub(context, options)),
  );
}

async function scrub(context: StoreCommandContext, options: ScrubCommandOptions): Promise<ExitCode> {
  const { terminal } = context;
  const reports = await withStore(context, options, (store, volume, signal) =>
    store.scrub(volume, { fromStart: options.fromStart === true, signal }),
  );
  if (reports === undefined) return EXIT.usage;
  if (options.json) terminal.print(JSON.stringify({ volumes: reports }, null, 2));
  else {
    const header = ['volume', 'blobs', 'bytes', 'damaged', 'healed', 'unreadable'];
    const rows = reports.map((report) => [
      volumeName(report.volume),
      String(report.checkedBlobs),
      String(report.checkedBytes),
      String(report.damagedBlobs),
      String(report.healed),
      String(report.unreadable),
    ]);
    terminal.print(formatTable([header, ...rows]));
    for (const { digest, reason, owners } of reports.flatMap((report) => report.damaged)) {
      terminal.print(`\n${digest} is ${reason}; it is needed by:`);
      for (const owner of owners) terminal.print(`  ${describeOwner(owner)}`);
      if (owners.length === 0) terminal.print('  nothing');
    }
  }
  if (reports.some((report) => !report.complete)) return endedEarly(terminal);
  const isWhole = reports.every((report) => report.damagedBlobs === 0 && report.unreadable === 0);
  return isWhole ? EXIT.ok : EXIT.failed;
}

/** `manifest library/alpine sha256:...`, from the tuple that starts with the kind of owner. */
function describeOwner(owner: readonly unknown[]): string {
  return owner
    .map((part) => (typeof part === 'object' && part !== null && 'digest' in part ? part.digest : part))
    .map(String)
    .join(' ');
}
