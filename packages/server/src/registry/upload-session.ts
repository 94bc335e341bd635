import { type RepositoryName, StoreError } from '@zot-artifact-store/spec';
import type { Segment } from '../content/content-store.ts';
import { type Transaction, transact } from '../metadata/transaction.ts';
import { registryKeys } from './keyspace.ts';
import { PRESENT, type SegmentRecord, segmentCodec, type UploadRecord, uploadCodec } from './records.ts';
import type { RegistryContext } from './registry-context.ts';

/** Where a session is kept: it belongs to one repository. */
export interface UploadPlace {
  readonly repository: RepositoryName;
  readonly id: string;
}

export interface StoredUpload extends UploadPlace {
  /** Undefined as long as nothing was written for it: its id alone says that it is there. */
  readonly raw: Uint8Array | undefined;
  readonly record: UploadRecord;
}

/** What an append adds: bytes for the session record, or a staged segment that takes the record's bytes with it. */
export type Addition = { readonly inline: Uint8Array } | { readonly segment: Segment };

/** A session of more pieces is refused: finishing it is one transaction. */
const MAX_SEGMENTS = 20_000;

export function uploadUnknown({ id }: UploadPlace): StoreError {
  return new StoreError(
    'upload-unknown',
    'there is no such upload; it may have been finished or have expired',
    {
      resource: id.slice(0, 64),
    },
  );
}

export function outOfOrder({ id }: UploadPlace, message: string): StoreError {
  return new StoreError('upload-out-of-order', message, { resource: id });
}

/** Throws `upload-unknown`. */
export async function loadUpload(context: RegistryContext, place: UploadPlace): Promise<StoredUpload> {
  const upload = await findUpload(context, place);
  if (upload === undefined) throw uploadUnknown(place);
  return upload;
}

async function findUpload(
  { metadata, uploadIds, clock, limits }: RegistryContext,
  { repository, id }: UploadPlace,
): Promise<StoredUpload | undefined> {
  const made = uploadIds.read(repository, id);
  if (made === undefined) return undefined;
  const { createdAtMs, algorithm } = made;
  const [raw, over] = await metadata.getMany([
    registryKeys.upload(repository, id),
    registryKeys.uploadOver(createdAtMs, id),
  ]);
  if (raw !== undefined) return { repository, id, raw, record: uploadCodec.decode(raw) };
  const expiresAtMs = createdAtMs + limits.uploadTtlMs;
  if (over !== undefined || expiresAtMs <= clock.now()) return undefined;
  const record = { offsetBytes: 0, algorithm, createdAtMs, expiresAtMs, dueAtMs: expiresAtMs, segments: 0 };
  return { repository, id, raw: undefined, record };
}

/** The session again, inside an attempt; throws when it is not as it was, so that of two writers one wins. */
export async function reloadUpload(
  context: RegistryContext,
  transaction: Transaction,
  seen: StoredUpload,
): Promise<StoredUpload> {
  const now = await loadUpload(context, seen);
  const { offsetBytes, segments } = seen.record;
  // Only the expiry may differ: segments and offset grow with every append.
  if (now.record.offsetBytes !== offsetBytes || now.record.segments !== segments) {
    throw outOfOrder(seen, 'another request changed the upload meanwhile');
  }
  expectUpload(transaction, now);
  return now;
}

/** The transaction fails when the session has changed or has ended. */
function expectUpload(transaction: Transaction, { repository, id, raw, record }: StoredUpload): void {
  transaction.expectUnchanged(registryKeys.upload(repository, id), raw);
  if (raw === undefined) transaction.expectAbsent(registryKeys.uploadOver(record.createdAtMs, id));
}

/** Writes what a session is now, with the row that finds it when it is due, if it had none. */
export function putUpload(
  transaction: Transaction,
  { repository, id, raw }: Pick<StoredUpload, 'repository' | 'id' | 'raw'>,
  record: UploadRecord,
): void {
  transaction.put(registryKeys.upload(repository, id), uploadCodec.encode(record));
  if (raw === undefined) transaction.put(registryKeys.uploadDue(record.dueAtMs, repository, id), PRESENT);
}

