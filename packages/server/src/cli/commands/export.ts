import { resolve } from 'node:path';
import type { Command } from 'commander';
import type { ExportRequest } from '../../layout/transfer.ts';
import { also } from '../also.ts';
import { EXIT, type ExitCode } from '../exit-code.ts';
import { addStoreOptions, type ConfigOptions } from '../load-for-command.ts';
import { reportTransfer } from '../transfer-report.ts';
import { type StoreCommandContext, withWholeStore } from '../with-store.ts';

interface ExportOptions extends ConfigOptions {
  readonly repository?: string;
  readonly tag?: readonly string[];
  readonly copy?: true;
  readonly json?: true;
}

const NOTES = `
With --repository the folder becomes one OCI image layout. Without it every repository becomes a
layout in the folder that its name spells below the given one: zot serves that as its root directory,
and "zas import oci-layout" takes it back. With --tag only those tags come, with all they need and
all that refers to them.

Files are shared with the store by hard links where the filesystem allows that (then nobody may
change them in place), else copied. The folder is made when it is not there; what it has already is
compared and kept, so a run that was cut off is finished by another, and nothing is removed from it.
A server may run on the data folder meanwhile. Exit code 1: something was left out, or the run was
ended.

Examples:
  zas export oci-layout ./everything --data /srv/zas
  zas export oci-layout ./alpine --repository library/alpine --tag 3.20 --tag latest`;

export function addExportCommand(program: Command, context: StoreCommandContext): void {
  const group = program.command('export').description('Write content to a disk for other programs.');
  const command = group
    .command('oci-layout')
    .description('Write one repository as an OCI image layout, or all as a folder of them.')
    .argument('<folder>', 'where to')
    .option('--repository <name>', 'the one repository to write')
    .option('--tag <tag>', 'only this tag of the repository; repeatable', also)
    .option('--copy', 'copy, and make no hard links')
    .option('--json', 'print JSON')
    .addHelpText('after', NOTES);
  addStoreOptions(command).action(async (folder: string, options: ExportOptions) => {
    if (options.repository === undefined && options.tag !== undefined) {
      command.error('zas: --tag needs --repository');
    }
    context.finish(await runExport(context, folder, options));
  });
}

async function runExport(
  context: StoreCommandContext,
  folder: string,
  { repository, tag = [], ...options }: ExportOptions,
): Promise<ExitCode> {
  const { terminal } = context;
  const request: ExportRequest = {
    folder: resolve(terminal.cwd, folder),
    what: repository === undefined ? { kind: 'tree' } : { kind: 'repository', repository, tags: tag },
    mayLink: options.copy !== true,
  };
  const report = await withWholeStore(context, { ...options, createIfMissing: false }, (store, signal) =>
    store.exportLayouts(request, { signal }),
  );
  return report === undefined
    ? EXIT.usage
    : reportTransfer(terminal, report, { json: options.json === true });
}
