import { type Digest, isStoreError } from '@zot-artifact-store/spec';
import type { IngestOptions, PreparedBlob, Segment } from '../content/content-store.ts';
import type { Principal } from '../extension/access.ts';
import { joinRepository } from './membership.ts';
import type { SegmentRecord, UploadRecord } from './records.ts';
import type { RepositoryBlob } from './registry.ts';
import type { RegistryContext } from './registry-context.ts';
import {
  type Addition,
  dropUpload,
  endUpload,
  loadSegments,
  loadUpload,
  reloadUpload,
  type StoredUpload,
} from './upload-session.ts';

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
 * ends the session. Until that commits the session stays as it is, so it can be finished again, by any worker, when
 * this one fails or dies; only after `digest-mismatch` it is over. Of two that finish it at a time one commits, and the
 * other finds that the session is gone (`upload-unknown`).
 */
export async function finishUpload(
  context: RegistryContext,
  request: FinishRequest,
): Promise<RepositoryBlob> {
  const { upload, last, principal } = request;
  let tail = 'segment' in last ? last.segment : undefined;
  try {
    const segments = await loadSegments(context, upload);
    if ('inline' in last) tail = await stageTail(context, upload, last.inline);
    const prepared = await prepare(context, request, tail === undefined ? segments : [...segments, tail]);
    return await commitBlob(context, { upload, prepared, segments, principal });
  } catch (error) {
    if (tail !== undefined) await tidySegments(context, upload, [tail]);
    if (isStoreError(error, 'digest-mismatch')) await endFailed(context, upload);
    // Its bytes went with the session; this throws when there is none any more.
    if (isStoreError(error, 'blob-unknown')) await loadUpload(context, upload);
    throw error;
  }
}

/** Small bytes behind segments become a segment too, only now. */
async function stageTail(
  { volumeFor }: RegistryContext,
  { repository, record }: StoredUpload,
  last: Uint8Array,
): Promise<Segment | undefined> {
  const bytes = inlineBytes(record, last);
  if (record.segments === 0 || bytes.length === 0) return undefined;
  return volumeFor(repository).content.stageSegment(once(bytes), { algorithm: record.algorithm });
}

function prepare(
  { volumeFor, limits }: RegistryContext,
  { upload: { repository, record }, last, digest, signal }: FinishRequest,
  segments: readonly Segment[],
): Promise<PreparedBlob> {
  const { content } = volumeFor(repository);
  const options: IngestOptions = {
    expected: digest,
    ...(limits.maxBlobBytes === undefined ? {} : { maxBytes: limits.maxBlobBytes }),
    ...(signal === undefined ? {} : { signal }),
  };
  // The only one was brought by this request, so nobody can finish the session with it a second time.
  const handOver = record.segments === 0;
  if (segments.length > 0) return content.assemble(segments, { ...options, handOver });
  return content.ingest(inlineBytes(record, 'inline' in last ? last.inline : Buffer.alloc(0)), options);
}

function inlineBytes({ inline = Buffer.alloc(0) }: UploadRecord, last: Uint8Array): Buffer {
  return Buffer.concat([inline, last]);
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
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
    endUpload(transaction, await reloadUpload(context, transaction, upload), segments);
    const { digest, sizeBytes } = prepared;
    await joinRepository(context, transaction, { repository, digest, sizeBytes, principal });
    return { digest, sizeBytes };
  });
}

async function endFailed(context: RegistryContext, { repository, id, record }: StoredUpload): Promise<void> {
  await dropUpload(context, { repository, id }, (now) => now.offsetBytes === record.offsetBytes);
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
