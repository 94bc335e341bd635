import { collectPayload } from '../auth/collect-payload.ts';
import { S3Error } from '../errors.ts';
import type { Handler } from '../handlers.ts';
import type { BucketOperation } from '../operation.ts';
import { emptyReply, xmlReply } from '../reply.ts';
import { childText, malformed, parseXml, type XmlNode } from '../xml/parse.ts';

const MAX_BYTES = 16 * 1024;

export const getPublicAccessBlock: Handler<BucketOperation> = async ({ bucket }, _context, { buckets }) => {
  const { publicAccessBlock: block } = (await buckets.require(bucket)).record;
  if (block === undefined) {
    throw new S3Error(
      'NoSuchPublicAccessBlockConfiguration',
      'The public access block configuration was not found',
      { fields: { BucketName: bucket } },
    );
  }
  return xmlReply('PublicAccessBlockConfiguration', {
    BlockPublicAcls: block.blockPublicAcls,
    IgnorePublicAcls: block.ignorePublicAcls,
    BlockPublicPolicy: block.blockPublicPolicy,
    RestrictPublicBuckets: block.restrictPublicBuckets,
  });
};

export const putPublicAccessBlock: Handler<BucketOperation> = async ({ bucket }, context, { buckets }) => {
  await buckets.require(bucket);
  const document = parseXml(await collectPayload(context, MAX_BYTES), 'PublicAccessBlockConfiguration');
  const publicAccessBlock = {
    blockPublicAcls: flag(document, 'BlockPublicAcls'),
    ignorePublicAcls: flag(document, 'IgnorePublicAcls'),
    blockPublicPolicy: flag(document, 'BlockPublicPolicy'),
    restrictPublicBuckets: flag(document, 'RestrictPublicBuckets'),
  };
  await buckets.update(bucket, ({ record }) => ({ ...record, publicAccessBlock }));
  return emptyReply(200);
};

export const deletePublicAccessBlock: Handler<BucketOperation> = async (
  { bucket },
  _context,
  { buckets },
) => {
  await buckets.update(bucket, ({ record: { publicAccessBlock: _removed, ...record } }) => record);
  return emptyReply(204);
};

function flag(document: XmlNode, name: string): boolean {
  const text = childText(document, name)?.trim().toLowerCase();
  if (text === undefined || text === 'false') return false;
  if (text === 'true') return true;
  throw malformed(`${name} is neither true nor false`);
}
