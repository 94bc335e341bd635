import { StoreError } from '@zot-artifact-store/spec';
import type { Command } from 'commander';
import { parseDuration } from '../../config/units.ts';

/** The filters of the trail, as options. */
export interface FilterOptions {
  readonly user?: string;
  readonly action?: string;
  readonly resource?: string;
  readonly result?: string;
  readonly event?: string;
  readonly request?: string;
  readonly from?: string;
  readonly to?: string;
  readonly all?: true;
}

export function addFilterOptions(command: Command): Command {
  return command
    .option('--user <name>', 'what this user did, or was tried in this name')
    .option('--action <action>', 's3:PutObject, "s3:*", or an operation such as oci.PutManifest')
    .option('--resource <beginning>', 'what the resource begins with: repository:team/')
    .option('--result <result>', 'done, refused or failed')
    .option('--event <event>', 'change, delete, read, refusal, login, login-failed, ...')
    .option('--request <id>', 'the request with this id')
    .option('--from <time>', 'not before this time: 2026-01-31T12:00:00Z, or 24h for a day ago')
    .option('--to <time>', 'before this time')
    .option('--all', 'also what the server says of itself: starts, checkpoints, gaps');
}

/** The query of `GET /audit`. Throws `argument-invalid` for a time that is none. */
export function filterQuery(
  { all, from, to, ...rest }: FilterOptions,
  nowMs: number,
): Readonly<Record<string, string | undefined>> {
  const { user, action, resource, result, event, request } = rest;
  return {
    user,
    action,
    resource,
    result,
    event,
    request,
    from: timeOf(from, nowMs),
    to: timeOf(to, nowMs),
    ...(all && { all: 'true' }),
  };
}

function timeOf(text: string | undefined, nowMs: number): string | undefined {
  if (text === undefined) return undefined;
  const ago = parseDuration(text);
  const timeMs = ago.ok ? nowMs - ago.value : Date.parse(text);
  if (!Number.isNaN(timeMs)) return new Date(timeMs).toISOString();
  throw new StoreError(
    'argument-invalid',
    `"${text}" is no time; write it as 2026-01-31T12:00:00Z, or as 24h for a day ago.`,
  );
}
