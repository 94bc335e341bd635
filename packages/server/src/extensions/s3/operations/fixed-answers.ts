import { type S3Code, S3Error } from '../errors.ts';
import type { Handler } from '../handlers.ts';
import type { BucketOperation } from '../operation.ts';
import { xmlReply } from '../reply.ts';
import type { XmlElement } from '../xml/write.ts';

/** What buckets do not have here: the answer of a bucket at Amazon on which it was never set. */
export const getBucketNotification = answer('NotificationConfiguration', {});
export const getBucketLogging = answer('BucketLoggingStatus', {});
export const getBucketRequestPayment = answer('RequestPaymentConfiguration', { Payer: 'BucketOwner' });
export const getBucketAccelerate = answer('AccelerateConfiguration', {});
export const getBucketReplication = refusal(
  'ReplicationConfigurationNotFoundError',
  'The replication configuration was not found',
);
export const getBucketWebsite = refusal(
  'NoSuchWebsiteConfiguration',
  'The specified bucket does not have a website configuration',
);

function answer(root: string, content: XmlElement): Handler<BucketOperation> {
  return async ({ bucket }, _context, { buckets }) => {
    await buckets.require(bucket);
    return xmlReply(root, content);
  };
}

function refusal(code: S3Code, message: string): Handler<BucketOperation> {
  return async ({ bucket }, _context, { buckets }) => {
    await buckets.require(bucket);
    throw new S3Error(code, message, { fields: { BucketName: bucket } });
  };
}
