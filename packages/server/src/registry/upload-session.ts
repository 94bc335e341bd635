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
  readonly raw: Uint8Array;
  readonly record: UploadRecord;
}

/** What an append adds: bytes for the session record, or a staged segment that takes the record's bytes with it. */
export type Addition = { readonly inline: Uint8Array } | { readonly segment: Segment };

/** A session of more pieces is refused: finishing it is one transaction. */
const MAX_SEGMENTS = 20_000;
const ID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

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
export async function loadUpload({ metadata }: RegistryContext, place: UploadPlace): Promise<StoredUpload> {
  const raw = ID.test(place.id)
    ? await metadata.get(registryKeys.upload(place.repository, place.id))
    : undefined;
  if (raw === undefined) throw uploadUnknown(place);
  return { repository: place.repository, id: place.id, raw, record: uploadCodec.decode(raw) };
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
  transaction.expectUnchanged(registryKeys.upload(seen.repository, seen.id), now.raw);
  return now;
}

export function putUpload(transaction: Transaction, place: UploadPlace, record: UploadRecord): void {
  transaction.put(registryKeys.upload(place.repository, place.id), uploadCodec.encode(record));
}

/** Makes an addition part of the session. Throws `upload-out-of-order` when another append won. */
export function commitAddition(
  context: RegistryContext,
  seen: StoredUpload,
  addition: Addition,
): Promise<StoredUpload> {
  const { metadata, clock, limits } = context;
  return transact(metadata, async (transaction) => {
    const { record } = await reloadUpload(context, transaction, seen);
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
    putUpload(transaction, seen, next);
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

/** The rows of a session. Its staged bytes are the caller's to discard after the commit. */
export function deleteUploadRows(
  transaction: Transaction,
  { repository, id, record }: StoredUpload,
  segments: readonly SegmentRecord[],
): void {
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
    const raw = await metadata.get(registryKeys.upload(place.repository, place.id));
    if (raw === undefined) return undefined;
    const upload = { ...place, raw, record: uploadCodec.decode(raw) };
    if (!mayEnd(upload.record)) return undefined;
    transaction.expectUnchanged(registryKeys.upload(place.repository, place.id), raw);
    const found = await loadSegments(context, upload);
    deleteUploadRows(transaction, upload, found);
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
