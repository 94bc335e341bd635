import { StoreError } from '@zot-artifact-store/spec';
import type { Command } from 'commander';
import type { AccessKey } from '../../extensions/s3/auth/access-keys.ts';
import { apiKeyTools } from '../api/api-key-tools.ts';
import { isServerNamed } from '../api/server-url.ts';
import { addServerOptions, openApi, type ServerOptions } from '../api/with-server.ts';
import { EXIT, type ExitCode } from '../exit-code.ts';
import { addStoreOptions, type ConfigOptions } from '../load-for-command.ts';
import type { AccessKeyTools } from '../services.ts';
import { formatTable } from '../table.ts';
import { type StoreCommandContext, withWholeStore } from '../with-store.ts';

interface KeyOptions extends ConfigOptions, ServerOptions {
  readonly json?: true;
}

interface CreateOptions extends KeyOptions {
  readonly user?: string;
  readonly description?: string;
  readonly accessKey?: string;
  readonly secretKeyStdin?: true;
}

interface ListOptions extends KeyOptions {
  readonly user?: string;
}

const NOTES = `
Access keys sign requests of S3 clients in the name of a user. The root user needs none: its name and
password are an access key and its secret.

With --server or ZAS_SERVER the keys are those of that server: one's own, or, for administrators, all.
Otherwise, and with --data or --config, they are changed in the store itself, on its machine; a server
may run on it meanwhile, and every change counts at once.

Examples:
  zas key create --user alice --description 'nightly backup'
  zas key create --user alice --access-key AKIAIOSFODNN7EXAMPLE --secret-key-stdin <secret.txt
  zas key list --user alice
  zas key create --server https://zas.example.com
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
    .option('--user <name>', "whose key it is (default: one's own, when a server is asked)")
    .option('--description <text>', 'what it is for')
    .option('--access-key <id>', 'bring along this access key; needs --secret-key-stdin')
    .option('--secret-key-stdin', 'read its secret from standard input')
    .addHelpText('after', CREATE_NOTES);
  addKeyOptions(create).action(async (options: CreateOptions) => {
    if ((options.accessKey === undefined) !== (options.secretKeyStdin === undefined)) {
      create.error('zas: --access-key and --secret-key-stdin go together');
    }
    if (options.user === undefined && !asksServer(context, options)) {
      create.error("zas: required option '--user <name>' not specified");
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
  const made = await withKeys(context, { ...configOptions, createIfMissing: true }, (keys) =>
    keys.create({
      ...(user !== undefined && { user }),
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
  const keys = await withKeys(context, { ...options, createIfMissing: false }, (tools) => tools.list(user));
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
    const changed = await withKeys(context, { ...options, createIfMissing: false }, (keys) =>
      keys[change.name](accessKeyId),
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
  return addServerOptions(addStoreOptions(command.option('--json', 'print JSON')));
}

/** Options go before the environment: whoever names a store means the store. */
function asksServer(
  { terminal }: Pick<StoreCommandContext, 'terminal'>,
  { server, data, config }: ConfigOptions & ServerOptions,
): boolean {
  if (server !== undefined && (data !== undefined || config !== undefined)) {
    throw new StoreError(
      'argument-invalid',
      'Name either a server, with --server, or a store, with --data or --config.',
    );
  }
  return (
    server !== undefined ||
    (data === undefined && config === undefined && isServerNamed(undefined, terminal.env))
  );
}

/** Runs `work` on the keys of the server or of the store; undefined when the configuration cannot be used. */
async function withKeys<Result>(
  context: StoreCommandContext,
  options: ConfigOptions & ServerOptions & { readonly createIfMissing: boolean },
  work: (keys: AccessKeyTools) => Promise<Result>,
): Promise<Result | undefined> {
  if (asksServer(context, options)) return work(apiKeyTools(await openApi(context.terminal, options)));
  return withWholeStore(context, options, (store) => work(store.accessKeys));
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
