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
  await deps.buckets.require(name);
  const description = parseDescription(headerFields(head), deps.clock.now());
  const checksum = uploadChecksum(head);
  await assertMayDescribe(description, context, { bucket: name, key });
  const uploadId = await deps.uploads.create(async () => {
    const bucket = await deps.buckets.require(name);
    const settled = settle(description, bucket.record, { principal, nowMs: deps.clock.now() });
    return { place: { bucket, key }, upload: { ...settled, ...(checksum && { checksum }) } };
  });
  return xmlReply(
    'InitiateMultipartUploadResult',
    { Bucket: name, Key: key, UploadId: uploadId },
    checksum === undefined
      ? {}
      : { 'x-amz-checksum-algorithm': checksum.algorithm, 'x-amz-checksum-type': checksum.type },
  );
};
