import { setTimeout as pause } from 'node:timers/promises';
import {
  type Digest,
  digestAlgorithm,
  digestHex,
  isStoreError,
  tryParseDigest,
} from '@zot-artifact-store/spec';
import { decodeKey } from '../metadata/keys.ts';
import type { Entry, Key } from '../metadata/metadata-store.ts';
import { recordCodec } from '../metadata/record.ts';
import { Transaction } from '../metadata/transaction.ts';
import { type BlobRecord, decodeBlob, encodeBlob, type FoundBlob, findBlob } from './blob-records.ts';
import { findPage } from './composite.ts';
import type { EdgeOwner } from './content-store.ts';
import { compositeOf, listOwners } from './edges.ts';
import { hashStream } from './hash-stream.ts';
import type { HashPool } from './hashing/hash-pool.ts';
import { contentKeys } from './keyspace.ts';
import { Pace } from './pace.ts';
import { openMarked } from './reader.ts';
import type { ContentLog, ContentVolume } from './volume.ts';

export interface ScrubOptions extends ContentVolume {
  readonly hashing: HashPool;
  readonly log: ContentLog;
  readonly bytesPerSecond: number;
  readonly signal?: AbortSignal;
  /** Start anew instead of where an earlier run stopped. */
  readonly fromStart?: boolean;
  readonly batch?: number;
  /** Told of each damaged blob as it is found, so that the registry can say which manifests it hits. */
  onDamage?(damage: Damage): Promise<void> | void;
  /** For tests: a monotonic clock and a pause. */
  readonly timing?: {
    now(): number;
    pause(ms: number, signal: AbortSignal | undefined): Promise<void>;
  };
}

export interface Damage {
  readonly digest: Digest;
  readonly reason: 'altered' | 'missing';
  /** Who holds the blob; through composites, who holds those. At most MAX_OWNERS. */
  readonly owners: readonly EdgeOwner[];
  /** Whether it was marked before this run. */
  readonly known: boolean;
}

export interface ScrubReport {
  checkedBlobs: number;
  checkedBytes: number;
  /** The first MAX_LISTED; `damagedBlobs` counts all. */
  damaged: Damage[];
  damagedBlobs: number;
  /** Marked earlier, and found whole now. */
  healed: number;
  /** Could not be read now, for a reason that says nothing about the bytes; logged. */
  unreadable: number;
  /** False when the signal ended the run; the next one goes on from there. */
  complete: boolean;
}

const MAX_OWNERS = 200;
const MAX_LISTED = 1_000;
/** The cursor is written at least this often: what a stopped run has to read again. */
const CURSOR_EVERY_BYTES = 256 * 1024 * 1024;

const cursorCodec = recordCodec<string>('scrub cursor', 1);

/**
 * Reads every blob of the volume at a bounded rate and compares it with its digest. A blob whose bytes are altered or
 * missing is marked in its record, in one commit that expects the record unchanged, so that reads fail instead of
 * giving wrong bytes and an upload of the digest replaces it; then its object is moved to quarantine. The mark comes
 * first: a crash in between leaves a marked blob, and the next run moves the object.
 */
export async function scrub(options: ScrubOptions): Promise<ScrubReport> {
  const { metadata, volume, signal, batch = 128 } = options;
  const { now, pause } = options.timing ?? monotonic;
  const pace = new Pace({ bytesPerSecond: options.bytesPerSecond, now, pause });
  const run: ScrubRun = {
    options,
    pace,
    report: {
      checkedBlobs: 0,
      checkedBytes: 0,
      damaged: [],
      damagedBlobs: 0,
      healed: 0,
      unreadable: 0,
      complete: true,
    },
  };
  const { report } = run;
  const prefix = contentKeys.blobs(volume);
  const cursorKey = contentKeys.scrubCursor(volume);
  let after = options.fromStart === true ? undefined : await resumePoint(options);
  let cursorBytes = 0;
  for (;;) {
    const rows: readonly Entry[] = await metadata.scan({ prefix }, { limit: batch, ...(after && { after }) });
    for (const { key } of rows) {
      const digest = digestOf(key);
      try {
        signal?.throwIfAborted();
        if (digest !== undefined) await checkBlob(run, digest);
      } catch (error) {
        if (signal?.aborted !== true) throw error;
        await saveCursor(options, after);
        return { ...report, complete: false };
      }
      after = key;
      if (report.checkedBytes - cursorBytes < CURSOR_EVERY_BYTES) continue;
      cursorBytes = report.checkedBytes;
      await saveCursor(options, after);
    }
    if (rows.length < batch) break;
    await saveCursor(options, after);
  }
  await metadata.commit({ deletes: [cursorKey] });
  return report;
}

