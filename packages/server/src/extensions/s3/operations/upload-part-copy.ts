import type { Reply } from '../../../http/protocol.ts';
import { headerOf } from '../auth/header-of.ts';
import { SOURCE_CUSTOMER_PREFIX } from '../encryption/customer-key.ts';
import { openContent } from '../encryption/open-content.ts';
import { customerKeyOf, openingKey } from '../encryption/opening.ts';
import { encryptionHeaders } from '../encryption/reply-headers.ts';
import type { Handler } from '../handlers.ts';
import { replyInTime } from '../late-reply.ts';
import { parsePartNumber } from '../multipart/part-list.ts';
import { algorithmOf, sealingOfPart, writePart } from '../multipart/write-part.ts';
import { CHECKSUMS } from '../object/checksum.ts';
import { copySource } from '../object/copy-source.ts';
import { quoted } from '../object/entity-tag.ts';
import { assertSize, ingestChecked } from '../object/ingest-checked.ts';
import { invalidArgument } from '../object/invalid-argument.ts';
import type { ObjectOperation } from '../operation.ts';
import { isoTime, xmlReply } from '../reply.ts';
import { versionIdOf } from '../store/versions.ts';
import { findSource } from './copy-object.ts';

const NO_TRAILERS: ReadonlyMap<string, string> = new Map();
const RANGE = 'x-amz-copy-source-range';

/** A part with the bytes of an object, or of a range of it; they are read once for their checksums, and stored once. */
export const uploadPartCopy: Handler<ObjectOperation> = async (
  { bucket: name, key, query },
  context,
  deps,
) => {
  const { head, signal } = context;
  const partNumber = parsePartNumber(query.get('partNumber') ?? '');
  const uploadId = query.get('uploadId') ?? '';
  const source = copySource(head);
  const bucket = await deps.buckets.require(name);
  const { record: upload } = await deps.uploads.require({ bucket, key, uploadId });
  const found = await findSource(source, context, deps);
  const customer = customerKeyOf(head);
  const sealing = sealingOfPart(upload, customer, deps);
  const { encryption, sizeBytes } = found.record;
  const opening = openingKey(encryption, customerKeyOf(head, SOURCE_CUSTOMER_PREFIX), deps.keyring);
  const range = sourceRange(headerOf(head, RANGE), sizeBytes);
  const partBytes = range === undefined ? sizeBytes : range.end - range.start + 1;
  assertSize(partBytes);
  const algorithm = algorithmOf(upload);
  const payload = {
    source: await openContent(found, { key: opening, range, signal }, deps),
    sizeBytes: partBytes,
    sha256: undefined,
    trailers: () => NO_TRAILERS,
  };
  const work = async (): Promise<Reply> => {
    const checked = await ingestChecked(
      { payload, md5: undefined, checksum: undefined, alsoHash: algorithm, sealing },
      context,
      deps,
    );
    const part = await writePart(deps, { bucket: name, key, uploadId, partNumber }, checked);
    return xmlReply(
      'CopyPartResult',
      {
        LastModified: isoTime(part.modifiedAtMs),
        ETag: quoted(part.etag),
        ...(upload.checksum !== undefined && { [CHECKSUMS[algorithm].element]: part.checksum }),
      },
      {
        ...encryptionHeaders(upload.encryption, customer),
        ...(found.bucket.record.versioning !== 'unversioned' && {
          'x-amz-copy-source-version-id': versionIdOf(found.record),
        }),
      },
    );
  };
  return replyInTime(work, { head, log: deps.log });
};

/** `bytes=first-last`, inside the source. Throws InvalidArgument, as nothing else would be copied as asked. */
function sourceRange(
  text: string | undefined,
  sizeBytes: number,
): { readonly start: number; readonly end: number } | undefined {
  if (text === undefined) return undefined;
  const [, first = '', last = ''] = /^bytes=(\d{1,15})-(\d{1,15})$/.exec(text) ?? [];
  if (first === '' || Number(first) > Number(last)) {
    throw invalidArgument(
      RANGE,
      text,
      'The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the zero-based offsets of the first and last bytes to copy',
    );
  }
  if (Number(last) >= sizeBytes) {
    throw invalidArgument(
      RANGE,
      text,
      `Range specified is not valid for source object of size: ${sizeBytes}`,
    );
  }
  return { start: Number(first), end: Number(last) };
}
