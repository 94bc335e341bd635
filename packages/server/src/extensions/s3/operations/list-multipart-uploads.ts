import type { Handler } from '../handlers.ts';
import { parseEncoding, parseKeyText, parseMax } from '../listing/list-query.ts';
import { listUploads, type UploadEntry } from '../listing/list-uploads.ts';
import { isUploadId } from '../multipart/upload-id.ts';
import { invalidArgument } from '../object/invalid-argument.ts';
import type { BucketOperation } from '../operation.ts';
import { ownerElement } from '../owner.ts';
import { isoTime, xmlReply } from '../reply.ts';
import type { XmlElement } from '../xml/write.ts';

/** Uploads under way, by key, and by the time they were begun. */
export const listMultipartUploads: Handler<BucketOperation> = async (
  { bucket: name, query },
  _context,
  { buckets, metadata },
) => {
  const prefix = parseKeyText(query, 'prefix');
  const delimiter = query.get('delimiter') ?? '';
  const keyMarker = parseKeyText(query, 'key-marker');
  // "If key-marker is not specified, the upload-id-marker parameter is ignored."
  const uploadIdMarker = keyMarker === '' ? '' : (query.get('upload-id-marker') ?? '');
  if (uploadIdMarker !== '' && !isUploadId(uploadIdMarker)) {
    throw invalidArgument('upload-id-marker', uploadIdMarker, 'Invalid uploadId marker');
  }
  const limit = parseMax(query, 'max-uploads');
  const encode = parseEncoding(query);
  const { record } = await buckets.require(name);
  const page = await listUploads(metadata, {
    bucketId: record.id,
    prefix,
    delimiter,
    after: { key: keyMarker, uploadId: uploadIdMarker },
    limit,
  });
  const last = page.entries.at(-1);
  return xmlReply('ListMultipartUploadsResult', {
    Bucket: name,
    KeyMarker: encode(keyMarker),
    UploadIdMarker: uploadIdMarker,
    ...(page.isTruncated ? nextMarkers(last, encode) : {}),
    Prefix: encode(prefix),
    ...(delimiter === '' ? {} : { Delimiter: encode(delimiter) }),
    ...(query.get('encoding-type') === 'url' ? { EncodingType: 'url' } : {}),
    MaxUploads: limit,
    IsTruncated: page.isTruncated,
    Upload: page.entries.flatMap((entry) => (entry.kind === 'upload' ? [uploadElement(entry, encode)] : [])),
    CommonPrefixes: page.entries.flatMap((entry) =>
      entry.kind === 'prefix' ? [{ Prefix: encode(entry.prefix) }] : [],
    ),
  });
};

function nextMarkers(last: UploadEntry | undefined, encode: (name: string) => string): XmlElement {
  if (last === undefined) return {};
  if (last.kind === 'prefix') return { NextKeyMarker: encode(last.prefix), NextUploadIdMarker: '' };
  return { NextKeyMarker: encode(last.key), NextUploadIdMarker: last.uploadId };
}

function uploadElement(
  { key, uploadId, record }: Extract<UploadEntry, { kind: 'upload' }>,
  encode: (name: string) => string,
): XmlElement {
  return {
    Key: encode(key),
    UploadId: uploadId,
    Initiator: ownerElement(record.owner),
    Owner: ownerElement(record.owner),
    StorageClass: 'STANDARD',
    Initiated: isoTime(record.initiatedAtMs),
    ...(record.checksum === undefined
      ? {}
      : { ChecksumAlgorithm: record.checksum.algorithm, ChecksumType: record.checksum.type }),
  };
}
