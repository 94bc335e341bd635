import { headerOf } from '../auth/header-of.ts';
import type { Handler } from '../handlers.ts';
import { parsePartNumber } from '../multipart/part-list.ts';
import { algorithmOf, writePart } from '../multipart/write-part.ts';
import { CHECKSUMS } from '../object/checksum.ts';
import { copySource } from '../object/copy-source.ts';
import { quoted } from '../object/entity-tag.ts';
import { assertSize } from '../object/ingest-checked.ts';
import { invalidArgument } from '../object/invalid-argument.ts';
import type { ObjectOperation } from '../operation.ts';
import { isoTime, xmlReply } from '../reply.ts';
import { versionIdOf } from '../store/versions.ts';
import { findSource } from './copy-object.ts';

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
  const { body, sizeBytes } = found.record;
  const range = sourceRange(headerOf(head, RANGE), sizeBytes);
  assertSize(range === undefined ? sizeBytes : range.end - range.start + 1);
  const algorithm = algorithmOf(upload);
  const bytes = await deps.content.read(body, { ...(range && { range }), signal });
  const prepared = await deps.content.ingest(bytes, {
    alsoHash: ['md5', CHECKSUMS[algorithm].hash],
    expectedBytes: range === undefined ? sizeBytes : range.end - range.start + 1,
    signal,
  });
  const part = await writePart(deps, { bucket: name, key, uploadId, partNumber }, { prepared, algorithm });
  return xmlReply(
    'CopyPartResult',
    {
      LastModified: isoTime(part.modifiedAtMs),
      ETag: quoted(part.etag),
      ...(upload.checksum !== undefined && { [CHECKSUMS[algorithm].element]: part.checksum }),
    },
    found.bucket.record.versioning === 'unversioned'
      ? {}
      : { 'x-amz-copy-source-version-id': versionIdOf(found.record) },
  );
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
