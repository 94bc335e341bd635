import { createHash } from 'node:crypto';
import { StoreError } from '@zot-artifact-store/spec';
import { decodeKey } from '../../../metadata/keys.ts';
import type { MetadataStore } from '../../../metadata/metadata-store.ts';
import type { BucketName } from '../bucket-name.ts';
import type { S3Deps } from '../deps.ts';
import type { CustomerKey } from '../encryption/customer-key.ts';
import { openingKey } from '../encryption/opening.ts';
import { sealedBytes } from '../encryption/sealed-blob.ts';
import { S3Error } from '../errors.ts';
import type { StoredBucket } from '../store/buckets.ts';
import { s3Keys } from '../store/keyspace.ts';
import type { Checksum, ObjectEncryption, ObjectPart, ObjectVersion } from '../store/records.ts';
import { type Condition, versionIdOf } from '../store/versions.ts';
import type { ListedPart } from './part-list.ts';
import {
  type FinishedUpload,
  finishedCodec,
  type PartRecord,
  partCodec,
  type UploadRecord,
} from './records.ts';
import { noSuchUpload, type UploadPlace } from './uploads.ts';
import { multipartEtag, wholeChecksum } from './whole-checksum.ts';

export interface CompleteUpload {
  readonly bucket: BucketName;
  readonly key: string;
  readonly uploadId: string;
  readonly parts: readonly ListedPart[];
  readonly condition?: Condition | undefined;
  /** What the client says of the whole; each is checked. */
  readonly expected: {
    readonly sizeBytes?: number;
    readonly checksumType?: Checksum['type'];
    /** Base64, with the `-N` of a composite. */
    readonly checksums: Readonly<Partial<Record<Checksum['algorithm'], string>>>;
  };
  readonly actor: string;
  /** The key that the request came with. */
  readonly customer: CustomerKey | undefined;
}

export interface CompletedUpload {
  readonly etag: string;
  readonly checksum?: Checksum;
  readonly versionId?: string;
  readonly encryption?: ObjectEncryption;
}

/**
 * Makes the parts of an upload an object by writing their list. Completing again with the same list gives the same
 * answer. Throws NoSuchUpload, InvalidPart, EntityTooSmall, BadDigest, InvalidRequest, and what `condition` throws.
 */
export async function completeUpload(deps: S3Deps, complete: CompleteUpload): Promise<CompletedUpload> {
  const { content } = deps;
  const listDigest = digestOfList(complete.parts);
  const bucket = await deps.buckets.require(complete.bucket);
  const place = { bucket, key: complete.key, uploadId: complete.uploadId };
  const answered = await answerOf(deps.metadata, place, listDigest);
  if (answered !== undefined) return answered;
  const { record: upload } = await deps.uploads.require(place);
  assertKey(upload, complete.customer, deps);
  const stored = await readStoredParts(deps.metadata, complete.uploadId);
  const parts = choose(complete, stored, deps.options.minPartBytes);
  const whole = describeWhole(complete, parts, upload);
  assertListed(complete, parts, upload);

  const only = parts.length === 1 ? parts[0] : undefined;
  const prepared =
    only === undefined ? [content.composeParts(parts.map((part) => storedPart(part, upload)))] : [];
  const body = prepared[0]?.digest ?? only?.digest;
  if (body === undefined) throw new StoreError('internal', 'an upload without parts was let through');
  return deps.turns.take({ bucket: complete.bucket, key: complete.key }, () =>
    content.transact(prepared, async (transaction) => {
      const here = { ...place, bucket: await deps.buckets.require(complete.bucket) };
      const earlier = await answerOf(deps.metadata, here, listDigest);
      if (earlier !== undefined) return earlier;
      const open = await deps.uploads.require(here);
      // A part that was uploaded again meanwhile is not the part that was looked at.
      for (const { partNumber, raw } of parts) {
        transaction.expectUnchanged(s3Keys.part(complete.uploadId, partNumber), raw);
      }
      const version = await deps.versions.put(
        transaction,
        here,
        {
          sizeBytes: whole.sizeBytes,
          etag: whole.etag,
          body,
          ...(only === undefined || upload.encryption !== undefined ? {} : { sha256: only.digest }),
          ...(upload.encryption === undefined ? {} : { encryption: upload.encryption }),
          ...(whole.checksum === undefined ? {} : { checksum: whole.checksum }),
          owner: upload.owner,
          ...(upload.retention === undefined ? {} : { retention: upload.retention }),
          ...(upload.legalHold === undefined ? {} : { legalHold: upload.legalHold }),
          extra: await deps.uploads.extra(here, open),
          parts: parts.map((part) => asObjectPart(part, upload)),
        },
        complete.condition,
      );
      deps.uploads.end(transaction, here, open);
      if (version.sha256 === undefined) queueWholeDigest(deps, transaction, here, version);
      const answer = answerFor(here.bucket, version);
      const finished: FinishedUpload = {
        ...answer,
        bucketId: here.bucket.record.id,
        key: complete.key,
        listDigest,
        finishedAtMs: deps.clock.now(),
      };
      transaction.put(s3Keys.finishedUpload(complete.uploadId), finishedCodec.encode(finished));
      deps.events.write(transaction, {
        type: 'object.created',
        repository: `s3/${complete.bucket}`,
        bucket: complete.bucket,
        key: complete.key,
        ...(answer.versionId === undefined ? {} : { versionId: answer.versionId }),
        sizeBytes: whole.sizeBytes,
        etag: whole.etag,
        ...(version.sha256 === undefined ? {} : { digest: version.sha256 }),
        operation: 'multipart',
        actor: complete.actor,
      });
      return answer;
    }),
  );
}

