import { type Digest, isStoreError, StoreError } from '@zot-artifact-store/spec';
import type { IngestOptions, PreparedBlob, Segment } from '../content/content-store.ts';
import type { Principal } from '../extension/access.ts';
import { transact } from '../metadata/transaction.ts';
import { actorOf, joinRepository } from './membership.ts';
import type { SegmentRecord } from './records.ts';
import type { RepositoryBlob } from './registry.ts';
import type { RegistryContext } from './registry-context.ts';
import {
  type Addition,
  deleteUploadRows,
  dropUpload,
  loadSegments,
  putUpload,
  reloadUpload,
  type StoredUpload,
} from './upload-session.ts';

/** A claim lasts long enough to copy and hash the upload on a slow disk; after a crash it stands in the way so long. */
const CLAIM_MS = 10_000;
const CLAIM_BYTES_PER_MS = 10_000;

export interface FinishRequest {
  readonly upload: StoredUpload;
  /** The last chunk, staged or small; empty when there is none. */
  readonly last: Addition;
  readonly digest: Digest;
  readonly principal: Principal;
  readonly signal?: AbortSignal;
}

/**
 * Joins what the session has with the last chunk, and makes the blob part of the repository in the transaction that
 * ends the session. On `digest-mismatch` the session is over; after another failure it can be finished again.
 */
export async function finishUpload(
  context: RegistryContext,
  request: FinishRequest,
): Promise<RepositoryBlob> {
  const { upload, last } = request;
  try {
    return upload.record.segments === 0
      ? await finishUnstaged(context, request)
      : await finishStaged(context, request);
  } catch (error) {
    if ('segment' in last) await tidySegments(context, upload, [last.segment]);
    if (isStoreError(error, 'digest-mismatch')) await endFailed(context, upload);
    throw error;
  }
}

/** All that the session has staged is this request's own last chunk, if anything: nobody else can touch it. */
async function finishUnstaged(
  context: RegistryContext,
  { upload, last, ...request }: FinishRequest,
): Promise<RepositoryBlob> {
  const { content } = context.volumeFor(upload.repository);
  const options = ingestOptions(context, request);
  const prepared =
    'segment' in last
      ? await content.assemble([last.segment], options)
      : await content.ingest(Buffer.concat([upload.record.inline ?? Buffer.alloc(0), last.inline]), options);
  return commitBlob(context, { ...request, upload, prepared, segments: [] });
}

/**
 * The session's segments could be taken by two finishes at a time, and publishing moves them; so one claims the session
 * first. A claim ends with its time, so a session whose finisher died can be finished later, by any worker.
 */
async function finishStaged(
  context: RegistryContext,
  { upload: seen, last, ...request }: FinishRequest,
): Promise<RepositoryBlob> {
  const { content } = context.volumeFor(seen.repository);
  const upload = await claim(context, seen);
  let tail: Segment | undefined;
  try {
    const segments = await loadSegments(context, upload);
    tail = await stageTail(context, upload, last);
    const all: readonly Segment[] = tail === undefined ? segments : [...segments, tail];
    const prepared = await content.assemble(all, ingestOptions(context, request));
    const blob = await commitBlob(context, { ...request, upload, prepared, segments });
    await tidySegments(context, upload, all);
    return blob;
  } catch (error) {
    if (tail !== undefined) await tidySegments(context, upload, [tail]);
    await release(context, upload);
    throw error;
  }
}

/** The last chunk as a segment; small bytes behind segments become one only now. */
async function stageTail(
  { volumeFor }: RegistryContext,
  { repository, record }: StoredUpload,
  last: Addition,
): Promise<Segment | undefined> {
  if ('segment' in last) return last.segment;
  const bytes = Buffer.concat([record.inline ?? Buffer.alloc(0), last.inline]);
  if (bytes.length === 0) return undefined;
  return volumeFor(repository).content.stageSegment(
    (async function* () {
      yield bytes;
    })(),
    { algorithm: record.algorithm },
  );
}

async function commitBlob(
  context: RegistryContext,
  finish: {
    readonly upload: StoredUpload;
    readonly prepared: PreparedBlob;
    readonly segments: readonly SegmentRecord[];
    readonly principal: Principal;
  },
): Promise<RepositoryBlob> {
  const { upload, prepared, segments, principal } = finish;
  const { repository } = upload;
  return context.volumeFor(repository).content.transact([prepared], async (transaction) => {
    deleteUploadRows(transaction, await reloadUpload(context, transaction, upload), segments);
    const { digest, sizeBytes } = prepared;
    await joinRepository(context, transaction, { repository, digest, sizeBytes, principal });
    context.events.write(transaction, {
      type: 'blob.pushed',
      repository,
      digest,
      sizeBytes,
      ...actorOf(principal),
    });
    return { digest, sizeBytes };
  });
}

function ingestOptions(
  { limits }: RegistryContext,
  { digest, signal }: Pick<FinishRequest, 'digest' | 'signal'>,
): IngestOptions {
  return {
    expected: digest,
    ...(limits.maxBlobBytes === undefined ? {} : { maxBytes: limits.maxBlobBytes }),
    ...(signal === undefined ? {} : { signal }),
  };
}

function claim(context: RegistryContext, seen: StoredUpload): Promise<StoredUpload> {
  const { metadata, clock, newId } = context;
  const token = newId();
  return transact(metadata, async (transaction) => {
    const now = await reloadUpload(context, transaction, seen);
    const untilMs = clock.now() + CLAIM_MS + Math.ceil(now.record.offsetBytes / CLAIM_BYTES_PER_MS);
    const record = { ...now.record, finishing: { token, untilMs } };
    putUpload(transaction, seen, record);
    return { ...now, record };
  });
}

/** Gives a claimed session back. Best effort: the claim ends anyway, and the error that led here counts more. */
async function release(context: RegistryContext, claimed: StoredUpload): Promise<void> {
  try {
    await transact(context.metadata, async (transaction) => {
      const now = await reloadUpload(context, transaction, claimed);
      const { finishing: _mine, ...record } = now.record;
      putUpload(transaction, claimed, record);
    });
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    context.log.debug({ upload: claimed.id, err: error }, 'the claim of an upload ends by itself');
  }
}

async function endFailed(context: RegistryContext, { repository, id, record }: StoredUpload): Promise<void> {
  const isSame = (now: { offsetBytes: number; finishing?: unknown }) =>
    now.offsetBytes === record.offsetBytes && now.finishing === undefined;
  await dropUpload(context, { repository, id }, isSame);
}

/** What stays staged although nobody needs it is found by the orphan sweep. */
export async function tidySegments(
  { volumeFor, log }: RegistryContext,
  { repository, id }: StoredUpload,
  segments: readonly Pick<Segment, 'stagedId'>[],
): Promise<void> {
  try {
    await volumeFor(repository).content.discardSegments(segments);
  } catch (error) {
    log.warn({ upload: id, err: error }, 'segments of an upload could not be removed');
  }
}
