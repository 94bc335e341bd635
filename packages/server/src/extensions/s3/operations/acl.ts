import type { RequestContext } from '../../../http/protocol.ts';
import { isPublicAcl } from '../access/acl.ts';
import { aclAsked, aclAskedFor, aclNotSupported, isPrivate } from '../access/canned-acl.ts';
import { aclElement, aclOf, assertUsersKnown, parseAcl } from '../access/grants.ts';
import { collectPayload } from '../auth/collect-payload.ts';
import type { S3Deps } from '../deps.ts';
import { S3Error } from '../errors.ts';
import type { Handler } from '../handlers.ts';
import { changeVersion } from '../object/change-version.ts';
import { headerFields } from '../object/fields.ts';
import { findObject } from '../object/find-object.ts';
import { versionIdOfQuery } from '../object/version-id.ts';
import type { BucketOperation, ObjectOperation } from '../operation.ts';
import { canonicalId } from '../owner.ts';
import { emptyReply, xmlReply } from '../reply.ts';
import type { StoredBucket } from '../store/buckets.ts';
import type { Acl, UserName } from '../store/records.ts';

const MAX_BYTES = 64 * 1024;

export const getBucketAcl: Handler<BucketOperation> = async ({ bucket: name }, _context, deps) => {
  const { record } = await deps.buckets.require(name);
  return xmlReply('AccessControlPolicy', await aclElement(record.owner, record, deps.users));
};

export const putBucketAcl: Handler<BucketOperation> = async ({ bucket: name }, context, deps) => {
  const bucket = await deps.buckets.require(name);
  const acl = await readAcl(context, deps, { bucket, owner: bucket.record.owner });
  await deps.buckets.update(name, (now) => {
    assertAllowed(now, acl);
    const { isOwnerUnlisted: _before, ...record } = now.record;
    return { ...record, ...acl };
  });
  return emptyReply(200);
};

export const getObjectAcl: Handler<ObjectOperation> = async ({ bucket: name, key, query }, context, deps) => {
  const bucket = await deps.buckets.require(name);
  const { record, extra } = await findObject(
    { bucket, key, versionId: versionIdOfQuery(query) },
    context,
    deps,
  );
  return xmlReply('AccessControlPolicy', await aclElement(record.owner, extra, deps.users));
};

export const putObjectAcl: Handler<ObjectOperation> = async (operation, context, deps) => {
  const { bucket: name, key, query } = operation;
  const bucket = await deps.buckets.require(name);
  const { record } = await findObject({ bucket, key, versionId: versionIdOfQuery(query) }, context, deps);
  const acl = await readAcl(context, deps, { bucket, owner: record.owner });
  const headers = await changeVersion(operation, context, deps, ({ extra }, now) => {
    assertAllowed(now, acl);
    const { isOwnerUnlisted: _before, ...kept } = extra;
    return { extra: { ...kept, ...acl } };
  });
  return emptyReply(200, headers);
};

/**
 * From the headers, or from the document. Where the bucket owner owns everything only what changes nothing is taken.
 * Throws AccessControlListNotSupported, AccessDenied for a change of owner, and what the document has wrong.
 */
async function readAcl(
  context: RequestContext,
  { users }: S3Deps,
  { bucket, owner }: { readonly bucket: StoredBucket; readonly owner: UserName },
): Promise<Acl> {
  const asked = aclAsked(headerFields(context.head));
  const bytes = await collectPayload(context, MAX_BYTES);
  if (asked !== undefined) {
    if (bytes.length > 0) throw new S3Error('UnexpectedContent', 'This request does not support content');
    const isNothingNew =
      isPrivate(asked) || (asked.kind === 'canned' && asked.canned === 'bucket-owner-full-control');
    if (bucket.record.ownership === 'BucketOwnerEnforced') {
      if (!isNothingNew) throw aclNotSupported();
      return { acl: [] };
    }
    const granted = aclAskedFor(asked, { owner, bucketOwner: bucket.record.owner });
    await assertUsersKnown(granted.acl, users);
    return granted;
  }
  if (bytes.length === 0) {
    throw new S3Error('MissingSecurityHeader', 'Your request was missing a required header: x-amz-acl');
  }
  const written = parseAcl(bytes);
  if (written.ownerId !== canonicalId(owner)) {
    throw new S3Error('AccessDenied', 'Access Denied', { cause: 'an ACL does not change the owner' });
  }
  const granted = aclOf(written.grants, owner);
  if (bucket.record.ownership === 'BucketOwnerEnforced') {
    if (granted.acl.length > 0) throw aclNotSupported();
    return { acl: [] };
  }
  await assertUsersKnown(granted.acl, users);
  return granted;
}

function assertAllowed({ record }: StoredBucket, { acl }: Acl): void {
  if (record.ownership === 'BucketOwnerEnforced' && acl.length > 0) throw aclNotSupported();
  if (record.publicAccessBlock?.blockPublicAcls !== true || !isPublicAcl(acl)) return;
  throw new S3Error('AccessDenied', 'Access Denied', { cause: 'BlockPublicAcls of the bucket' });
}