interface ScrubRun {
  readonly options: ScrubOptions;
  readonly pace: Pace;
  readonly report: ScrubReport;
}

const monotonic = {
  now: () => performance.now(),
  pause: (ms: number, signal: AbortSignal | undefined) => pause(ms, undefined, signal && { signal }),
};

async function checkBlob(
  run: ScrubRun,
  digest: Digest,
): Promise<'whole' | 'damaged' | 'gone' | 'unreadable'> {
  const { options, report } = run;
  const { volume, log, signal } = options;
  try {
    const found = await findBlob(options, digest);
    if (found === undefined) return 'gone';
    const state = await verify(run, digest, found);
    report.checkedBlobs += 1;
    if (state === 'whole') await markWhole(run, digest, found);
    // A damaged part is reported itself, with the owners of this composite among its own.
    else if (state !== 'part damaged') await markDamaged(run, { digest, found, reason: state });
    return state === 'whole' ? 'whole' : 'damaged';
  } catch (err) {
    if (signal?.aborted === true) throw err;
    report.unreadable += 1;
    log.error({ err, volume, digest }, 'a blob could not be checked');
    return 'unreadable';
  }
}

async function verify(
  run: ScrubRun,
  digest: Digest,
  blob: FoundBlob,
): Promise<'whole' | Damage['reason'] | 'part damaged'> {
  const { options, pace, report } = run;
  const { hashing, signal } = options;
  const { record } = blob;
  const { location } = record;
  if (location.kind === 'composite' && location.provisional) return verifyParts(options, digest, record);
  let found: Damage['reason'] = 'altered';
  if (location.kind === 'file') {
    const info = await options.driver.stat(location.name);
    if (info === undefined) return 'missing';
    if (info.sizeBytes !== record.size) return 'altered';
  }
  const onBytes = async (count: number) => {
    report.checkedBytes += count;
    await pace.spend(count, signal);
  };
  try {
    const algorithm = digestAlgorithm(digest);
    const { sizeBytes, hashes } = await hashStream(hashing, readMarked(options, digest, blob), {
      algorithms: [algorithm],
      expectedBytes: record.size,
      onBytes,
    });
    if (sizeBytes === record.size && hashes.get(algorithm) === digestHex(digest)) return 'whole';
  } catch (error) {
    if (!isStoreError(error, 'blob-unknown') && !isStoreError(error, 'blob-corrupt')) throw error;
    found = 'missing';
  }
  if (location.kind === 'composite' && (await anyPartDamaged(run, digest, location.pages)))
    return 'part damaged';
  return found;
}

/**
 * There is no digest to compare the whole with: it is as sound as its parts, which are blobs that the scrub comes to by
 * itself. So here it is only seen that they are there.
 */
async function verifyParts(
  options: ScrubOptions,
  digest: Digest,
  { size, location }: BlobRecord,
): Promise<'whole' | 'missing' | 'part damaged'> {
  const pages = location.kind === 'composite' ? location.pages : 0;
  let sizeBytes = 0;
  let isDamaged = false;
  for (let index = 0; index < pages; index++) {
    const { parts = [] } = (await findPage(options, digest, index)) ?? {};
    const keys = parts.map((part) => contentKeys.blob(options.volume, part.digest));
    const values = await options.metadata.getMany(keys);
    for (const [at, part] of parts.entries()) {
      const value = values[at];
      const record = value && decodeBlob(part.digest, value);
      if (record?.size !== part.sizeBytes) return 'missing';
      isDamaged ||= record.corrupt === true;
      sizeBytes += part.sizeBytes;
    }
  }
  if (sizeBytes !== size) return 'missing';
  return isDamaged ? 'part damaged' : 'whole';
}

