import { StoreError } from '@zot-artifact-store/spec';
import type { Segment } from '../content/content-store.ts';
import type { Principal } from '../extension/access.ts';
import { transact } from '../metadata/transaction.ts';
import { joinRepository } from './membership.ts';
import type { UploadStatus, Uploads } from './registry.ts';
import type { RegistryContext } from './registry-context.ts';
import { finishUpload, tidySegments } from './upload-finish.ts';
import { joined, takeHead } from './upload-intake.ts';
import {
  type Addition,
  commitAddition,
  dropUpload,
  loadUpload,
  outOfOrder,
  putUpload,
  reloadUpload,
  type StoredUpload,
  uploadUnknown,
} from './upload-session.ts';

/** A session record with this much in it stays well below MAX_VALUE_BYTES. */
const INLINE_BYTES = 2_048;

interface Chunk {
  readonly at?: number;
  readonly lengthBytes?: number;
  readonly signal?: AbortSignal;
  readonly principal: Principal;
}

interface Received {
  readonly addition: Addition;
  /** New bytes, without those that were in the record already. */
  readonly sizeBytes: number;
  /** Why the source ended early, if it did. */
  readonly failure?: { readonly cause: unknown };
}

/**
 * No writer holds a lock: each append stages its own bytes and then commits by comparing the session with what it saw,
 * so of two concurrent ones exactly one counts and the other throws its bytes away.
 */
export function createUploads(context: RegistryContext): Uploads {
  const { volumeFor, vetoes, clock, limits, uploadIds } = context;

  /** The session, ready to take bytes at `at`. */
  async function enter(
    place: { readonly repository: StoredUpload['repository']; readonly id: string },
    { at, lengthBytes }: Chunk,
  ): Promise<StoredUpload> {
    const upload = await loadUpload(context, place);
    const { offsetBytes } = upload.record;
    if (at !== undefined && at !== offsetBytes) {
      throw outOfOrder(place, `the upload has ${offsetBytes} bytes; the chunk starts at ${at}`);
    }
    assertBlobSize(context, offsetBytes + (lengthBytes ?? 0));
    return stayAlive(context, upload);
  }

  return {
    async start(repository, { algorithm = 'sha256' }) {
      const id = uploadIds.make(repository, { createdAtMs: clock.now(), algorithm });
      return { id, offsetBytes: 0 };
    },

    async status(repository, id) {
      return statusOf(await loadUpload(context, { repository, id }));
    },

    async append(repository, id, source, chunk) {
      const upload = await enter({ repository, id }, chunk);
      const { principal, lengthBytes } = chunk;
      await vetoes.beforeIngest?.({ principal, repository, declaredBytes: lengthBytes });
      const received = await receive(context, upload, source, chunk);
      return statusOf(await keep(context, upload, received));
    },

    async finish(repository, id, { source, digest, ...chunk }) {
      const { principal, lengthBytes, signal } = chunk;
      const upload = await enter({ repository, id }, chunk);
      let last: Addition = { inline: Buffer.alloc(0) };
      if (source !== undefined) {
        await vetoes.beforeIngest?.({ principal, repository, declaredBytes: lengthBytes });
        const received = await receive(context, upload, source, chunk);
        // What a broken connection left is kept as an append would keep it; this throws.
        if (received.failure !== undefined) await keep(context, upload, received);
        last = received.addition;
      }
      return finishUpload(context, {
        upload,
        last,
        digest,
        principal,
        ...(signal === undefined ? {} : { signal }),
      });
    },

    async put(repository, source, { digest, lengthBytes, signal, principal }) {
      assertBlobSize(context, lengthBytes ?? 0);
      await vetoes.beforeIngest?.({ principal, repository, declaredBytes: lengthBytes });
      const { content } = volumeFor(repository);
      const prepared = await content.ingest(source, {
        expected: digest,
        ...(lengthBytes === undefined ? {} : { expectedBytes: lengthBytes }),
        ...(limits.maxBlobBytes === undefined ? {} : { maxBytes: limits.maxBlobBytes }),
        ...(signal === undefined ? {} : { signal }),
      });
      const { sizeBytes } = prepared;
      return content.transact([prepared], async (transaction) => {
        await joinRepository(context, transaction, { repository, digest, sizeBytes, principal });
        return { digest, sizeBytes };
      });
    },

    async cancel(repository, id) {
      const place = { repository, id };
      if (!(await dropUpload(context, place, () => true))) throw uploadUnknown(place);
    },
  };
}

