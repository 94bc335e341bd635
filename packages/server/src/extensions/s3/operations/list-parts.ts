import { decodeKey } from '../../../metadata/keys.ts';
import type { Handler } from '../handlers.ts';
import { invalidArgument, parseEncoding, parseMax } from '../listing/list-query.ts';
import { type PartRecord, partCodec, type UploadRecord } from '../multipart/records.ts';
import type { ObjectOperation } from '../operation.ts';
import { ownerElement } from '../owner.ts';
import { isoTime, xmlReply } from '../reply.ts';
import { s3Keys } from '../store/keyspace.ts';
import type { XmlElement } from '../xml/write.ts';

/** The parts of an upload that have arrived so far, by part number. */
export const listParts: Handler<ObjectOperation> = async (
  { bucket: name, key, query },
  _context,
  { buckets, metadata, uploads },
) => {
  const uploadId = query.get('uploadId') ?? '';
  const limit = parseMax(query, 'max-parts');
  const encode = parseEncoding(query);
  const marker = parseMarker(query.get('part-number-marker') ?? '0');
  const bucket = await buckets.require(name);
  const { record: upload } = await uploads.require({ bucket, key, uploadId });
  const rows = await metadata.scan(
    { prefix: s3Keys.parts(uploadId) },
    // One more tells whether more follow.
    { limit: limit + 1, after: s3Keys.part(uploadId, marker) },
  );
  const shown = rows
    .slice(0, limit)
    .map((row) => ({ partNumber: Number(decodeKey(row.key).at(-1)), record: partCodec.decode(row.value) }));
  return xmlReply('ListPartsResult', {
    Bucket: name,
    Key: encode(key),
    UploadId: uploadId,
    Initiator: ownerElement(upload.owner),
    Owner: ownerElement(upload.owner),
    StorageClass: 'STANDARD',
    PartNumberMarker: marker,
    NextPartNumberMarker: shown.at(-1)?.partNumber ?? 0,
    MaxParts: limit,
    IsTruncated: limit > 0 && rows.length > limit,
    ...(upload.checksum === undefined
      ? {}
      : { ChecksumAlgorithm: upload.checksum.algorithm, ChecksumType: upload.checksum.type }),
    Part: shown.map(({ partNumber, record }) => partElement(partNumber, record, upload)),
  });
};

function partElement(partNumber: number, part: PartRecord, upload: UploadRecord): XmlElement {
  return {
    PartNumber: partNumber,
    LastModified: isoTime(part.modifiedAtMs),
    ETag: `"${part.etag}"`,
    Size: part.sizeBytes,
    ...(upload.checksum === undefined ? {} : { [`Checksum${upload.checksum.algorithm}`]: part.checksum }),
  };
}

function parseMarker(text: string): number {
  if (text === '') return 0;
  if (/^\d{1,10}$/.test(text)) return Number(text);
  throw invalidArgument(
    'part-number-marker',
    text,
    'Argument part-number-marker must be an integer between 0 and 2147483647',
  );
}
