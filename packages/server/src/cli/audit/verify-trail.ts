import { readFile, stat } from 'node:fs/promises';
import { StoreError } from '@zot-artifact-store/spec';
import { z } from 'zod';
import { parseVerifierKey, type VerifierKey } from '../../extensions/audit/trail/signing-key.ts';
import { type VerifyReport, verifyTrail } from '../../extensions/audit/trail/verify.ts';
import { EXIT, type ExitCode } from '../exit-code.ts';
import type { ConfigOptions } from '../load-for-command.ts';
import type { RememberedHead } from '../services.ts';
import { formatTable } from '../table.ts';
import { type StoreCommandContext, withWholeStore } from '../with-store.ts';

export interface VerifyTrailOptions extends ConfigOptions {
  readonly key?: readonly string[];
  readonly heads?: string;
  readonly json?: true;
}

/** What `zas audit heads` prints. */
export const headsAnswer = z.object({
  key: z.string(),
  streams: z.array(
    z.object({
      stream: z.string(),
      records: z.number(),
      head: z.string(),
      keptAfter: z.string().optional(),
    }),
  ),
});

/** Verifies the trail of a store, or, with `folder`, a copy of one that has no store beside it. */
export async function verifyAuditTrail(
  context: StoreCommandContext,
  folder: string | undefined,
  { key, heads, json, ...options }: VerifyTrailOptions,
): Promise<ExitCode> {
  const remembered = heads === undefined ? undefined : await readHeads(heads);
  const report =
    folder === undefined
      ? await withWholeStore(context, { ...options, createIfMissing: false }, (store, signal) =>
          store.audit.verify({ remembered: remembered?.streams ?? [], signal }),
        )
      : await verifyCopy(folder, keysOf(key, remembered?.key), remembered?.streams ?? []);
  if (report === undefined) return EXIT.usage;
  const { terminal } = context;
  if (json) terminal.print(JSON.stringify(report, null, 2));
  else {
    terminal.print(sentences(report));
    if (folder !== undefined && key === undefined && remembered === undefined) {
      terminal.print('Signatures were not checked: name the key with --key or --heads.');
    }
  }
  return report.flawCount === 0 ? EXIT.ok : EXIT.failed;
}

async function verifyCopy(
  folder: string,
  keys: readonly VerifierKey[],
  remembered: readonly RememberedHead[],
): Promise<VerifyReport> {
  if (!(await stat(folder).catch(() => undefined))?.isDirectory()) {
    throw new StoreError('argument-invalid', `${folder} is not a folder.`);
  }
  const known = new Map<string, RememberedHead[]>();
  for (const head of remembered) known.set(head.stream, [...(known.get(head.stream) ?? []), head]);
  return verifyTrail({ folder, keys, known, signal: new AbortController().signal });
}

function keysOf(given: readonly string[] = [], remembered: string | undefined): readonly VerifierKey[] {
  return [...given, ...(remembered === undefined ? [] : [remembered])].map((text) => {
    const key = parseVerifierKey(text);
    if (key !== undefined) return key;
    throw new StoreError(
      'argument-invalid',
      `"${text}" is no key of checkpoints, as "zas audit heads" prints it.`,
    );
  });
}

async function readHeads(path: string): Promise<z.output<typeof headsAnswer>> {
  try {
    return headsAnswer.parse(JSON.parse(await readFile(path, 'utf8')));
  } catch (cause) {
    throw new StoreError('argument-invalid', `${path} does not hold what "zas audit heads" prints.`, {
      cause,
    });
  }
}

function sentences({ streams, flaws, flawCount }: VerifyReport): string {
  const header = ['stream', 'records', 'from', 'to', 'checkpoints', 'not signed yet', 'lost'];
  const rows = streams.map(({ stream, records, firstSeq, lastSeq, checkpoints, unsigned, lost }) => [
    stream,
    ...[records, firstSeq ?? '-', lastSeq ?? '-', checkpoints, unsigned, lost].map(String),
  ]);
  const lines = flaws.map(({ kind, stream, file, line, message }) => [
    kind,
    file === undefined ? stream : `${file}:${line}`,
    message,
  ]);
  const verdict =
    flawCount === 0
      ? 'The trail is whole.'
      : `The trail is not whole: ${flawCount} ${flawCount === 1 ? 'place' : 'places'}${flawCount > flaws.length ? `, the first ${flaws.length}` : ''}:`;
  return [
    formatTable([header, ...rows]),
    '',
    verdict,
    ...(lines.length > 0 ? [formatTable(lines)] : []),
  ].join('\n');
}
