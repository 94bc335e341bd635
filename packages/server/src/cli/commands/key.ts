import type { Command } from 'commander';
import type { AccessKey } from '../../extensions/s3/auth/access-keys.ts';
import { EXIT, type ExitCode } from '../exit-code.ts';
import { addStoreOptions, type ConfigOptions } from '../load-for-command.ts';
import { formatTable } from '../table.ts';
import { type StoreCommandContext, withWholeStore } from '../with-store.ts';

interface KeyOptions extends ConfigOptions {
  readonly json?: true;
}

interface CreateOptions extends KeyOptions {
  readonly user: string;
  readonly description?: string;
  readonly accessKey?: string;
  readonly secretKeyStdin?: true;
}

interface ListOptions extends KeyOptions {
  readonly user?: string;
}

const NOTES = `
Access keys sign requests of S3 clients in the name of a user. The root user needs none: its name and
password are an access key and its secret. A server may run on the same data folder meanwhile; every
change counts at once.

Examples:
  zas key create --user alice --description 'nightly backup'
  zas key create --user alice --access-key AKIAIOSFODNN7EXAMPLE --secret-key-stdin <secret.txt
  zas key list --user alice
  zas key disable ZASXQJ3N5Y7A2B4C6D8E`;

const CREATE_NOTES = `
The secret is shown once and kept sealed; if it is lost, delete the key and make another. With
--access-key and --secret-key-stdin a key is brought along from another store, so that clients need
no change. The data folder is made when it is not there.`;

export function addKeyCommands(program: Command, context: StoreCommandContext): void {
  const group = program
    .command('key')
    .description('Make and manage the access keys of S3 users.')
    .addHelpText('after', NOTES);
  const create = group
    .command('create')
    .description('Make an access key for a user.')
    .requiredOption('--user <name>', 'whose key it is')
    .option('--description <text>', 'what it is for')
    .option('--access-key <id>', 'bring along this access key; needs --secret-key-stdin')
    .option('--secret-key-stdin', 'read its secret from standard input')
    .addHelpText('after', CREATE_NOTES);
  addKeyOptions(create).action(async (options: CreateOptions) => {
    if ((options.accessKey === undefined) !== (options.secretKeyStdin === undefined)) {
      create.error('zas: --access-key and --secret-key-stdin go together');
    }
    context.finish(await createKey(context, options));
  });
  const list = group
    .command('list')
    .description('List access keys, without their secrets.')
    .option('--user <name>', 'only those of this user');
  addKeyOptions(list).action(async (options: ListOptions) =>
    context.finish(await listKeys(context, options)),
  );
  addChange(group, context, {
    name: 'disable',
    description: 'Keep an access key from working, until it is enabled.',
    done: 'disabled',
  });
  addChange(group, context, {
    name: 'enable',
    description: 'Let a disabled access key work again.',
    done: 'enabled',
  });
  addChange(group, context, {
    name: 'delete',
    description: 'Delete an access key for good.',
    done: 'deleted',
  });
}

async function createKey(context: StoreCommandContext, options: CreateOptions): Promise<ExitCode> {
  const { terminal } = context;
  const { user, description, accessKey, secretKeyStdin, json, ...configOptions } = options;
  // A file or a pipe ends in a line break, which no secret has.
  const brought = secretKeyStdin && (await terminal.readInput()).replace(/\r?\n$/, '');
  const made = await withWholeStore(context, { ...configOptions, createIfMissing: true }, (store) =>
    store.accessKeys.create({
      user,
      ...(description !== undefined && { description }),
      ...(accessKey !== undefined && { accessKeyId: accessKey }),
      ...(brought !== undefined && { secretAccessKey: brought }),
    }),
  );
  if (made === undefined) return EXIT.usage;
  const { secretAccessKey, ...key } = made;
  const secret = brought === undefined ? { secretAccessKey } : {};
  if (json) {
    terminal.print(JSON.stringify({ ...shown(key), ...secret }, null, 2));
    return EXIT.ok;
  }
  terminal.print(
    formatTable([
      ['Access key:', key.accessKeyId],
      ...(brought === undefined ? [['Secret key:', secretAccessKey]] : []),
      ['User:', key.user],
    ]),
  );
  if (brought === undefined) terminal.print('The secret key is not shown again.');
  return EXIT.ok;
}

async function listKeys(
  context: StoreCommandContext,
  { user, json, ...options }: ListOptions,
): Promise<ExitCode> {
  const { terminal } = context;
  const keys = await withWholeStore(context, { ...options, createIfMissing: false }, (store) =>
    store.accessKeys.list(user),
  );
  if (keys === undefined) return EXIT.usage;
  if (json) {
    terminal.print(JSON.stringify({ keys: keys.map(shown) }, null, 2));
    return EXIT.ok;
  }
  const header = ['access key', 'user', 'state', 'created', 'description'];
  const rows = keys.map((key) => [
    key.accessKeyId,
    key.user,
    key.isEnabled ? 'enabled' : 'disabled',
    new Date(key.createdAtMs).toISOString(),
    key.description,
  ]);
  terminal.print(formatTable([header, ...rows]));
  return EXIT.ok;
}

function addChange(
  group: Command,
  context: StoreCommandContext,
  change: {
    readonly name: 'disable' | 'enable' | 'delete';
    readonly description: string;
    readonly done: string;
  },
): void {
  const command = group
    .command(change.name)
    .description(change.description)
    .argument('<access-key>', 'its id');
  addKeyOptions(command).action(async (accessKeyId: string, { json, ...options }: KeyOptions) => {
    const changed = await withWholeStore(context, { ...options, createIfMissing: false }, (store) =>
      store.accessKeys[change.name](accessKeyId),
    );
    if (changed === undefined) {
      context.finish(EXIT.usage);
      return;
    }
    const { terminal } = context;
    if (json) terminal.print(JSON.stringify({ ...shown(changed), change: change.done }, null, 2));
    else terminal.print(`The access key ${accessKeyId} of ${changed.user} is ${change.done}.`);
    context.finish(EXIT.ok);
  });
}

function addKeyOptions(command: Command): Command {
  return addStoreOptions(command.option('--json', 'print JSON'));
}

function shown({ accessKeyId, user, description, createdAtMs, isEnabled }: AccessKey) {
  return {
    accessKeyId,
    user,
    description,
    createdAt: new Date(createdAtMs).toISOString(),
    enabled: isEnabled,
  };
}
