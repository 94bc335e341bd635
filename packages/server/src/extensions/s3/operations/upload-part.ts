import { openPayload } from '../auth/payload.ts';
import { customerKeyOf } from '../encryption/opening.ts';
import { encryptionHeaders } from '../encryption/reply-headers.ts';
import { S3Error } from '../errors.ts';
import type { Handler } from '../handlers.ts';
import { parsePartNumber } from '../multipart/part-list.ts';
import { algorithmOf, sealingOfPart, writePart } from '../multipart/write-part.ts';
import { CHECKSUMS, checksumSent } from '../object/checksum.ts';
import { contentMd5 } from '../object/content-md5.ts';
import { quoted } from '../object/entity-tag.ts';
import { assertSize, ingestChecked } from '../object/ingest-checked.ts';
import type { ObjectOperation } from '../operation.ts';
import { emptyReply } from '../reply.ts';

/** A part of an upload, or a new one in its place. */
export const uploadPart: Handler<ObjectOperation> = async ({ bucket: name, key, query }, context, deps) => {
  const { head } = context;
  const partNumber = parsePartNumber(query.get('partNumber') ?? '');
  const uploadId = query.get('uploadId') ?? '';
  const bucket = await deps.buckets.require(name);
  const { record: upload } = await deps.uploads.require({ bucket, key, uploadId });
  const customer = customerKeyOf(head);
  const sealing = sealingOfPart(upload, customer, deps);
  const md5 = contentMd5(head);
  const checksum = checksumSent(head);
  const algorithm = algorithmOf(upload);
  if (checksum !== undefined && upload.checksum !== undefined && checksum.algorithm !== algorithm) {
    throw new S3Error(
      'InvalidRequest',
      `Checksum Type mismatch occurred, expected checksum Type: ${algorithm.toLowerCase()}, actual checksum Type: ${checksum.algorithm.toLowerCase()}`,
    );
  }
  if (checksum === undefined && upload.checksum?.type === 'COMPOSITE') {
    throw new S3Error(
      'InvalidRequest',
      `Checksum Type mismatch occurred, expected checksum Type: ${algorithm.toLowerCase()}, actual checksum Type: null`,
    );
  }
  const payload = openPayload(context);
  assertSize(payload.sizeBytes);
  await deps.vetoes.beforeIngest({
    principal: context.principal,
    repository: `s3/${name}`,
    declaredBytes: payload.sizeBytes,
  });
  const checked = await ingestChecked(
    { payload, md5, checksum, alsoHash: algorithm, sealing },
    context,
    deps,
  );
  const part = await writePart(deps, { bucket: name, key, uploadId, partNumber }, checked);
  return emptyReply(200, {
    etag: quoted(part.etag),
    ...encryptionHeaders(upload.encryption, customer),
    ...(upload.checksum !== undefined || checksum !== undefined
      ? { [CHECKSUMS[algorithm].header]: part.checksum }
      : {}),
  });
};
