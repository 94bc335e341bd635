import { resolve } from 'node:path';
import type { Command } from 'commander';
import type { ImportRequest } from '../../layout/transfer.ts';
import { also } from '../also.ts';
import { EXIT, type ExitCode } from '../exit-code.ts';
import { addStoreOptions, type ConfigOptions } from '../load-for-command.ts';
import { reportTransfer } from '../transfer-report.ts';
import { type StoreCommandContext, withWholeStore } from '../with-store.ts';

interface TransferOptions extends ConfigOptions {
  readonly copy?: true;
  readonly moveTags?: true;
  readonly json?: true;
}

interface ZotOptions extends TransferOptions {
  readonly repository?: readonly string[];
}

interface LayoutOptions extends TransferOptions {
  readonly repository?: string;
  readonly tag?: string;
}

const COMMON_NOTES = `
Every blob is read and compared with its digest. Files are shared by hard links where the filesystem
allows that (then nobody may change them in place), else copied. What is there already is skipped, so
a run that was cut off is finished by another. A server may run on the same data folder meanwhile;
the data folder is made when it is not there. Exit code 1: something was left out, or the run was
ended.`;

const ZOT_NOTES = `
The root directory is only read, best while zot is stopped. Each repository below it keeps its name;
images, tags and referrers come over under the digests they have. zot's databases are not needed.
${COMMON_NOTES}

Examples:
  zas import zot /var/lib/registry --data /srv/zas
  zas import zot /var/lib/registry --repository 'team/**' --repository tools`;

const LAYOUT_NOTES = `
With --repository the folder is one layout; a tag is taken from the name an image has in it, also
from a whole reference such as docker.io/library/alpine:3.20. Without --repository every layout below
the folder goes into the repository that the way to it names.
${COMMON_NOTES}

Examples:
  zas import oci-layout ./alpine --repository library/alpine
  zas import oci-layout ./one-image --repository app --tag v1
  zas import oci-layout ./exported`;

export function addImportCommands(program: Command, context: StoreCommandContext): void {
  const group = program.command('import').description('Bring in what other programs wrote to a disk.');
  const zot = group
    .command('zot')
    .description('Import the root directory of a zot.')
    .argument('<root-directory>', 'storage.rootDirectory of its configuration')
    .option(
      '--repository <pattern>',
      'only repositories that match; repeatable; ** crosses /, * does not',
      also,
    );
  addTransferOptions(zot, ZOT_NOTES).action(
    async (folder: string, { repository = [], ...options }: ZotOptions) =>
      context.finish(
        await runImport(context, { folder, what: { kind: 'tree', patterns: repository } }, options),
      ),
  );
  const layout = group
    .command('oci-layout')
    .description('Import an OCI image layout, or a folder of them.')
    .argument('<folder>', 'the layout, or a folder with layouts below it')
    .option('--repository <name>', 'repository for the images of the one layout')
    .option('--tag <tag>', 'tag for the only image of the layout');
  addTransferOptions(layout, LAYOUT_NOTES).action(
    async (folder: string, { repository, tag, ...options }: LayoutOptions) => {
      if (repository === undefined && tag !== undefined) {
        layout.error('zas: --tag needs --repository: it is for the image of one layout');
      }
      const what: ImportRequest['what'] =
        repository === undefined
          ? { kind: 'tree', patterns: [] }
          : { kind: 'layout', repository, ...(tag === undefined ? {} : { tag }) };
      context.finish(await runImport(context, { folder, what }, options));
    },
  );
}

function addTransferOptions(command: Command, notes: string): Command {
  command
    .option('--copy', 'copy, and make no hard links')
    .option('--move-tags', 'move tags that are there and name another manifest')
    .option('--json', 'print JSON')
    .addHelpText('after', notes);
  return addStoreOptions(command);
}

async function runImport(
  context: StoreCommandContext,
  { folder, what }: Pick<ImportRequest, 'folder' | 'what'>,
  options: TransferOptions,
): Promise<ExitCode> {
  const { terminal } = context;
  const request = {
    folder: resolve(terminal.cwd, folder),
    what,
    mayLink: options.copy !== true,
    movesTags: options.moveTags === true,
  };
  const report = await withWholeStore(context, { ...options, createIfMissing: true }, (store, signal) =>
    store.importLayouts(request, { signal }),
  );
  return report === undefined
    ? EXIT.usage
    : reportTransfer(terminal, report, { json: options.json === true });
}
