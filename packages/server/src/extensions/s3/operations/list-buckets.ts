import type { Handler } from '../handlers.ts';
import { makeToken, readToken } from '../listing/continuation-token.ts';
import { parseKeyText } from '../listing/list-query.ts';
import { listVisibleBuckets } from '../listing/list-visible-buckets.ts';
import { invalidArgument } from '../object/invalid-argument.ts';
import type { ServiceOperation } from '../operation.ts';
import { ownerElement, userOf } from '../owner.ts';
import type { S3Query } from '../query.ts';
import { isoTime, xmlReply } from '../reply.ts';
import type { StoredBucket } from '../store/buckets.ts';
import type { XmlElement } from '../xml/write.ts';

const MAX_BUCKETS = 10_000;

/** The caller's buckets, and those the caller may list; root sees everybody's. */
export const listBuckets: Handler<ServiceOperation> = async ({ query }, context, { buckets, options }) => {
  const limit = parseMaxBuckets(query);
  const prefix = parseKeyText(query, 'prefix');
  const token = query.get('continuation-token');
  const region = query.get('bucket-region');
  // Every bucket is in the region of the server.
  const isElsewhere = region !== undefined && region !== options.region;
  const { buckets: shown, more } = isElsewhere
    ? { buckets: [], more: false }
    : await listVisibleBuckets(buckets, context, {
        prefix,
        limit,
        ...(token !== undefined && token !== '' && { after: readToken(token) }),
      });
  const last = more ? shown.at(-1) : undefined;
  return xmlReply('ListAllMyBucketsResult', {
    Owner: ownerElement(userOf(context.principal)),
    Buckets: { Bucket: shown.map(bucketElement) },
    ...(prefix !== '' && { Prefix: prefix }),
    ...(last !== undefined && { ContinuationToken: makeToken(last.name) }),
  });
};

function bucketElement({ name, record }: StoredBucket): XmlElement {
  return { Name: name, CreationDate: isoTime(record.createdAtMs), BucketRegion: record.region };
}

function parseMaxBuckets(query: S3Query): number {
  const text = query.get('max-buckets');
  if (text === undefined) return MAX_BUCKETS;
  const number = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (number >= 1 && number <= MAX_BUCKETS) return number;
  throw invalidArgument('max-buckets', text, 'Argument max-buckets must be an integer between 1 and 10000.');
}
