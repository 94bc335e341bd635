import type { Key } from '../metadata/metadata-store.ts';
import { Transaction } from '../metadata/transaction.ts';
import type { ObjectInfo, ObjectName, StagedId } from './blob-driver.ts';
import { decodeBlob } from './blob-records.ts';
import { decodeTime, encodeTime } from './edges.ts';
import { contentKeys } from './keyspace.ts';
import { parseObjectName } from './object-name.ts';
import { objectNameOf, putTrash } from './trash.ts';
import type { ContentLog, ContentVolume } from './volume.ts';

export interface OrphanOptions extends ContentVolume {
  readonly now: number;
  /** How long an object may be without a record, and staged bytes without a claim. */
  readonly graceMs: number;
  readonly log: ContentLog;
  /** Whether an upload session needs these staged bytes. */
  isStagedClaimed(id: StagedId): Promise<boolean> | boolean;
  readonly dryRun?: boolean;
  readonly batch?: number;
  readonly signal?: AbortSignal;
}

export interface OrphanReport {
  objectsListed: number;
  /** Seen without a record for the first time; nothing happens to them yet. */
  suspected: number;
  /** Without a record for the whole grace: handed to the trash. */
  condemned: number;
  condemnedBytes: number;
  stagedRemoved: number;
  stagedRemovedBytes: number;
  failures: number;
  complete: boolean;
}

/**
 * Finds bytes that a crash left: published objects without a record, staged objects without a session.
 *
 * An object between its publication and its commit looks like an orphan, and its age says nothing, because a session's
 * bytes keep the time they were staged at. So it takes two sightings `graceMs` apart: the first writes a suspect row,
 * the second a trash row, in a commit that expects the blob's record unchanged. Every commit that puts an object's name
 * into a record expects that the name has no trash row; of the two exactly one succeeds. The garbage collector removes
 * the bytes, and with them the row, another `graceMs` later. So bytes are lost only to a worker that stood still for
 * two graces in the middle of a commit while the others ran.
 */
export async function sweepOrphans(options: OrphanOptions): Promise<OrphanReport> {
  const { driver, volume, now, graceMs, signal, log, batch = 256, dryRun = false } = options;
  const report: OrphanReport = {
    objectsListed: 0,
    suspected: 0,
    condemned: 0,
    condemnedBytes: 0,
    stagedRemoved: 0,
    stagedRemovedBytes: 0,
    failures: 0,
    complete: true,
  };

  let listed: ListedObject[] = [];
  for await (const object of driver.list()) {
    if (signal?.aborted) return { ...report, complete: false };
    listed.push(object);
    if (listed.length < batch) continue;
    await examineObjects(options, report, listed);
    listed = [];
  }
  await examineObjects(options, report, listed);

  for await (const { id, modifiedAtMs, sizeBytes } of driver.listStaged()) {
    if (signal?.aborted) return { ...report, complete: false };
    if (modifiedAtMs > now - graceMs) continue;
    try {
      if (await options.isStagedClaimed(id)) continue;
      if (!dryRun) await driver.removeStaged(id);
      report.stagedRemoved += 1;
      report.stagedRemovedBytes += sizeBytes;
    } catch (err) {
      report.failures += 1;
      log.warn({ err, volume, staged: id }, 'staged bytes could not be removed');
    }
  }
  if (!dryRun) await forgetGoneSuspects(options, batch);
  return report;
}

type ListedObject = { readonly name: ObjectName } & ObjectInfo;

/** Three rows decide about an object: the record of its digest, its trash row, its suspect row. */
async function examineObjects(
  options: OrphanOptions,
  report: OrphanReport,
  objects: readonly ListedObject[],
): Promise<void> {
  if (objects.length === 0) return;
  const { metadata, volume } = options;
  report.objectsListed += objects.length;
  const values = await metadata.getMany(
    objects.flatMap(({ name }) => [
      contentKeys.blob(volume, parseObjectName(name).digest),
      contentKeys.trash(volume, name),
      contentKeys.suspect(volume, name),
    ]),
  );
  for (const [index, object] of objects.entries()) {
    const [record, trash, suspect] = values.slice(index * 3, index * 3 + 3);
    try {
      await examineObject(options, report, { object, record, trash, suspect });
    } catch (err) {
      report.failures += 1;
      options.log.warn({ err, volume, object: object.name }, 'an object could not be examined');
    }
  }
}

async function examineObject(
  options: OrphanOptions,
  report: OrphanReport,
  seen: {
    readonly object: ListedObject;
    readonly record: Uint8Array | undefined;
    readonly trash: Uint8Array | undefined;
    readonly suspect: Uint8Array | undefined;
  },
): Promise<void> {
  const { metadata, volume, now, graceMs, dryRun = false } = options;
  const { object, record, trash, suspect } = seen;
  const { name, sizeBytes } = object;
  if (trash !== undefined) return;
  const { digest } = parseObjectName(name);
  const suspectKey = contentKeys.suspect(volume, name);
  if (record !== undefined) {
    const { location } = decodeBlob(digest, record);
    if (location.kind === 'file' && location.name === name) {
      if (suspect !== undefined && !dryRun) await metadata.commit({ deletes: [suspectKey] });
      return;
    }
  }
  if (suspect === undefined) {
    report.suspected += 1;
    if (!dryRun)
      await metadata.commit({ puts: [{ key: suspectKey, value: encodeTime(now) }], mayUseReserve: true });
    return;
  }
  if (decodeTime(suspect) > now - graceMs) return;
  const transaction = new Transaction();
  transaction.mayUseReserve = true;
  transaction.expectUnchanged(contentKeys.blob(volume, digest), record);
  transaction.delete(suspectKey);
  putTrash(transaction, { volume, name, removeAtMs: now + graceMs });
  // A conflict means that the record changed just now: the next sweep looks again.
  if (!dryRun && !(await metadata.commit(transaction)).ok) return;
  report.condemned += 1;
  report.condemnedBytes += sizeBytes;
}

/** Suspect rows of objects that are gone: their upload failed and cleaned up after itself. */
async function forgetGoneSuspects(options: OrphanOptions, batch: number): Promise<void> {
  const { metadata, driver, volume, signal } = options;
  const prefix = contentKeys.suspects(volume);
  let after: Key | undefined;
  for (;;) {
    const rows = await metadata.scan({ prefix }, { limit: batch, ...(after && { after }) });
    const gone: Key[] = [];
    for (const { key } of rows) {
      if (signal?.aborted) return;
      const name = objectNameOf(key);
      if (name === undefined || (await driver.stat(name)) === undefined) gone.push(key);
    }
    if (gone.length > 0) await metadata.commit({ deletes: gone });
    after = rows.at(-1)?.key;
    if (rows.length < batch) return;
  }
}
