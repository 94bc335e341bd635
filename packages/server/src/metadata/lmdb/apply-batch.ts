import { prefixEnd } from '../keys.ts';
import type { Check, Key } from '../metadata-store.ts';
import type { DecodedCommit } from './commit-frame.ts';
import { type Environment, rangeStart } from './environment.ts';

/** What became of one commit: COMMITTED, NO_SPACE, or the index of the check that failed. */
export type Outcome = number;
export const COMMITTED = -1;
export const NO_SPACE = -2;

/**
 * Runs all commits of the batch in order inside the open write transaction: the checks of each see what the earlier
 * ones of the batch wrote, so the batch is equivalent to the commits one after the other. Throws when the store does;
 * the caller must then abort the whole transaction.
 */
export function applyBatch(
  db: Environment,
  commits: readonly DecodedCommit[],
  { mayPut }: { mayPut(commit: DecodedCommit): boolean },
): Outcome[] {
  return commits.map((commit) => {
    if (commit.puts.length > 0 && !mayPut(commit)) return NO_SPACE;
    const failed = commit.checks.findIndex((check) => !holds(db, check));
    if (failed >= 0) return failed;
    for (const key of commit.deletes) db.removeSync(key);
    for (const { key, value } of commit.puts) db.putSync(key, value);
    return COMMITTED;
  });
}

function holds(db: Environment, check: Check): boolean {
  if (check.is === 'empty') return isEmpty(db, check.prefix);
  if (check.is !== 'equal') return isThere(db, check.key) === (check.is === 'present');
  const value = db.get(check.key);
  return value !== undefined && Buffer.compare(value, check.value) === 0;
}

/** Without a copy of the value. */
function isThere(db: Environment, key: Key): boolean {
  return db.getBinaryFast(key) !== undefined;
}

function isEmpty(db: Environment, prefix: Key): boolean {
  const end = prefixEnd(prefix);
  const range = { start: rangeStart(prefix), limit: 1, ...(end === undefined ? {} : { end }) };
  for (const _ of db.getKeys(range)) return false;
  return true;
}
