import type { Handler } from '../handlers.ts';
import type { ServiceOperation } from '../operation.ts';
import { ownerElement, userOf } from '../owner.ts';
import { isoTime, xmlReply } from '../reply.ts';

const DEFAULT_MAX_BUCKETS = 10_000;

export const listBuckets: Handler<ServiceOperation> = async (_operation, { principal }, { buckets }) => {
  const owner = userOf(principal);
  const found = await buckets.list({ owner, limit: DEFAULT_MAX_BUCKETS });
  return xmlReply('ListAllMyBucketsResult', {
    Owner: ownerElement(owner),
    Buckets: {
      Bucket: found.map(({ name, record }) => ({ Name: name, CreationDate: isoTime(record.createdAtMs) })),
    },
  });
};
