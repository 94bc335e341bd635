import type { Command } from 'commander';
import { EXIT, type ExitCode } from '../exit-code.ts';
import { addStoreOptions, type ConfigOptions } from '../load-for-command.ts';
import { formatTable } from '../table.ts';
import { type StoreCommandContext, volumeName, withStore } from '../with-store.ts';

interface FsckCommandOptions extends ConfigOptions {
  readonly json?: true;
}

const NOTES = `
Compares records, references, tags and files with each other and writes nothing; contents are not
read (zas scrub reads them). Errors are things that are missing; notes are things that wait or leak.
A server may run on the same data folder meanwhile. Exit code 1: there are errors.`;

export function addFsckCommand(program: Command, context: StoreCommandContext): void {
  const command = program
    .command('fsck')
    .description('Check that nothing that is referred to is missing.')
    .option('--json', 'print JSON')
    .addHelpText('after', NOTES);
  addStoreOptions(command).action(async (options: FsckCommandOptions) =>
    context.finish(await fsck(context, options)),
  );
}

async function fsck(context: StoreCommandContext, options: FsckCommandOptions): Promise<ExitCode> {
  const { terminal } = context;
  const reports = await withStore(context, options, (store, volume, signal) =>
    store.fsck(volume, { signal }),
  );
  if (reports === undefined) return EXIT.usage;
  if (options.json) terminal.print(JSON.stringify({ volumes: reports }, null, 2));
  else {
    const header = ['volume', 'blobs', 'bytes', 'references', 'files', 'unowned', 'errors', 'notes'];
    const rows = reports.map((report) => [
      volumeName(report.volume),
      String(report.blobs),
      String(report.blobBytes),
      String(report.edges),
      String(report.objects),
      String(report.unownedBlobs),
      String(report.errorCount),
      String(report.noteCount),
    ]);
    terminal.print(formatTable([header, ...rows]));
    for (const report of reports) {
      for (const { kind, digest, detail } of report.errors) {
        terminal.print(`error: ${kind}: ${[digest, detail].filter(Boolean).join(' ')}`);
      }
      for (const { kind, digest, detail } of report.notes) {
        terminal.print(`note: ${kind}: ${[digest, detail].filter(Boolean).join(' ')}`);
      }
      const unlisted = report.errorCount + report.noteCount - report.errors.length - report.notes.length;
      if (unlisted > 0) terminal.print(`and ${unlisted} more in ${volumeName(report.volume)}`);
    }
  }
  return reports.some((report) => report.errorCount > 0) ? EXIT.failed : EXIT.ok;
}
