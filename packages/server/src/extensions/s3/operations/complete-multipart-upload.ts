import { collectPayload } from '../auth/collect-payload.ts';
import { headerOf } from '../auth/header-of.ts';
import { customerKeyOf } from '../encryption/opening.ts';
import { encryptionHeaders } from '../encryption/reply-headers.ts';
import { S3Error } from '../errors.ts';
import type { Handler } from '../handlers.ts';
import { completeUpload } from '../multipart/complete-upload.ts';
import { parsePartList } from '../multipart/part-list.ts';
import { checksumTypeAsked, claimedChecksums } from '../multipart/upload-checksum.ts';
import { CHECKSUMS, checksumText } from '../object/checksum.ts';
import { assertWritable, writeConditions } from '../object/conditional-write.ts';
import { quoted } from '../object/entity-tag.ts';
import type { ObjectOperation } from '../operation.ts';
import { userOf } from '../owner.ts';
import { xmlReply } from '../reply.ts';

/** 10,000 parts with the longest checksums need less. */
const MAX_BYTES = 4 * 1024 * 1024;
const CHECKSUM_HEADER = /^x-amz-(?:sdk-)?checksum-/;

export const completeMultipartUpload: Handler<ObjectOperation> = async (
  { bucket: name, key, query },
  context,
  deps,
) => {
  const { head, principal } = context;
  const uploadId = query.get('uploadId') ?? '';
  await deps.buckets.require(name);
  const conditions = writeConditions(head);
  const checksumType = checksumTypeAsked(head);
  const customer = customerKeyOf(head);
  const sizeBytes = objectSize(headerOf(head, 'x-amz-mp-object-size'));
  // A checksum in the head is of the object, not of this document.
  const parts = await parsePartList(await collectPayload(withoutChecksums(context), MAX_BYTES));
  const completed = await completeUpload(deps, {
    bucket: name,
    key,
    uploadId,
    parts,
    condition: conditions && ((current) => assertWritable(conditions, current, key)),
    expected: {
      ...(sizeBytes !== undefined && { sizeBytes }),
      ...(checksumType !== undefined && { checksumType }),
      checksums: claimedChecksums(head),
    },
    actor: userOf(principal),
    customer,
  });
  const { etag, checksum, versionId, encryption } = completed;
  return xmlReply(
    'CompleteMultipartUploadResult',
    {
      Location: `${head.tls === undefined ? 'http' : 'https'}://${headerOf(head, 'host') ?? ''}${head.path}`,
      Bucket: name,
      Key: key,
      ETag: quoted(etag),
      ...(checksum === undefined
        ? {}
        : {
            [CHECKSUMS[checksum.algorithm].element]: checksumText(checksum, parts.length),
            ChecksumType: checksum.type,
          }),
    },
    {
      ...encryptionHeaders(encryption, customer),
      ...(versionId !== undefined && { 'x-amz-version-id': versionId }),
    },
  );
};

function objectSize(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new S3Error('InvalidRequest', 'Value for x-amz-mp-object-size header is invalid.');
}

function withoutChecksums(context: Parameters<typeof collectPayload>[0]): typeof context {
  const headers = Object.fromEntries(
    Object.entries(context.head.headers).filter(([header]) => !CHECKSUM_HEADER.test(header)),
  );
  return { body: context.body, head: { ...context.head, headers } };
}
