import type { Reply, RequestContext, RequestHead } from '../../../http/protocol.ts';
import { type AclAsked, aclAsked, aclAskedFor, isPrivate } from '../access/canned-acl.ts';
import { collectPayload } from '../auth/collect-payload.ts';
import { headerOf } from '../auth/header-of.ts';
import type { S3Deps } from '../deps.ts';
import { S3Error } from '../errors.ts';
import type { Handler } from '../handlers.ts';
import { headerFields } from '../object/fields.ts';
import { invalidArgument } from '../object/invalid-argument.ts';
import { assertTags, MAX_BUCKET_TAGS, type Tags } from '../object/tags.ts';
import type { BucketOperation } from '../operation.ts';
import { userOf } from '../owner.ts';
import { emptyReply } from '../reply.ts';
import type { Ownership } from '../store/records.ts';
import { child, childrenNamed, childText, malformed, parseXml, type XmlNode } from '../xml/parse.ts';

const MAX_DOCUMENT_BYTES = 64 * 1024;
const OWNERSHIPS: readonly Ownership[] = ['BucketOwnerEnforced', 'BucketOwnerPreferred', 'ObjectWriter'];

export const createBucket: Handler<BucketOperation> = async ({ bucket }, context, deps) => {
  const { head, principal } = context;
  const { buckets, documents, events, options } = deps;
  const owner = userOf(principal);
  const asked = ownershipAsked(head);
  const ownership = asked ?? options.defaultOwnership;
  const acl = aclAsked(headerFields(head));
  assertAclFits(acl, ownership);
  const objectLock = headerOf(head, 'x-amz-bucket-object-lock-enabled')?.toLowerCase() === 'true';
  const tags = await readConfiguration(context, deps);
  const record = {
    owner,
    region: options.region,
    versioning: objectLock ? 'enabled' : 'unversioned',
    objectLock,
    ownership,
    // As at Amazon before 2023, a bucket of whom nothing else was said has none.
    ...(asked === undefined && ownership !== 'BucketOwnerEnforced' && { hasOwnershipControls: false }),
    ...aclAskedFor(acl, { owner, bucketOwner: owner }),
    documents: {},
  } as const;
  try {
    await buckets.create(bucket, record, (transaction) =>
      events.write(transaction, {
        type: 'bucket.created',
        repository: `s3/${bucket}`,
        bucket,
        ...(principal.kind === 'user' && { actor: principal.name }),
      }),
    );
  } catch (error) {
    if (!isHarmless(error, options.region)) throw error;
    return made(bucket);
  }
  // As PutBucketTagging writes them. Until this is done the client has no answer.
  if (tags.length > 0) await documents.put(bucket, 'tagging', JSON.stringify(tags));
  return made(bucket);
};

function made(bucket: string): Reply {
  return emptyReply(200, { location: `/${bucket}`, 'x-amz-bucket-arn': `arn:aws:s3:::${bucket}` });
}

/** In us-east-1, and only there, making one's own bucket again is no mistake; clients of that region rely on it. */
function isHarmless(error: unknown, region: string): boolean {
  return region === 'us-east-1' && error instanceof S3Error && error.code === 'BucketAlreadyOwnedByYou';
}

function ownershipAsked(head: RequestHead): Ownership | undefined {
  const name = 'x-amz-object-ownership';
  const text = headerOf(head, name);
  if (text === undefined) return undefined;
  const ownership = OWNERSHIPS.find((known) => known === text);
  if (ownership === undefined) throw invalidArgument(name, text, `Invalid ${name} header: ${text}`);
  return ownership;
}

function assertAclFits(acl: AclAsked | undefined, ownership: Ownership): void {
  if (ownership !== 'BucketOwnerEnforced' || isPrivate(acl)) return;
  throw new S3Error(
    'InvalidBucketAclWithObjectOwnership',
    "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting",
  );
}

/** The document, which may be left out. Returns the tags the bucket is to have. */
async function readConfiguration(context: RequestContext, { options }: S3Deps): Promise<Tags> {
  if (context.body.declaredBytes === 0) return [];
  const bytes = await collectPayload(context, MAX_DOCUMENT_BYTES);
  if (bytes.length === 0) return [];
  const root = parseXml(bytes, 'CreateBucketConfiguration');
  for (const name of ['Bucket', 'Location']) {
    if (child(root, name) === undefined) continue;
    throw new S3Error('NotImplemented', `Directory buckets are not implemented: ${name}.`);
  }
  const location = childText(root, 'LocationConstraint') || undefined;
  if (location !== undefined && location !== options.region && !options.acceptAnyRegion) {
    throw new S3Error('InvalidLocationConstraint', 'The specified location-constraint is not valid', {
      fields: { LocationConstraint: location.slice(0, 256) },
    });
  }
  const tags = childrenNamed(child(root, 'Tags') ?? root, 'Tag').map(parseTag);
  assertTags(tags, MAX_BUCKET_TAGS);
  return tags;
}

function parseTag(node: XmlNode): Tags[number] {
  const name = childText(node, 'Key');
  const value = childText(node, 'Value');
  if (name === undefined || value === undefined) throw malformed('a Tag needs a Key and a Value');
  return [name, value];
}