interface ChosenPart extends PartRecord {
  readonly partNumber: number;
  readonly raw: Uint8Array;
}

async function answerOf(
  metadata: MetadataStore,
  { bucket, key, uploadId }: UploadPlace,
  listDigest: string,
): Promise<CompletedUpload | undefined> {
  const row = await metadata.get(s3Keys.finishedUpload(uploadId));
  if (row === undefined) return undefined;
  const finished = finishedCodec.decode(row);
  const isSame =
    finished.bucketId === bucket.record.id && finished.key === key && finished.listDigest === listDigest;
  if (!isSame) throw noSuchUpload(uploadId);
  const { etag, checksum, versionId, encryption } = finished;
  return {
    etag,
    ...(checksum && { checksum }),
    ...(versionId !== undefined && { versionId }),
    ...(encryption && { encryption }),
  };
}

async function readStoredParts(
  metadata: MetadataStore,
  uploadId: string,
): Promise<ReadonlyMap<number, Uint8Array>> {
  const parts = new Map<number, Uint8Array>();
  let after: Uint8Array | undefined;
  for (;;) {
    const rows = await metadata.scan(
      { prefix: s3Keys.parts(uploadId) },
      { limit: 1000, ...(after === undefined ? {} : { after }) },
    );
    for (const { key, value } of rows) parts.set(Number(decodeKey(key).at(-1)), value);
    after = rows.at(-1)?.key;
    if (after === undefined || rows.length < 1000) return parts;
  }
}

function choose(
  { parts, uploadId }: CompleteUpload,
  stored: ReadonlyMap<number, Uint8Array>,
  minPartBytes: number,
): readonly ChosenPart[] {
  return parts.map(({ partNumber, etag }, index) => {
    const raw = stored.get(partNumber);
    const record = raw && partCodec.decode(raw);
    if (raw === undefined || record === undefined || record.etag !== etag.toLowerCase()) {
      throw invalidPart(uploadId, partNumber, etag);
    }
    if (index < parts.length - 1 && record.sizeBytes < minPartBytes) {
      throw new S3Error(
        'EntityTooSmall',
        'Your proposed upload is smaller than the minimum allowed object size.',
        {
          fields: {
            ProposedSize: String(record.sizeBytes),
            MinSizeAllowed: String(minPartBytes),
            PartNumber: String(partNumber),
            ETag: etag,
          },
        },
      );
    }
    return { ...record, partNumber, raw };
  });
}

/** What the client says of each part. That of the whole was compared before, as it is told apart by its own error. */
function assertListed(
  { parts: listed, uploadId }: CompleteUpload,
  parts: readonly ChosenPart[],
  { checksum: kind }: UploadRecord,
): void {
  if (kind === undefined) return;
  for (const [index, { partNumber, etag, checksums }] of listed.entries()) {
    const said = checksums[kind.algorithm];
    const other = Object.keys(checksums).find((algorithm) => algorithm !== kind.algorithm);
    if (other !== undefined) {
      throw new S3Error(
        'BadDigest',
        `The ${other} you specified for part ${partNumber} is not what the upload was created with.`,
      );
    }
    if (said === undefined && kind.type === 'COMPOSITE') {
      throw new S3Error(
        'InvalidRequest',
        `The upload was created using a ${kind.algorithm.toLowerCase()} checksum. The complete request must include the checksum for each part. It was missing for part ${partNumber} in the request.`,
      );
    }
    if (said !== undefined && said !== parts[index]?.checksum) throw invalidPart(uploadId, partNumber, etag);
  }
}

