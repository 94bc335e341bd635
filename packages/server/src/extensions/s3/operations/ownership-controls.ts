import { collectPayload } from '../auth/collect-payload.ts';
import { S3Error } from '../errors.ts';
import type { Handler } from '../handlers.ts';
import type { BucketOperation } from '../operation.ts';
import { emptyReply, xmlReply } from '../reply.ts';
import type { Ownership } from '../store/records.ts';
import { childrenNamed, childText, malformed, parseXml } from '../xml/parse.ts';

const MAX_BYTES = 16 * 1024;
const OWNERSHIPS: readonly Ownership[] = ['BucketOwnerEnforced', 'BucketOwnerPreferred', 'ObjectWriter'];

export function parseOwnership(text: string): Ownership | undefined {
  return OWNERSHIPS.find((each) => each === text);
}

export const getOwnershipControls: Handler<BucketOperation> = async ({ bucket }, _context, { buckets }) => {
  const { ownership, hasOwnershipControls } = (await buckets.require(bucket)).record;
  if (hasOwnershipControls === false) {
    throw new S3Error('OwnershipControlsNotFoundError', 'The bucket ownership controls were not found', {
      fields: { BucketName: bucket },
    });
  }
  return xmlReply('OwnershipControls', { Rule: { ObjectOwnership: ownership } });
};

export const putOwnershipControls: Handler<BucketOperation> = async ({ bucket }, context, { buckets }) => {
  await buckets.require(bucket);
  const document = parseXml(await collectPayload(context, MAX_BYTES), 'OwnershipControls');
  const [rule, ...more] = childrenNamed(document, 'Rule');
  if (more.length > 0) throw malformed('there must be one Rule');
  const ownership = parseOwnership((rule && childText(rule, 'ObjectOwnership'))?.trim() ?? '');
  if (ownership === undefined) throw malformed('Rule needs an ObjectOwnership that there is');
  await buckets.update(bucket, ({ record }) => {
    if (ownership === 'BucketOwnerEnforced' && record.acl.length > 0) {
      throw new S3Error(
        'InvalidBucketAclWithObjectOwnership',
        "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting",
      );
    }
    return { ...record, ownership, hasOwnershipControls: true };
  });
  return emptyReply(200);
};

/** Without controls ACLs count, as they did before there were controls. */
export const deleteOwnershipControls: Handler<BucketOperation> = async (
  { bucket },
  _context,
  { buckets },
) => {
  await buckets.update(bucket, ({ record }) => ({
    ...record,
    ownership: 'ObjectWriter',
    hasOwnershipControls: false,
  }));
  return emptyReply(204);
};
