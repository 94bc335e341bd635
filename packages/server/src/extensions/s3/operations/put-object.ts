import { openPayload } from '../auth/payload.ts';
import { customerOf, encryptionHeaders } from '../encryption/reply-headers.ts';
import { settleSealing } from '../encryption/sealing.ts';
import type { Handler } from '../handlers.ts';
import { expirationHeader } from '../lifecycle/expiration-header.ts';
import { checksumHeaders, checksumSent } from '../object/checksum.ts';
import { writeConditions } from '../object/conditional-write.ts';
import { contentMd5 } from '../object/content-md5.ts';
import { assertMayDescribe, parseDescription } from '../object/description.ts';
import { quoted } from '../object/entity-tag.ts';
import { headerFields } from '../object/fields.ts';
import { writeObject } from '../object/write-object.ts';
import type { ObjectOperation } from '../operation.ts';
import { emptyReply } from '../reply.ts';

export const putObject: Handler<ObjectOperation> = async ({ bucket: name, key }, context, deps) => {
  const { head } = context;
  const bucket = await deps.buckets.require(name);
  const description = parseDescription(headerFields(head), deps.clock.now());
  const md5 = contentMd5(head);
  const checksum = checksumSent(head);
  const conditions = writeConditions(head);
  const payload = openPayload(context);
  await assertMayDescribe(description, context, { bucket: name, key });
  const sealing = await settleSealing(description.encryption, bucket, deps);
  const written = await writeObject(
    { bucket, key, payload, description, sealing, md5, checksum, conditions, operation: 'put' },
    context,
    deps,
  );
  const { record, versionId } = written;
  return emptyReply(200, {
    etag: quoted(record.etag),
    ...(await expirationHeader({ bucket, key, record, tags: description.tags }, deps)),
    ...checksumHeaders(record.checksum, undefined),
    ...encryptionHeaders(record.encryption, customerOf(description.encryption)),
    ...(versionId !== undefined && { 'x-amz-version-id': versionId }),
  });
};
