import type { Digest } from '@zot-artifact-store/spec';
import type { Key } from '../metadata/metadata-store.ts';
import { Transaction } from '../metadata/transaction.ts';
import type { ObjectName } from './blob-driver.ts';
import { type BlobRecord, decodeBlob } from './blob-records.ts';
import { dropComposite } from './composite.ts';
import { decodeCandidate, decodeTime, firstEdge } from './edges.ts';
import { contentKeys } from './keyspace.ts';
import { dueTrash, emptyTrash, putTrash } from './trash.ts';
import type { ContentLog, ContentVolume } from './volume.ts';

export interface GarbageOptions extends ContentVolume {
  readonly now: number;
  /** The time the parts of a collected composite get before they are looked at. */
  readonly graceMs: number;
  readonly log: ContentLog;
  /** Report what a run would do now, and write nothing. */
  readonly dryRun?: boolean;
  /** Rows read at once. */
  readonly batch?: number;
  /** Ends the run early; the report says so. */
  readonly signal?: AbortSignal;
  onCollect?(blob: { readonly digest: Digest; readonly sizeBytes: number }): void;
}

export interface GarbageReport {
  /** Candidate rows looked at. */
  examined: number;
  /** Candidates that have an owner. */
  kept: number;
  collectedBlobs: number;
  /** Freed in the metadata store and the driver. */
  collectedBytes: number;
  /** Objects whose bytes were removed, those a crashed run left included. */
  trashRemoved: number;
  /** Candidates that changed while they were looked at; a later run decides. */
  postponed: number;
  /** Blobs and objects that could not be handled; logged, and tried again by the next run. */
  failures: number;
  /** False when the signal ended the run early. */
  complete: boolean;
}

/** Commits in flight: a store with group commit makes them durable together. */
const PARALLEL = 16;

/**
 * Deletes blobs that nobody owns and whose grace is over. Online, without a lock. Why it cannot hurt:
 *
 * - *Against a new edge.* Both sides check the blob's record in their commit. We expect it unchanged and the edges
 *   empty; `addEdge` expects it present. Commits are serial, so if the edge commits first our edges check fails; if we
 *   commit first the record is gone and the edge's commit fails. No order leaves an edge without its blob.
 * - *Against an upload of the same digest.* It either found the record and expects it unchanged (as above), or found
 *   none and puts a new one under a new object name, which the removal of our old name cannot touch.
 * - *Against a removed edge.* A candidate row may be deleted only while something else will bring the blob back here:
 *   the edge that was seen (checked present; its removal writes a new candidate), or the newer candidate row that the
 *   due row names (checked unchanged), or no blob at all (record checked absent).
 * - *Against a crash.* One commit deletes record, candidate and the edges on parts, makes the parts candidates, and
 *   writes the trash row. Before it nothing has happened; after it the trash row leads the next run to the bytes.
 * - *Against a second collector.* Every commit of ours expects what it read, so one of the two loses and postpones.
 */
export async function collectGarbage(options: GarbageOptions): Promise<GarbageReport> {
  const { metadata, volume, now, signal, log, batch = 256, dryRun = false } = options;
  const report: GarbageReport = {
    examined: 0,
    kept: 0,
    collectedBlobs: 0,
    collectedBytes: 0,
    trashRemoved: 0,
    postponed: 0,
    failures: 0,
    complete: true,
  };
  const handled = async (what: { digest?: Digest; object?: ObjectName }, work: () => Promise<void>) => {
    try {
      await work();
    } catch (err) {
      report.failures += 1;
      log.warn({ err, volume, ...what }, 'garbage could not be collected');
    }
  };

  const trash: AsyncIterable<ObjectName> = dueTrash(options, { now, batch });
  for await (const names of chunked(trash, PARALLEL)) {
    if (signal?.aborted) return { ...report, complete: false };
    await Promise.all(
      names.map((object) =>
        handled({ object }, async () => {
          if (!dryRun) await emptyTrash(options, object);
          report.trashRemoved += 1;
        }),
      ),
    );
  }

  const from = contentKeys.candidates(volume);
  const to = contentKeys.candidateBound(volume, now + 1);
  let after: Key | undefined;
  for (;;) {
    const rows = await metadata.scan({ from, to }, { limit: batch, ...(after && { after }) });
    for (let at = 0; at < rows.length; at += PARALLEL) {
      if (signal?.aborted) return { ...report, complete: false };
      const some = rows.slice(at, at + PARALLEL);
      await Promise.all(
        some.map(({ key }) => {
          const { digest, dueAtMs } = decodeCandidate(key);
          return handled({ digest }, () => examine(options, report, { key, digest, dueAtMs }));
        }),
      );
    }
    after = rows.at(-1)?.key;
    if (rows.length < batch) return report;
  }
}

