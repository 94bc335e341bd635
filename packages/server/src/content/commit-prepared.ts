import { type Digest, isStoreError } from '@zot-artifact-store/spec';
import { type Transaction, transact } from '../metadata/transaction.ts';
import type { ObjectName, StagedId } from './blob-driver.ts';
import { type BlobLocation, type BlobRecord, decodeBlob, encodeBlob } from './blob-records.ts';
import { type CompositePart, dropComposite, putComposite } from './composite.ts';
import { compositeOwner, putCandidate, putEdge } from './edges.ts';
import { type Brought, flattenParts } from './flatten-parts.ts';
import { contentKeys } from './keyspace.ts';
import { objectName } from './object-name.ts';
import type { PreparedUnit, PreparedUnits } from './prepared.ts';
import { emptyTrash, putTrash } from './trash.ts';
import type { ContentLog, ContentVolume } from './volume.ts';

export interface CommitDeps extends ContentVolume {
  readonly clock: { now(): number };
  readonly graceMs: number;
  readonly log: ContentLog;
}

/** What a transaction under way knows of the blobs it brings. */
export interface TransactionScope {
  /** Their records are put, or checked, by the transaction itself. */
  readonly prepared: ReadonlySet<Digest>;
  /** Blobs that got an edge. */
  readonly edged: Set<Digest>;
  /** Blobs that lost one: candidates, unless they got another. */
  readonly dropped: Set<Digest>;
}

/**
 * Runs `attempt` until a commit succeeds, and adds the records of `prepared` to it. The attempt comes first: it may
 * refuse, and then nothing has been published.
 *
 * Write order: staged bytes are durable before this is called; publishing is durable before the commit; superfluous
 * bytes are removed only after a commit, or after it is certain that there was none. When the store cannot say whether
 * a commit happened (it failed, rather than lost), the published objects stay: the orphan sweep knows later.
 */
export async function commitPrepared<T>(
  deps: CommitDeps,
  prepared: readonly PreparedUnits[],
  attempt: (transaction: Transaction, scope: TransactionScope) => Promise<T> | T,
): Promise<T> {
  const units = new Map<Digest, PreparedUnit>();
  for (const unit of prepared.flatMap((blob) => blob.units))
    if (!units.has(unit.digest)) units.set(unit.digest, unit);
  const published = new Map<Digest, ObjectName>();
  let used = new Used();
  let isDeciding = true;
  let result: T;
  try {
    result = await transact(deps.metadata, async (transaction) => {
      isDeciding = true;
      used = new Used();
      const scope = {
        prepared: new Set(units.keys()),
        edged: new Set<Digest>(),
        dropped: new Set<Digest>(),
      };
      const value = await attempt(transaction, scope);
      await addRecords(deps, transaction, {
        units: [...units.values()],
        published,
        used,
        edged: scope.edged,
      });
      // What somebody holds after this transaction need not be looked at: whoever lets go makes it a candidate.
      for (const digest of new Set([...prepared.map((blob) => blob.digest), ...scope.dropped])) {
        if (!scope.edged.has(digest)) putCandidate(transaction, { ...deps, digest, dueAtMs: dueAt(deps) });
      }
      isDeciding = false;
      return value;
    });
  } catch (error) {
    const nothingCommitted =
      isDeciding || isStoreError(error, 'conflict') || isStoreError(error, 'storage-full');
    if (nothingCommitted)
      await tidy(
        deps,
        [...published.values()].map((name) => () => deps.driver.remove(name)),
      );
    await tidy(
      deps,
      prepared.map((blob) => () => blob.discard()),
    );
    throw error;
  }
  await tidy(deps, [
    ...[...published.values()]
      .filter((name) => !used.names.has(name))
      .map((name) => () => deps.driver.remove(name)),
    ...used.replaced.map((name) => () => emptyTrash(deps, name)),
    ...prepared.map((blob) => () => blob.committed(movedIn(units, published))),
  ]);
  return result;
}

/** Staged ids that publishing took with it. */
function movedIn(
  units: ReadonlyMap<Digest, PreparedUnit>,
  published: ReadonlyMap<Digest, ObjectName>,
): ReadonlySet<StagedId> {
  const moved = new Set<StagedId>();
  for (const { digest, source } of units.values()) {
    if (source.kind === 'staged' && source.keepStaged !== true && published.has(digest)) moved.add(source.id);
  }
  return moved;
}

class Used {
  /** Published names that records of the last attempt point to. */
  readonly names = new Set<ObjectName>();
  /** Damaged objects that the last attempt replaced. */
  readonly replaced: ObjectName[] = [];
}