/** Streams the blob as `open` gives it, once it is pulled. */
async function* readMarked(
  options: ScrubOptions,
  digest: Digest,
  found: FoundBlob,
): AsyncGenerator<Uint8Array, void, undefined> {
  yield* await openMarked(options, digest, { found, signal: options.signal });
}

/**
 * A composite that does not match is not marked for the sake of a damaged part: the part is, and when it is uploaded
 * again the composite is whole again. So its parts are checked first.
 */
async function anyPartDamaged(run: ScrubRun, digest: Digest, pages: number): Promise<boolean> {
  for (let index = 0; index < pages; index++) {
    const page = await findPage(run.options, digest, index);
    for (const part of page?.parts ?? []) {
      const state = await checkBlob(run, part.digest);
      if (state !== 'whole' && state !== 'gone') return true;
    }
  }
  return false;
}

async function markWhole(run: ScrubRun, digest: Digest, found: FoundBlob): Promise<void> {
  const { corrupt, ...record } = found.record;
  if (corrupt === undefined) return;
  if (await replaceRecord(run.options, digest, { found, record })) run.report.healed += 1;
}

async function markDamaged(
  run: ScrubRun,
  {
    digest,
    found,
    reason,
  }: { readonly digest: Digest; readonly found: FoundBlob; readonly reason: Damage['reason'] },
): Promise<void> {
  const { options, report } = run;
  const known = found.record.corrupt === true;
  // A changed record was collected or uploaded anew while we read: what we saw is history.
  if (!(await replaceRecord(options, digest, { found, record: { ...found.record, corrupt: true } }))) return;
  const { location } = found.record;
  if (location.kind === 'file' && reason === 'altered') await options.driver.quarantine(location.name);
  if (report.damaged.some((listed) => listed.digest === digest)) return;
  const damage: Damage = { digest, reason, known, owners: await ownersThroughComposites(options, digest) };
  report.damagedBlobs += 1;
  if (report.damaged.length < MAX_LISTED) report.damaged.push(damage);
  options.log.error({ volume: options.volume, digest, reason, known }, 'damaged blob found');
  await options.onDamage?.(damage);
}

async function replaceRecord(
  options: ScrubOptions,
  digest: Digest,
  { found, record }: { readonly found: FoundBlob; readonly record: BlobRecord },
): Promise<boolean> {
  const transaction = new Transaction();
  const key = contentKeys.blob(options.volume, digest);
  transaction.expectUnchanged(key, found.value);
  transaction.put(key, encodeBlob(record));
  return (await options.metadata.commit(transaction)).ok;
}

async function ownersThroughComposites(
  options: ScrubOptions,
  digest: Digest,
  depth = 0,
): Promise<readonly EdgeOwner[]> {
  const direct = await listOwners(options, digest, MAX_OWNERS);
  const owners: EdgeOwner[] = [];
  for (const owner of direct) {
    const composite = compositeOf(owner);
    if (composite === undefined || depth > 4) owners.push(owner);
    else owners.push(...(await ownersThroughComposites(options, composite, depth + 1)));
    if (owners.length >= MAX_OWNERS) break;
  }
  return owners.slice(0, MAX_OWNERS);
}

async function resumePoint(options: ScrubOptions): Promise<Key | undefined> {
  const value = await options.metadata.get(contentKeys.scrubCursor(options.volume));
  const digest = value && tryParseDigest(cursorCodec.decode(value));
  return digest && contentKeys.blob(options.volume, digest);
}

async function saveCursor({ metadata, volume }: ScrubOptions, last: Key | undefined): Promise<void> {
  const digest = last && digestOf(last);
  if (digest === undefined) return;
  await metadata.commit({
    puts: [{ key: contentKeys.scrubCursor(volume), value: cursorCodec.encode(digest) }],
  });
}

function digestOf(key: Key): Digest | undefined {
  const [, blob] = decodeKey(key);
  return typeof blob === 'object' ? blob.digest : undefined;
}
