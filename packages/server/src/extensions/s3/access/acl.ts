import type { Principal } from '../../../extension/access.ts';
import { canonicalId } from '../owner.ts';
import type { Grant, Ownership, UserName } from '../store/records.ts';
import { ownName } from './own-name.ts';

type AclPermission = Grant['permission'];

/** What of an ACL each action needs ("Mapping of ACL permissions and access policy permissions"). */
const NEEDED: Readonly<
  Record<string, { readonly of: 'bucket' | 'object'; readonly permission: AclPermission }>
> = {
  's3:ListBucket': { of: 'bucket', permission: 'READ' },
  's3:ListBucketVersions': { of: 'bucket', permission: 'READ' },
  's3:ListBucketMultipartUploads': { of: 'bucket', permission: 'READ' },
  's3:PutObject': { of: 'bucket', permission: 'WRITE' },
  // Who may replace an object may replace it by one with other tags.
  's3:PutObjectTagging': { of: 'bucket', permission: 'WRITE' },
  's3:DeleteObject': { of: 'bucket', permission: 'WRITE' },
  's3:DeleteObjectVersion': { of: 'bucket', permission: 'WRITE' },
  's3:AbortMultipartUpload': { of: 'bucket', permission: 'WRITE' },
  's3:ListMultipartUploadParts': { of: 'bucket', permission: 'READ' },
  's3:GetBucketAcl': { of: 'bucket', permission: 'READ_ACP' },
  's3:PutBucketAcl': { of: 'bucket', permission: 'WRITE_ACP' },
  's3:GetObject': { of: 'object', permission: 'READ' },
  's3:GetObjectVersion': { of: 'object', permission: 'READ' },
  's3:GetObjectAcl': { of: 'object', permission: 'READ_ACP' },
  's3:GetObjectVersionAcl': { of: 'object', permission: 'READ_ACP' },
  's3:PutObjectAcl': { of: 'object', permission: 'WRITE_ACP' },
  's3:PutObjectVersionAcl': { of: 'object', permission: 'WRITE_ACP' },
};

/** Undefined where ACLs have no say. */
export function aclNeeded(action: string) {
  return NEEDED[action];
}

export interface AclSubject {
  readonly owner: UserName;
  readonly acl: readonly Grant[];
}

/** Whether the ACL, or ownership, gives the permission. Grants to everybody are left out where they are blocked. */
export function aclAllows(
  { owner, acl }: AclSubject,
  permission: AclPermission,
  { principal, ignoresPublic }: { readonly principal: Principal; readonly ignoresPublic: boolean },
): boolean {
  const user = ownName(principal);
  if (user === owner) return true;
  const id = user === undefined ? undefined : canonicalId(user);
  return acl.some((grant) => {
    if (grant.permission !== permission && grant.permission !== 'FULL_CONTROL') return false;
    if ('id' in grant.to) return grant.to.id === id;
    if (ignoresPublic) return false;
    return grant.to.group === 'AllUsers' || (grant.to.group === 'AuthenticatedUsers' && user !== undefined);
  });
}

export function hasAcls(ownership: Ownership): boolean {
  return ownership !== 'BucketOwnerEnforced';
}

/** Whether an ACL gives anything to everybody, or to everybody with a key. */
export function isPublicAcl(acl: readonly Grant[]): boolean {
  return acl.some(({ to }) => 'group' in to && to.group !== 'LogDelivery');
}
