import type { Handler } from '../handlers.ts';
import { listKeys } from '../listing/list-keys.ts';
import { parseEncoding, parseKeyText, parseMax } from '../listing/list-query.ts';
import { pageElements } from '../listing/object-elements.ts';
import type { BucketOperation } from '../operation.ts';
import { xmlReply } from '../reply.ts';
import { s3Keys } from '../store/keyspace.ts';

/** ListObjects, version 1: pages go on from `marker`, which need not exist. */
export const listObjects: Handler<BucketOperation> = async ({ bucket, query }, _context, deps) => {
  const prefix = parseKeyText(query, 'prefix');
  const delimiter = query.get('delimiter') ?? '';
  const marker = parseKeyText(query, 'marker');
  const limit = parseMax(query, 'max-keys');
  const encode = parseEncoding(query);
  const { record } = await deps.buckets.require(bucket);
  const page = await listKeys(
    deps.metadata,
    { under: (start) => s3Keys.currentsUnder(record.id, start) },
    { prefix, delimiter, after: marker, limit },
  );
  const last = page.entries.at(-1);
  // "This element is returned only if you have the delimiter request parameter specified."
  const nextMarker =
    page.isTruncated && delimiter !== '' && last !== undefined
      ? encode(last.kind === 'key' ? last.key : last.prefix)
      : undefined;
  return xmlReply('ListBucketResult', {
    Name: bucket,
    Prefix: encode(prefix),
    Marker: encode(marker),
    ...(nextMarker === undefined ? {} : { NextMarker: nextMarker }),
    MaxKeys: limit,
    ...(delimiter === '' ? {} : { Delimiter: encode(delimiter) }),
    ...(query.get('encoding-type') === 'url' ? { EncodingType: 'url' } : {}),
    IsTruncated: page.isTruncated,
    ...pageElements(page.entries, { encode, hasOwner: true }),
  });
};
