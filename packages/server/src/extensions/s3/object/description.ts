import type { Permission } from '../../../extension/access.ts';
import type { RequestContext } from '../../../http/protocol.ts';
import { isPublicAcl } from '../access/acl.ts';
import { type AclAsked, aclAsked, isPrivate, settleAcl } from '../access/canned-acl.ts';
import { resourceOf } from '../actions.ts';
import { type EncryptionAsked, encryptionAsked } from '../encryption/asked.ts';
import { S3Error } from '../errors.ts';
import { userOf } from '../owner.ts';
import type { BucketRecord, StoredHeaders } from '../store/records.ts';
import type { NewVersion } from '../store/versions.ts';
import type { Fields } from './fields.ts';
import { type LockAsked, parseLock, settleLock } from './lock-headers.ts';
import { parseMetadata } from './metadata.ts';
import { assertStorageClass } from './storage-class.ts';
import { parseStoredHeaders } from './stored-headers.ts';
import { parseTaggingHeader, type Tags } from './tags.ts';

/** All that a request says of a new object besides its bytes, whatever bucket it goes to. */
export interface Description {
  readonly headers: StoredHeaders;
  readonly metadata: Readonly<Record<string, string>>;
  readonly tags: Tags;
  readonly lock: LockAsked;
  readonly acl: AclAsked | undefined;
  readonly encryption: EncryptionAsked | undefined;
}

const NO_TAGS: Tags = [];

/** Throws for whatever in it cannot be, before anything is stored. */
export function parseDescription(fields: Fields, nowMs: number): Description {
  assertStorageClass(fields);
  const tagging = fields.get('x-amz-tagging');
  return {
    headers: parseStoredHeaders(fields),
    metadata: parseMetadata(fields),
    tags: tagging === undefined ? NO_TAGS : parseTaggingHeader(tagging),
    lock: parseLock(fields, nowMs),
    acl: aclAsked(fields),
    encryption: encryptionAsked(fields),
  };
}

/**
 * What becomes of it in this bucket: owner, protection, grants. Throws AccessControlListNotSupported, and
 * InvalidRequest where the bucket has no object lock.
 */
export function settle(
  description: Description,
  bucket: BucketRecord,
  { principal, nowMs }: { readonly principal: RequestContext['principal']; readonly nowMs: number },
): Pick<NewVersion, 'owner' | 'retention' | 'legalHold' | 'extra'> {
  const { headers, metadata, tags, lock } = description;
  const { owner, acl } = settleAcl(description.acl, bucket, userOf(principal));
  if (bucket.publicAccessBlock?.blockPublicAcls === true && isPublicAcl(acl.acl)) {
    throw new S3Error('AccessDenied', 'Access Denied', { cause: 'BlockPublicAcls of the bucket' });
  }
  return { ...settleLock(lock, bucket, nowMs), owner, extra: { headers, metadata, tags, ...acl } };
}

/** Asks for what the description needs beyond `s3:PutObject`. Throws AccessDenied. */
export async function assertMayDescribe(
  { tags, lock, acl }: Description,
  context: Pick<RequestContext, 'can'>,
  { bucket, key }: { readonly bucket: string; readonly key: string },
): Promise<void> {
  const resource = resourceOf(bucket, key);
  const needed: Permission[] = [];
  if (tags.length > 0) needed.push({ action: 's3:PutObjectTagging', resource });
  if (lock.retention !== undefined) needed.push({ action: 's3:PutObjectRetention', resource });
  if (lock.legalHold !== undefined) needed.push({ action: 's3:PutObjectLegalHold', resource });
  // Clients send `private`, which is what there is without it, with everything.
  if (!isPrivate(acl)) needed.push({ action: 's3:PutObjectAcl', resource });
  for (const permission of needed) {
    if (!(await context.can(permission)))
      throw new S3Error('AccessDenied', 'Access Denied', { cause: permission.action });
  }
}
