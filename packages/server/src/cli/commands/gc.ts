import type { Command } from 'commander';
import { EXIT, type ExitCode } from '../exit-code.ts';
import { addStoreOptions, type ConfigOptions } from '../load-for-command.ts';
import { formatTable } from '../table.ts';
import { endedEarly, type StoreCommandContext, volumeName, withStore } from '../with-store.ts';

interface GcOptions extends ConfigOptions {
  readonly dryRun?: true;
  readonly untagged?: true;
  readonly json?: true;
}

const NOTES = `
Content that nothing refers to is removed once it is older than storage.gcDelay. A server may run on
the same data folder meanwhile. Exit code 1: something could not be removed, or the run was ended.

Examples:
  zas gc --data /srv/zas --dry-run
  zas gc --config config.json --untagged`;

export function addGcCommand(program: Command, context: StoreCommandContext): void {
  const command = program
    .command('gc')
    .description('Remove content that nothing refers to.')
    .option('--dry-run', 'report what would be removed, and remove nothing')
    .option('--untagged', 'also remove manifests that no tag, index or subject holds')
    .option('--json', 'print JSON')
    .addHelpText('after', NOTES);
  addStoreOptions(command).action(async (options: GcOptions) => context.finish(await gc(context, options)));
}

async function gc(context: StoreCommandContext, options: GcOptions): Promise<ExitCode> {
  const { terminal } = context;
  const dryRun = options.dryRun === true;
  const reports = await withStore(context, options, (store, volume, signal) =>
    store.collectGarbage(volume, { dryRun, untagged: options.untagged === true, signal }),
  );
  if (reports === undefined) return EXIT.usage;
  if (options.json) terminal.print(JSON.stringify({ dryRun, volumes: reports }, null, 2));
  else {
    const would = dryRun ? 'would remove' : 'removed';
    const header = [
      'volume',
      'looked at',
      'in use',
      `${would} blobs`,
      'bytes',
      'untagged manifests',
      'failures',
    ];
    const rows = reports.map((report) => [
      volumeName(report.volume),
      String(report.examined),
      String(report.kept),
      String(report.collectedBlobs),
      String(report.collectedBytes),
      String(report.untaggedManifests),
      String(report.failures),
    ]);
    terminal.print(formatTable([header, ...rows]));
  }
  if (reports.some((report) => !report.complete)) return endedEarly(terminal);
  return reports.some((report) => report.failures > 0) ? EXIT.failed : EXIT.ok;
}