function describeWhole(
  { parts: listed, expected }: CompleteUpload,
  parts: readonly ChosenPart[],
  upload: UploadRecord,
): { readonly sizeBytes: number; readonly etag: string; readonly checksum: Checksum } {
  const sizeBytes = parts.reduce((sum, part) => sum + part.sizeBytes, 0);
  if (expected.sizeBytes !== undefined && expected.sizeBytes !== sizeBytes) {
    throw new S3Error(
      'InvalidRequest',
      `The provided 'x-amz-mp-object-size' header value ${expected.sizeBytes} does not match what was computed: ${sizeBytes}`,
    );
  }
  const kind = upload.checksum ?? { algorithm: 'CRC64NVME', type: 'FULL_OBJECT' };
  if (
    expected.checksumType !== undefined &&
    upload.checksum !== undefined &&
    expected.checksumType !== kind.type
  ) {
    throw new S3Error(
      'InvalidRequest',
      `The upload was created using the ${kind.type} checksum mode. The complete request must use the same checksum mode.`,
    );
  }
  const checksum = wholeChecksum(kind, parts);
  const claimed = expected.checksums[kind.algorithm];
  // An upload that was created without an algorithm ignores what the last request says.
  if (upload.checksum !== undefined && claimed !== undefined) {
    const suffix = kind.type === 'COMPOSITE' ? `-${listed.length}` : '';
    if (claimed !== checksum.value + suffix && claimed !== checksum.value) {
      throw new S3Error(
        'BadDigest',
        `The ${kind.algorithm} you specified did not match the calculated checksum.`,
        {
          fields: { CalculatedDigest: checksum.value + suffix, ExpectedDigest: claimed.slice(0, 200) },
        },
      );
    }
  }
  return { sizeBytes, etag: multipartEtag(parts.map(({ etag }) => etag)), checksum };
}

/**
 * Who completes with a customer's key must have that of the parts; without one it is needed only where the checksums of
 * parts are compared, as at Amazon. Throws InvalidRequest.
 */
function assertKey(
  { encryption, checksum }: UploadRecord,
  customer: CustomerKey | undefined,
  { keyring }: S3Deps,
): void {
  if (customer === undefined && (encryption?.kind !== 'customer' || checksum === undefined)) return;
  openingKey(encryption, customer, keyring);
}

/** What the store has of a part. */
function storedPart(
  { digest, sizeBytes }: PartRecord,
  { encryption }: UploadRecord,
): Pick<PartRecord, 'digest' | 'sizeBytes'> {
  return { digest, sizeBytes: encryption === undefined ? sizeBytes : sealedBytes(sizeBytes) };
}

/** The digest of what a customer encrypted is not kept. */
function queueWholeDigest(
  { clock }: S3Deps,
  transaction: Parameters<S3Deps['uploads']['end']>[0],
  { bucket, key }: UploadPlace,
  version: ObjectVersion,
): void {
  if (version.encryption?.kind === 'customer') return;
  transaction.put(
    s3Keys.wholeDue(clock.now(), bucket.record.id, key, version.order),
    Buffer.from(bucket.name),
  );
}

function answerFor(bucket: StoredBucket, version: ObjectVersion): CompletedUpload {
  return {
    etag: version.etag,
    ...(version.checksum === undefined ? {} : { checksum: version.checksum }),
    ...(version.encryption === undefined ? {} : { encryption: version.encryption }),
    // "x-amz-version-id" is left out where the version is `null`.
    ...(bucket.record.versioning === 'enabled' ? { versionId: versionIdOf(version) } : {}),
  };
}

/** Who asked for no checksum is told of none. */
function asObjectPart(
  { partNumber, sizeBytes, digest, checksum }: ChosenPart,
  upload: UploadRecord,
): ObjectPart {
  return { partNumber, sizeBytes, digest, ...(upload.checksum === undefined ? {} : { checksum }) };
}

function digestOfList(parts: readonly ListedPart[]): string {
  const hash = createHash('sha256');
  for (const { partNumber, etag } of parts) hash.update(`${partNumber}:${etag}\n`);
  return hash.digest('hex');
}

function invalidPart(uploadId: string, partNumber: number, etag: string): S3Error {
  return new S3Error(
    'InvalidPart',
    "One or more of the specified parts could not be found. The part may not have been uploaded, or the specified entity tag may not match the part's entity tag.",
    { fields: { UploadId: uploadId, PartNumber: String(partNumber), ETag: etag.slice(0, 200) } },
  );
}
