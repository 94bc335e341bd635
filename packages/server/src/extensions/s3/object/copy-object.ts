import type { RequestContext } from '../../../http/protocol.ts';
import type { Transaction } from '../../../metadata/transaction.ts';
import type { S3Deps } from '../deps.ts';
import { openContent } from '../encryption/open-content.ts';
import { isSameSealing, type Sealing } from '../encryption/sealing.ts';
import { S3Error } from '../errors.ts';
import type { StoredBucket } from '../store/buckets.ts';
import { s3Keys } from '../store/keyspace.ts';
import { readParts } from '../store/object-parts.ts';
import type { Checksum, ChecksumAlgorithm, ObjectPart } from '../store/records.ts';
import { versionIdOf } from '../store/versions.ts';
import { base64OfHex, CHECKSUMS } from './checksum.ts';
import { assertWritable, type WriteConditions } from './conditional-write.ts';
import { type Description, settle } from './description.ts';
import { type FoundObject, noSuchKey } from './find-object.ts';
import { type WrittenObject, writeObject } from './write-object.ts';

export interface ObjectCopy {
  readonly found: FoundObject;
  /** Where to; read again in the transaction. */
  readonly bucket: StoredBucket;
  readonly key: string;
  readonly description: Description;
  /** What opens the source, when it is encrypted. */
  readonly opening: Uint8Array | undefined;
  readonly sealing: Sealing | undefined;
  /** A checksum that the source does not have. */
  readonly checksum: ChecksumAlgorithm | undefined;
  readonly conditions: WriteConditions | undefined;
}

/**
 * Makes the content of one object also that of another, without copying a byte, unless it is to be encrypted otherwise.
 * Only a checksum that the source does not have costs reading it. Throws what `settle` and `assertWritable` throw, NoSuchBucket, and NoSuchKey when the
 * source was deleted so long ago that its content is gone.
 */
export async function copyObject(
  copy: ObjectCopy,
  context: Pick<RequestContext, 'principal' | 'signal'>,
  deps: S3Deps,
): Promise<WrittenObject> {
  const { found, key, description, conditions } = copy;
  const { content, versions, buckets, clock } = deps;
  const { principal } = context;
  const { record } = found;
  const bucketName = copy.bucket.name;
  settle(description, copy.bucket.record, { principal, nowMs: clock.now() });
  await deps.vetoes.beforeServe({
    principal,
    repository: `s3/${found.bucket.name}`,
    kind: 'object',
    digest: record.sha256 ?? record.body,
  });
  await deps.vetoes.beforeIngest({
    principal,
    repository: `s3/${bucketName}`,
    declaredBytes: record.sizeBytes,
  });
  const isShared =
    isSameSealing(record.encryption, copy.sealing?.encryption) &&
    (record.encryption === undefined || copy.checksum === undefined);
  if (!isShared) return rewrite(copy, context, deps);
  const parts = await partsOf(found, deps);
  const checksum =
    copy.checksum === undefined ? record.checksum : await checksumOf(found, copy.checksum, context, deps);

  return deps.turns.take({ bucket: bucketName, key }, () =>
    content.transact([], async (transaction) => {
      if ((await content.stat(record.body)) === undefined) throw noSuchKey(found.key);
      const bucket = await buckets.require(bucketName);
      const written = await versions.put(
        transaction,
        { bucket, key },
        {
          ...settle(description, bucket.record, { principal, nowMs: clock.now() }),
          sizeBytes: record.sizeBytes,
          etag: record.etag,
          body: record.body,
          ...(record.sha256 !== undefined && { sha256: record.sha256 }),
          ...(checksum !== undefined && { checksum }),
          ...(record.encryption !== undefined && { encryption: record.encryption }),
          ...(parts !== undefined && { parts }),
        },
        conditions && ((current) => assertWritable(conditions, current, key)),
      );
      const versionId = written.isNull ? undefined : versionIdOf(written);
      if (written.sha256 === undefined) {
        putWholeDue(transaction, { bucket, key, order: written.order, nowMs: clock.now() });
      }
      deps.events.write(transaction, {
        type: 'object.created',
        repository: `s3/${bucketName}`,
        bucket: bucketName,
        key,
        ...(versionId !== undefined && { versionId }),
        sizeBytes: written.sizeBytes,
        etag: written.etag,
        ...(written.sha256 !== undefined && { digest: written.sha256 }),
        operation: 'copy',
        ...(principal.kind === 'user' && { actor: principal.name }),
      });
      return { record: written, versionId };
    }),
  );
}

/** The content goes through this server, from one key to another; it becomes one piece. */
async function rewrite(
  { found, bucket, key, description, opening, sealing, checksum, conditions }: ObjectCopy,
  context: Pick<RequestContext, 'principal' | 'signal'>,
  deps: S3Deps,
): Promise<WrittenObject> {
  const { sizeBytes, checksum: before } = found.record;
  const algorithm = checksum ?? before?.algorithm;
  return writeObject(
    {
      bucket,
      key,
      payload: {
        source: await openContent(found, { key: opening, signal: context.signal }, deps),
        sizeBytes,
        sha256: undefined,
        trailers: () => new Map(),
      },
      description,
      sealing,
      md5: undefined,
      checksum: undefined,
      ...(algorithm !== undefined && { keptChecksum: algorithm }),
      conditions,
      operation: 'copy',
    },
    context,
    deps,
  );
}

/** The digest of the whole is to be computed for the copy, too. */
function putWholeDue(
  transaction: Transaction,
  {
    bucket,
    key,
    order,
    nowMs,
  }: { readonly bucket: StoredBucket; readonly key: string; readonly order: string; readonly nowMs: number },
): void {
  transaction.put(
    s3Keys.wholeDue(nowMs, bucket.record.id, key, order),
    new Uint8Array(Buffer.from(bucket.name)),
  );
}

/** A copy of a multipart object is one. */
async function partsOf(
  { bucket, key, record }: FoundObject,
  { metadata }: S3Deps,
): Promise<readonly ObjectPart[] | undefined> {
  if (record.partPages === undefined) return undefined;
  const parts = await readParts(metadata, { bucketId: bucket.record.id, key }, record);
  if (parts === undefined) throw noSuchKey(key);
  return parts;
}

async function checksumOf(
  { record }: FoundObject,
  algorithm: ChecksumAlgorithm,
  { signal }: Pick<RequestContext, 'signal'>,
  { content }: S3Deps,
): Promise<Checksum> {
  const { hash } = CHECKSUMS[algorithm];
  const known = hash === 'sha256' ? record.sha256?.slice('sha256:'.length) : undefined;
  const hex = known ?? (await content.hashWhole(record.body, [hash], { signal }))[hash];
  if (hex === undefined) throw new S3Error('InternalError', 'A checksum could not be computed.');
  return { algorithm, type: 'FULL_OBJECT', value: base64OfHex(hex) };
}