interface Candidate {
  readonly key: Key;
  readonly digest: Digest;
  readonly dueAtMs: number;
}

async function examine(options: GarbageOptions, report: GarbageReport, candidate: Candidate): Promise<void> {
  const { metadata, volume } = options;
  const { key, digest, dueAtMs } = candidate;
  const blobKey = contentKeys.blob(volume, digest);
  const dueKey = contentKeys.due(volume, digest);
  report.examined += 1;
  const [value, due] = await metadata.getMany([blobKey, dueKey]);

  const transaction = new Transaction();
  transaction.mayUseReserve = true;
  transaction.delete(key);
  transaction.expectUnchanged(dueKey, due);
  // A later removal wrote a later candidate: that one counts.
  if (due !== undefined && decodeTime(due) !== dueAtMs) return settle(options, report, transaction);
  transaction.delete(dueKey);
  if (value === undefined) {
    transaction.expectAbsent(blobKey);
    return settle(options, report, transaction);
  }
  const edge = await firstEdge(options, digest);
  if (edge !== undefined) {
    report.kept += 1;
    transaction.expectPresent(edge);
    return settle(options, report, transaction);
  }
  const record = decodeBlob(digest, value);
  transaction.expectUnchanged(blobKey, value);
  transaction.expectEmpty(contentKeys.edge(volume, digest, []));
  transaction.delete(blobKey);
  return collect(options, report, { digest, record, transaction });
}

/** Deletes a candidate row that says nothing (any more). */
async function settle(
  options: GarbageOptions,
  report: GarbageReport,
  transaction: Transaction,
): Promise<void> {
  if (options.dryRun) return;
  if (!(await options.metadata.commit(transaction)).ok) report.postponed += 1;
}

async function collect(
  options: GarbageOptions,
  report: GarbageReport,
  garbage: { readonly digest: Digest; readonly record: BlobRecord; readonly transaction: Transaction },
): Promise<void> {
  const { metadata, volume, now, graceMs, dryRun } = options;
  const { digest, record, transaction } = garbage;
  const { location, size: sizeBytes } = record;
  if (location.kind === 'composite') {
    // At least one millisecond later, so that a run never meets the candidates it makes and always ends.
    await dropComposite(transaction, options, { digest, location, dueAtMs: now + Math.max(graceMs, 1) });
  } else if (location.kind === 'file') {
    putTrash(transaction, { volume, name: location.name, removeAtMs: now });
  }
  if (!dryRun && !(await metadata.commit(transaction)).ok) {
    report.postponed += 1;
    return;
  }
  report.collectedBlobs += 1;
  // The bytes of a composite belong to its parts.
  if (location.kind !== 'composite') report.collectedBytes += sizeBytes;
  options.onCollect?.({ digest, sizeBytes });
  if (location.kind !== 'file') return;
  if (!dryRun) await emptyTrash(options, location.name);
  report.trashRemoved += 1;
}

async function* chunked<T>(source: AsyncIterable<T>, size: number): AsyncGenerator<T[], void, undefined> {
  let chunk: T[] = [];
  for await (const item of source) {
    chunk.push(item);
    if (chunk.length < size) continue;
    yield chunk;
    chunk = [];
  }
  if (chunk.length > 0) yield chunk;
}
