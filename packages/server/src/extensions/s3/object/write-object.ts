import type { StoreEvent } from '../../../extension/events.ts';
import type { RequestContext } from '../../../http/protocol.ts';
import type { Payload } from '../auth/payload.ts';
import type { S3Deps } from '../deps.ts';
import type { Sealing } from '../encryption/sealing.ts';
import type { StoredBucket } from '../store/buckets.ts';
import type { Checksum, ChecksumAlgorithm, ObjectVersion } from '../store/records.ts';
import { versionIdOf } from '../store/versions.ts';
import { type ChecksumSent, DEFAULT_CHECKSUM } from './checksum.ts';
import { assertWritable, type WriteConditions } from './conditional-write.ts';
import { type Description, settle } from './description.ts';
import { assertSize, ingestChecked } from './ingest-checked.ts';

export interface ObjectWrite {
  /** As it was when the request was judged; it is read again in the transaction. */
  readonly bucket: StoredBucket;
  readonly key: string;
  readonly payload: Pick<Payload, 'source' | 'sizeBytes' | 'sha256' | 'trailers'>;
  readonly description: Description;
  /** Undefined stores the content as it comes. */
  readonly sealing: Sealing | undefined;
  /** Hex. */
  readonly md5: string | undefined;
  readonly checksum: ChecksumSent | undefined;
  readonly conditions: WriteConditions | undefined;
  readonly operation: Extract<StoreEvent, { type: 'object.created' }>['operation'];
  /** The checksum that the object has when none was sent. */
  readonly keptChecksum?: ChecksumAlgorithm;
  readonly maxBytes?: number;
}

export interface WrittenObject {
  readonly record: ObjectVersion;
  /** Absent where the bucket is not versioned, or no longer. */
  readonly versionId: string | undefined;
}

/**
 * Stores a body and makes it the current version of its key. Nothing of it is visible, and what was there before stays,
 * when it throws: XAmzContentSHA256Mismatch, BadDigest, IncompleteBody, EntityTooLarge, PreconditionFailed, NoSuchKey,
 * NoSuchBucket when the bucket went meanwhile, and what the vetoes have against it.
 */
export async function writeObject(
  write: ObjectWrite,
  context: Pick<RequestContext, 'principal' | 'signal'>,
  deps: S3Deps,
): Promise<WrittenObject> {
  const { key, payload, description, conditions } = write;
  const { content, versions, buckets, clock, events } = deps;
  const { principal } = context;
  const bucketName = write.bucket.name;
  assertSize(payload.sizeBytes, write.maxBytes);
  // Refused before the body is read; judged again in the transaction.
  settle(description, write.bucket.record, { principal, nowMs: clock.now() });
  if (conditions !== undefined) {
    const current = await versions.current({ bucket: write.bucket, key });
    assertWritable(conditions, current?.record, key);
  }
  await deps.vetoes.beforeIngest({
    principal,
    repository: `s3/${bucketName}`,
    declaredBytes: payload.sizeBytes,
  });

  const algorithm = write.checksum?.algorithm ?? write.keptChecksum ?? DEFAULT_CHECKSUM;
  const checked = await ingestChecked({ ...write, alsoHash: algorithm }, context, deps);
  const { prepared, sizeBytes, etag, sha256 } = checked;
  const checksum: Checksum = { algorithm, type: 'FULL_OBJECT', value: checked.checksum };
  return deps.turns.take({ bucket: bucketName, key }, () =>
    content.transact([prepared], async (transaction) => {
      const bucket = await buckets.require(bucketName);
      const record = await versions.put(
        transaction,
        { bucket, key },
        {
          ...settle(description, bucket.record, { principal, nowMs: clock.now() }),
          sizeBytes,
          etag,
          checksum,
          body: prepared.digest,
          ...(sha256 !== undefined && { sha256 }),
          ...(write.sealing !== undefined && { encryption: write.sealing.encryption }),
        },
        conditions && ((current) => assertWritable(conditions, current, key)),
      );
      const versionId = record.isNull ? undefined : versionIdOf(record);
      events.write(transaction, {
        type: 'object.created',
        repository: `s3/${bucketName}`,
        bucket: bucketName,
        key,
        ...(versionId !== undefined && { versionId }),
        sizeBytes: record.sizeBytes,
        etag,
        ...(sha256 !== undefined && { digest: sha256 }),
        operation: write.operation,
        ...(principal.kind === 'user' && { actor: principal.name }),
      });
      return { record, versionId };
    }),
  );
}
