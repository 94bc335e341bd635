import type { Command } from 'commander';
import { EXIT, type ExitCode } from '../exit-code.ts';
import { addStoreOptions, type ConfigOptions } from '../load-for-command.ts';
import type { ObjectAddress, ObjectFacts } from '../services.ts';
import { formatTable } from '../table.ts';
import { type StoreCommandContext, withWholeStore } from '../with-store.ts';

interface StatOptions extends ConfigOptions {
  readonly versionId?: string;
  readonly json?: true;
}

const NOTES = `
The digest is that of the whole content, by which the same bytes are an OCI blob. It is pending for a
large object that came in parts, until the server has read it once, and is not kept of objects that a
client encrypts with its own key.

Examples:
  zas stat s3://photos/2024/cat.jpg
  zas stat s3://photos/2024/cat.jpg --version-id null --json`;

export function addStatCommand(program: Command, context: StoreCommandContext): void {
  const command = program
    .command('stat')
    .description('Say what is stored under the key of an S3 bucket.')
    .argument('<object>', 's3://bucket/key')
    .option('--version-id <id>', 'this version instead of the current one')
    .option('--json', 'print JSON')
    .addHelpText('after', NOTES);
  addStoreOptions(command).action(async (url: string, { versionId, ...options }: StatOptions) => {
    const place = parseUrl(url) ?? command.error(`zas: "${url}" is not an object; write s3://bucket/key`);
    const address = versionId === undefined ? place : { ...place, versionId };
    context.finish(await stat(context, address, options));
  });
}

/** The key is taken as it is written; nothing in it is decoded. */
function parseUrl(url: string): ObjectAddress | undefined {
  const [, bucket, key] = /^s3:\/\/([^/]+)\/(.+)$/s.exec(url) ?? [];
  return bucket === undefined || key === undefined ? undefined : { bucket, key };
}

async function stat(
  context: StoreCommandContext,
  address: ObjectAddress,
  { json, ...options }: Omit<StatOptions, 'versionId'>,
): Promise<ExitCode> {
  const { terminal } = context;
  const facts = await withWholeStore(context, { ...options, createIfMissing: false }, (store) =>
    store.objects.stat(address),
  );
  if (facts === undefined) return EXIT.usage;
  terminal.print(json ? JSON.stringify(shown(address, facts), null, 2) : formatTable(rowsOf(address, facts)));
  return EXIT.ok;
}

function shown({ bucket, key }: ObjectAddress, { modifiedAtMs, digest, ...facts }: ObjectFacts) {
  return {
    bucket,
    key,
    ...facts,
    modifiedAt: new Date(modifiedAtMs).toISOString(),
    digest: digest ?? null,
  };
}

function rowsOf({ bucket, key }: ObjectAddress, facts: ObjectFacts): readonly (readonly string[])[] {
  const { checksum, partsCount } = facts;
  return [
    ['Object:', `s3://${bucket}/${key}`],
    ['Size:', `${facts.sizeBytes} bytes`],
    ['Type:', facts.contentType],
    ['Modified:', new Date(facts.modifiedAtMs).toISOString()],
    ['Version:', facts.versionId],
    ['Owner:', facts.owner],
    ['ETag:', facts.etag],
    ['Digest:', facts.digest ?? (facts.encryption === 'customer key' ? 'not kept' : 'pending')],
    ...(facts.encryption === undefined ? [] : [['Encryption:', facts.encryption]]),
    ...(checksum === undefined
      ? []
      : [['Checksum:', `${checksum.algorithm} ${checksum.value} (${checksum.type})`]]),
    ...(partsCount === undefined ? [] : [['Parts:', String(partsCount)]]),
  ];
}
