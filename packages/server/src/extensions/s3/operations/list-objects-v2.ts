import type { Handler } from '../handlers.ts';
import { makeToken, readToken } from '../listing/continuation-token.ts';
import { listKeys } from '../listing/list-keys.ts';
import { invalidArgument, parseEncoding, parseKeyText, parseMax } from '../listing/list-query.ts';
import { pageElements } from '../listing/object-elements.ts';
import type { BucketOperation } from '../operation.ts';
import { xmlReply } from '../reply.ts';
import { s3Keys } from '../store/keyspace.ts';

/** ListObjectsV2: pages go on from an opaque token; `start-after` counts only without one. */
export const listObjectsV2: Handler<BucketOperation> = async ({ bucket, query }, _context, deps) => {
  const type = query.get('list-type') ?? '';
  if (type !== '2') throw invalidArgument('list-type', type, 'Invalid List Type specified in Request');
  const prefix = parseKeyText(query, 'prefix');
  const delimiter = query.get('delimiter') ?? '';
  const startAfter = query.has('start-after') ? parseKeyText(query, 'start-after') : undefined;
  const token = query.get('continuation-token');
  const limit = parseMax(query, 'max-keys');
  const encode = parseEncoding(query);
  const after = token === undefined || token === '' ? (startAfter ?? '') : readToken(token);
  const { record } = await deps.buckets.require(bucket);
  const page = await listKeys(
    deps.metadata,
    { under: (start) => s3Keys.currentsUnder(record.id, start) },
    { prefix, delimiter, after, limit },
  );
  const last = page.entries.at(-1);
  return xmlReply('ListBucketResult', {
    Name: bucket,
    Prefix: encode(prefix),
    ...(startAfter === undefined ? {} : { StartAfter: encode(startAfter) }),
    ...(token === undefined ? {} : { ContinuationToken: token }),
    ...(page.isTruncated && last !== undefined
      ? { NextContinuationToken: makeToken(last.kind === 'key' ? last.key : last.prefix) }
      : {}),
    KeyCount: page.entries.length,
    MaxKeys: limit,
    ...(delimiter === '' ? {} : { Delimiter: encode(delimiter) }),
    ...(query.get('encoding-type') === 'url' ? { EncodingType: 'url' } : {}),
    IsTruncated: page.isTruncated,
    ...pageElements(page.entries, { encode, hasOwner: query.get('fetch-owner') === 'true' }),
  });
};