interface Records {
  readonly units: readonly PreparedUnit[];
  readonly published: Map<Digest, ObjectName>;
  readonly used: Used;
  readonly edged: Set<Digest>;
}

/** What is known of the units so far; parts come before their composites. */
class BroughtSoFar implements Brought {
  readonly records = new Map<Digest, BlobRecord>();
  readonly parts = new Map<Digest, readonly CompositePart[]>();
  /** Put by this transaction; the others were there. */
  readonly fresh = new Set<Digest>();
}

async function addRecords(deps: CommitDeps, transaction: Transaction, records: Records): Promise<void> {
  if (records.units.length === 0) return;
  const { metadata, volume } = deps;
  const keys = records.units.map(({ digest }) => contentKeys.blob(volume, digest));
  const values = await metadata.getMany(keys);
  const brought = new BroughtSoFar();
  for (const [index, unit] of records.units.entries()) {
    const value = values[index];
    const old = value && decodeBlob(unit.digest, value);
    transaction.expectUnchanged(contentKeys.blob(volume, unit.digest), value);
    if (old !== undefined && !old.corrupt) {
      brought.records.set(unit.digest, old);
      rejoin(deps, transaction, { unit, fresh: brought.fresh });
      continue;
    }
    if (old !== undefined)
      await dropDamaged(deps, transaction, { digest: unit.digest, old, used: records.used });
    const location = await place(deps, transaction, { unit, records, brought });
    const record: BlobRecord = { size: unit.sizeBytes, createdAtMs: deps.clock.now(), location };
    transaction.put(contentKeys.blob(volume, unit.digest), encodeBlob(record));
    brought.records.set(unit.digest, record);
    brought.fresh.add(unit.digest);
  }
}

/** A composite that is there already holds its parts, unless a part's record was lost and comes back now. */
function rejoin(
  { volume }: CommitDeps,
  transaction: Transaction,
  { unit, fresh }: { readonly unit: PreparedUnit; readonly fresh: ReadonlySet<Digest> },
): void {
  if (unit.source.kind !== 'composite') return;
  for (const { digest } of unit.source.parts) {
    if (fresh.has(digest)) putEdge(transaction, { volume, digest, owner: compositeOwner(unit.digest) });
  }
}

/** Uploading a damaged blob again repairs it: the new copy gets a new place, the old one goes. */
async function dropDamaged(
  deps: CommitDeps,
  transaction: Transaction,
  { digest, old, used }: { readonly digest: Digest; readonly old: BlobRecord; readonly used: Used },
): Promise<void> {
  const { location } = old;
  if (location.kind === 'composite') {
    await dropComposite(transaction, deps, { digest, location, dueAtMs: dueAt(deps) });
  } else if (location.kind === 'file') {
    putTrash(transaction, { volume: deps.volume, name: location.name, removeAtMs: deps.clock.now() });
    used.replaced.push(location.name);
  }
}

/** Makes the bytes visible to the record that will point to them; a staged object is published once for all attempts. */
async function place(
  deps: CommitDeps,
  transaction: Transaction,
  {
    unit,
    records,
    brought,
  }: { readonly unit: PreparedUnit; readonly records: Records; readonly brought: BroughtSoFar },
): Promise<BlobLocation> {
  const { digest, source } = unit;
  const { volume } = deps;
  switch (source.kind) {
    case 'inline':
      return { kind: 'inline', bytes: source.bytes };
    case 'staged': {
      let name = records.published.get(digest);
      if (name === undefined) {
        name = objectName(digest);
        const { id, keepStaged = false } = source;
        await deps.driver.publish(id, name, { keepStaged });
        records.published.set(digest, name);
      }
      records.used.names.add(name);
      // See orphan-sweep.ts: an object condemned before this commit must not be pointed to.
      transaction.expectAbsent(contentKeys.trash(volume, name));
      return { kind: 'file', name };
    }
    case 'composite': {
      const parts = await flattenParts(deps, transaction, { parts: source.parts, brought });
      brought.parts.set(digest, parts);
      for (const part of parts) records.edged.add(part.digest);
      return putComposite(transaction, { volume, digest, parts, provisional: source.provisional === true });
    }
  }
}

function dueAt({ clock, graceMs }: CommitDeps): number {
  return clock.now() + graceMs;
}

/** What is left undone here is found by the collector or the orphan sweep. */
async function tidy({ log, volume }: CommitDeps, tasks: readonly (() => Promise<void>)[]): Promise<void> {
  for (const result of await Promise.allSettled(tasks.map((task) => task()))) {
    if (result.status === 'rejected')
      log.warn({ err: result.reason, volume }, 'superfluous bytes could not be removed');
  }
}