function statusOf({ id, record }: StoredUpload): UploadStatus {
  return { id, offsetBytes: record.offsetBytes };
}

/** Reads the source into the session record, if it is small, or into a staged segment. */
async function receive(
  { volumeFor, limits }: RegistryContext,
  { repository, record }: StoredUpload,
  source: AsyncIterable<Uint8Array>,
  { lengthBytes, signal }: Chunk,
): Promise<Received> {
  const { content } = volumeFor(repository);
  const before = record.inline ?? Buffer.alloc(0);
  const { head, failure, rest } = await takeHead(source, INLINE_BYTES - before.length, signal);
  const isOver = limits.maxBlobBytes !== undefined && record.offsetBytes + head.length > limits.maxBlobBytes;
  if (isOver && rest === undefined) throw tooLarge(limits.maxBlobBytes);
  if (rest === undefined) {
    if (failure === undefined) assertLength(head.length, lengthBytes);
    return { addition: { inline: head }, sizeBytes: head.length, ...(failure && { failure }) };
  }
  const segment = await content.stageSegment(joined([before, head], rest), {
    algorithm: record.algorithm,
    ...(lengthBytes === undefined ? {} : { expectedBytes: before.length + lengthBytes }),
    ...(limits.maxBlobBytes === undefined
      ? {}
      : { maxBytes: limits.maxBlobBytes - record.offsetBytes + before.length }),
    ...(signal === undefined ? {} : { signal }),
  });
  const sizeBytes = segment.sizeBytes - before.length;
  if (segment.interrupted !== undefined) {
    return { addition: { segment }, sizeBytes, failure: { cause: segment.interrupted } };
  }
  try {
    assertLength(sizeBytes, lengthBytes);
  } catch (error) {
    await content.discardSegments([segment]);
    throw error;
  }
  return { addition: { segment }, sizeBytes };
}

/** Makes what was received part of the session; throws afterwards when the source had ended early. */
async function keep(
  context: RegistryContext,
  upload: StoredUpload,
  { addition, sizeBytes, failure }: Received,
): Promise<StoredUpload> {
  const segments: readonly Segment[] = 'segment' in addition ? [addition.segment] : [];
  let after = upload;
  if (sizeBytes > 0) {
    try {
      after = await commitAddition(context, upload, addition);
    } catch (error) {
      await tidySegments(context, upload, segments);
      throw error;
    }
  } else {
    await tidySegments(context, upload, segments);
  }
  if (failure !== undefined) throw failure.cause;
  return after;
}

/** A session that is used is not swept, however long the request takes: its life is renewed at half time. */
async function stayAlive(context: RegistryContext, upload: StoredUpload): Promise<StoredUpload> {
  const { metadata, clock, limits } = context;
  if (upload.record.expiresAtMs - clock.now() > limits.uploadTtlMs / 2) return upload;
  return transact(metadata, async (transaction) => {
    const now = await reloadUpload(context, transaction, upload);
    const record = { ...now.record, expiresAtMs: clock.now() + limits.uploadTtlMs };
    putUpload(transaction, now, record);
    return { ...now, record };
  });
}

function assertLength(sizeBytes: number, lengthBytes: number | undefined): void {
  if (lengthBytes === undefined || lengthBytes === sizeBytes) return;
  throw new StoreError('size-invalid', `${lengthBytes} bytes were announced and ${sizeBytes} arrived`);
}

function assertBlobSize({ limits }: RegistryContext, sizeBytes: number): void {
  if (limits.maxBlobBytes !== undefined && sizeBytes > limits.maxBlobBytes)
    throw tooLarge(limits.maxBlobBytes);
}

function tooLarge(limitBytes: number | undefined): StoreError {
  return new StoreError('body-too-large', `a blob may have at most ${limitBytes} bytes here`);
}
