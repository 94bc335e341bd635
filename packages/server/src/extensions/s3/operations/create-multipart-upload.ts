import { customerOf, encryptionHeaders } from '../encryption/reply-headers.ts';
import { settleSealing } from '../encryption/sealing.ts';
import type { Handler } from '../handlers.ts';
import { uploadChecksum } from '../multipart/upload-checksum.ts';
import { assertMayDescribe, parseDescription, settle } from '../object/description.ts';
import { headerFields } from '../object/fields.ts';
import type { ObjectOperation } from '../operation.ts';
import { xmlReply } from '../reply.ts';

/** Begins an upload; what the object will be described by is said here and kept. */
export const createMultipartUpload: Handler<ObjectOperation> = async (
  { bucket: name, key },
  context,
  deps,
) => {
  const { head, principal } = context;
  const found = await deps.buckets.require(name);
  const description = parseDescription(headerFields(head), deps.clock.now());
  const checksum = uploadChecksum(head);
  await assertMayDescribe(description, context, { bucket: name, key });
  const sealing = await settleSealing(description.encryption, found, deps);
  const encryption = sealing?.encryption;
  const uploadId = await deps.uploads.create(async () => {
    const bucket = await deps.buckets.require(name);
    const settled = settle(description, bucket.record, { principal, nowMs: deps.clock.now() });
    return {
      place: { bucket, key },
      upload: { ...settled, ...(checksum && { checksum }), ...(encryption && { encryption }) },
    };
  });
  return xmlReply(
    'InitiateMultipartUploadResult',
    { Bucket: name, Key: key, UploadId: uploadId },
    {
      ...encryptionHeaders(encryption, customerOf(description.encryption)),
      ...(checksum !== undefined && {
        'x-amz-checksum-algorithm': checksum.algorithm,
        'x-amz-checksum-type': checksum.type,
      }),
    },
  );
};