/** Makes an addition part of the session. Throws `upload-out-of-order` when another append won. */
export function commitAddition(
  context: RegistryContext,
  seen: StoredUpload,
  addition: Addition,
): Promise<StoredUpload> {
  const { metadata, clock, limits } = context;
  return transact(metadata, async (transaction) => {
    const now = await reloadUpload(context, transaction, seen);
    const { record } = now;
    const { inline: before, ...kept } = record;
    const expiresAtMs = clock.now() + limits.uploadTtlMs;
    let next: UploadRecord;
    if ('inline' in addition) {
      const inline = Buffer.concat([before ?? Buffer.alloc(0), addition.inline]);
      next = { ...kept, expiresAtMs, inline, offsetBytes: record.offsetBytes + addition.inline.length };
    } else {
      const { stagedId, sizeBytes, digest } = addition.segment;
      if (record.segments >= MAX_SEGMENTS) throw tooManyPieces(seen);
      transaction.put(
        registryKeys.segment(seen.id, record.segments),
        segmentCodec.encode({ stagedId, sizeBytes, digest }),
      );
      transaction.put(registryKeys.claim(stagedId), PRESENT);
      const offsetBytes = record.offsetBytes - (before?.length ?? 0) + sizeBytes;
      next = { ...kept, expiresAtMs, segments: record.segments + 1, offsetBytes };
    }
    putUpload(transaction, now, next);
    return { ...seen, raw: uploadCodec.encode(next), record: next };
  });
}

export async function loadSegments(
  { metadata }: RegistryContext,
  { id, record }: StoredUpload,
): Promise<readonly SegmentRecord[]> {
  const keys = Array.from({ length: record.segments }, (_, index) => registryKeys.segment(id, index));
  const values = await metadata.getMany(keys);
  return values.map((value) => {
    if (value === undefined) throw new StoreError('upload-unknown', 'the upload has ended', { resource: id });
    return segmentCodec.decode(value);
  });
}

/**
 * Ends a session: its rows go, and what is left says that its id counts no more, until it would have expired. Its staged
 * bytes are the caller's to discard after the commit.
 */
export function endUpload(
  transaction: Transaction,
  { repository, id, raw, record }: StoredUpload,
  segments: readonly SegmentRecord[],
): void {
  transaction.put(registryKeys.uploadOver(record.createdAtMs, id), PRESENT);
  if (raw === undefined) return;
  transaction.delete(registryKeys.upload(repository, id));
  transaction.delete(registryKeys.uploadDue(record.dueAtMs, repository, id));
  segments.forEach(({ stagedId }, index) => {
    transaction.delete(registryKeys.segment(id, index));
    transaction.delete(registryKeys.claim(stagedId));
  });
}

/**
 * Ends a session without a blob, with its bytes. False when it is gone or not as `mayEnd` wants it; throws `conflict`
 * only when it changed too often.
 */
export async function dropUpload(
  context: RegistryContext,
  place: UploadPlace,
  mayEnd: (record: UploadRecord) => boolean,
): Promise<boolean> {
  const { metadata, volumeFor } = context;
  const segments = await transact(metadata, async (transaction) => {
    transaction.mayUseReserve = true;
    const upload = await findUpload(context, place);
    if (upload === undefined || !mayEnd(upload.record)) return undefined;
    expectUpload(transaction, upload);
    const found = await loadSegments(context, upload);
    endUpload(transaction, upload, found);
    return found;
  });
  if (segments === undefined) return false;
  await volumeFor(place.repository).content.discardSegments(segments);
  return true;
}

function tooManyPieces({ id }: UploadPlace): StoreError {
  return new StoreError(
    'upload-invalid',
    `the upload came in more than ${MAX_SEGMENTS} pieces; send larger chunks`,
    { resource: id },
  );
}
