import { setTimeout as wait } from 'node:timers/promises';
import { StoreError } from '@zot-artifact-store/spec';
import type { Command } from 'commander';
import { also } from '../also.ts';
import type { ApiClient } from '../api/api-client.ts';
import { addServerOptions, openApi, SERVER_NOTES, type ServerOptions } from '../api/with-server.ts';
import { addFilterOptions, type FilterOptions, filterQuery } from '../audit/audit-filter.ts';
import { AUDIT_HEADER, auditRecord, auditRow, type ShownRecord } from '../audit/audit-rows.ts';
import { headsAnswer, type VerifyTrailOptions, verifyAuditTrail } from '../audit/verify-trail.ts';
import { EXIT } from '../exit-code.ts';
import { addStoreOptions } from '../load-for-command.ts';
import { formatTable } from '../table.ts';
import type { StoreCommandContext } from '../with-store.ts';

interface ListOptions extends ServerOptions, FilterOptions {
  readonly limit: string;
  readonly json?: true;
}

interface TailOptions extends ServerOptions, FilterOptions {
  readonly lines: string;
  readonly follow?: true;
  readonly json?: true;
}

const NOTES = `
The trail says who changed what, was refused, or failed to log in; reads too, where the configuration
says so. "list", "tail", "export" and "heads" ask a server, "verify" reads the files.

Examples:
  zas audit list --user alice --from 24h
  zas audit list --event login-failed
  zas audit tail --follow --result refused
  zas audit export --from 2026-01-01T00:00:00Z >january.jsonl
  zas audit verify --config config.yaml
  zas audit heads >heads.json; zas audit verify --heads heads.json /backup/audit
${SERVER_NOTES}`;

const VERIFY_NOTES = `
Finds records that were altered, removed, put in another order or cut off at the end, and says where.
Without a folder, the trail of the configured store is verified against what the store knows of it; a
server may run meanwhile. With a folder, a copy of a trail: give the key, and the heads that were kept
elsewhere, or only the chain is checked. Ends with 1 when the trail is not whole.`;

const FOLLOW_EVERY_MS = 1000;
const MAX_LIMIT = 100_000;
const PAGE = 500;

export function addAuditCommands(program: Command, context: StoreCommandContext): void {
  const { terminal, finish } = context;
  const group = program
    .command('audit')
    .description('Say what was done on a server, and whether its audit trail is whole.')
    .addHelpText('after', NOTES);

  const list = addFilterOptions(group.command('list').description('List records, the newest first.'))
    .option('--limit <count>', 'how many at most', '50')
    .option('--json', 'print JSON');
  addServerOptions(list).action(async ({ limit, json, ...options }: ListOptions) => {
    const records = await newest(await openApi(terminal, options), options, countOf(limit));
    if (json) terminal.print(JSON.stringify({ items: records }, null, 2));
    else terminal.print(formatTable([AUDIT_HEADER, ...records.map(auditRow)]));
    finish(EXIT.ok);
  });

  const tail = addFilterOptions(group.command('tail').description('Print the last records, the newest last.'))
    .option('-n, --lines <count>', 'how many', '10')
    .option('-f, --follow', 'go on with what comes')
    .option('--json', 'print a JSON line for each');
  addServerOptions(tail).action(async ({ lines, follow, json, ...options }: TailOptions) => {
    const api = await openApi(terminal, options);
    const print = (record: ShownRecord): void =>
      terminal.print(json ? JSON.stringify(record) : formatTable([auditRow(record)]));
    const last = (await newest(api, options, countOf(lines))).reverse();
    last.forEach(print);
    if (follow) await followFrom(api, { options, last, print });
    finish(EXIT.ok);
  });

  const exporting = addFilterOptions(
    group.command('export').description('Print all records as JSON lines, the oldest first.'),
  );
  addServerOptions(exporting).action(async (options: ServerOptions & FilterOptions) => {
    const api = await openApi(terminal, options);
    const query = { ...filterQuery(options, Date.now()), first: 'oldest', limit: PAGE };
    for await (const record of api.items(auditRecord, { path: '/audit', query })) {
      terminal.print(JSON.stringify(record));
    }
    finish(EXIT.ok);
  });

  const heads = group
    .command('heads')
    .description('Print how far the trail has come, signed, as JSON; keep it where the server cannot write.');
  addServerOptions(heads).action(async (options: ServerOptions) => {
    const api = await openApi(terminal, options);
    terminal.print(JSON.stringify(await api.call(headsAnswer, { path: '/audit/heads' }), null, 2));
    finish(EXIT.ok);
  });

  const verify = group
    .command('verify')
    .description('Say whether a trail is what the server wrote.')
    .argument('[folder]', "a copy of a trail; without it, the configured store's")
    .option('--key <key>', 'with a folder: the key of its checkpoints; may be repeated', also)
    .option('--heads <file>', 'what "zas audit heads" printed earlier')
    .option('--json', 'print JSON')
    .addHelpText('after', VERIFY_NOTES);
  addStoreOptions(verify).action(async (folder: string | undefined, options: VerifyTrailOptions) => {
    if (folder === undefined && options.key !== undefined) {
      verify.error("zas: --key is for a copy of a trail; the store's own key is known");
    }
    finish(await verifyAuditTrail(context, folder, options));
  });
}

async function newest(api: ApiClient, options: FilterOptions, count: number): Promise<ShownRecord[]> {
  const found: ShownRecord[] = [];
  if (count === 0) return found;
  const query = { ...filterQuery(options, Date.now()), limit: Math.min(count, PAGE) };
  for await (const record of api.items(auditRecord, { path: '/audit', query })) {
    found.push(record);
    if (found.length === count) break;
  }
  return found;
}

/** Asks again and again for what is newer than the last record; those of the same moment are known by their place. */
async function followFrom(
  api: ApiClient,
  {
    options,
    last,
    print,
  }: {
    readonly options: FilterOptions;
    readonly last: readonly ShownRecord[];
    readonly print: (record: ShownRecord) => void;
  },
): Promise<void> {
  let from = last.at(-1)?.time ?? new Date().toISOString();
  let seen = new Set(last.map(placeOf));
  for (;;) {
    await wait(FOLLOW_EVERY_MS);
    const query = { ...filterQuery({ ...options, from }, Date.now()), first: 'oldest', limit: PAGE };
    const latest = new Set<string>();
    for await (const record of api.items(auditRecord, { path: '/audit', query })) {
      if (record.time > from) {
        from = record.time;
        latest.clear();
      }
      latest.add(placeOf(record));
      if (!seen.has(placeOf(record))) print(record);
    }
    seen = new Set([...seen, ...latest].slice(-10 * PAGE));
  }
}

function placeOf({ stream, seq }: ShownRecord): string {
  return `${stream}/${seq}`;
}

function countOf(text: string): number {
  const count = /^\d{1,6}$/.test(text) ? Number(text) : Number.NaN;
  if (count <= MAX_LIMIT) return count;
  throw new StoreError('argument-invalid', `"${text}" is no count from 0 to ${MAX_LIMIT}.`);
}
