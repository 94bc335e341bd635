import { S3Error } from '../errors.ts';
import type { Fields } from '../object/fields.ts';
import { invalidArgument } from '../object/invalid-argument.ts';
import { canonicalId } from '../owner.ts';
import type { Acl, Grant, Ownership, UserName } from '../store/records.ts';
import { aclOf, headerGrants } from './grants.ts';

const CANNED = [
  'private',
  'public-read',
  'public-read-write',
  'authenticated-read',
  'aws-exec-read',
  'bucket-owner-read',
  'bucket-owner-full-control',
  'log-delivery-write',
] as const;
export type CannedAcl = (typeof CANNED)[number];

const ALL_READ: Grant = { to: { group: 'AllUsers' }, permission: 'READ' };
const ALL_WRITE: Grant = { to: { group: 'AllUsers' }, permission: 'WRITE' };

/** What a request asks for in its headers or its form: a canned ACL, or grants one by one. */
export type AclAsked =
  | { readonly kind: 'canned'; readonly canned: CannedAcl }
  | { readonly kind: 'grants'; readonly grants: readonly Grant[] };

/**
 * Undefined when the request says nothing of it. Throws InvalidArgument for what cannot be granted, InvalidRequest for
 * a canned ACL together with grants.
 */
export function aclAsked(fields: Fields): AclAsked | undefined {
  const text = fields.get('x-amz-acl');
  const grants = headerGrants(fields);
  if (text !== undefined && grants !== undefined) {
    throw new S3Error('InvalidRequest', 'Specifying both Canned ACLs and Header Grants is not allowed.');
  }
  if (grants !== undefined) return { kind: 'grants', grants };
  if (text === undefined) return undefined;
  const found = CANNED.find((canned) => canned === text);
  if (found === undefined) throw invalidArgument('x-amz-acl', text, 'There is no such canned ACL.');
  return { kind: 'canned', canned: found };
}

/** Whether what is asked for is what there is without asking. */
export function isPrivate(asked: AclAsked | undefined): boolean {
  return asked === undefined || (asked.kind === 'canned' && asked.canned === 'private');
}

/**
 * Who owns a new object of `writer`, and its grants. Under BucketOwnerEnforced, the default, every object is the bucket
 * owner's and nothing else can be asked for: AccessControlListNotSupported.
 */
export function settleAcl(
  asked: AclAsked | undefined,
  bucket: { readonly ownership: Ownership; readonly owner: UserName },
  writer: UserName,
): { readonly owner: UserName; readonly acl: Acl } {
  const isForBucketOwner = asked?.kind === 'canned' && asked.canned === 'bucket-owner-full-control';
  if (bucket.ownership === 'BucketOwnerEnforced') {
    if (isPrivate(asked) || isForBucketOwner) {
      return { owner: bucket.owner, acl: { acl: [] } };
    }
    throw aclNotSupported();
  }
  if (isForBucketOwner && bucket.ownership === 'BucketOwnerPreferred')
    return { owner: bucket.owner, acl: { acl: [] } };
  return { owner: writer, acl: aclAskedFor(asked, { owner: writer, bucketOwner: bucket.owner }) };
}

export function aclNotSupported(): S3Error {
  return new S3Error('AccessControlListNotSupported', 'The bucket does not allow ACLs');
}

/** What a request without a document asks for. */
export function aclAskedFor(
  asked: AclAsked | undefined,
  owners: { readonly owner: UserName; readonly bucketOwner: UserName },
): Acl {
  if (asked?.kind === 'grants') return aclOf(asked.grants, owners.owner);
  return { acl: cannedGrants(asked?.canned ?? 'private', owners) };
}

/** What a canned ACL grants besides FULL_CONTROL of the owner. */
function cannedGrants(
  canned: CannedAcl,
  { owner, bucketOwner }: { readonly owner: UserName; readonly bucketOwner: UserName },
): readonly Grant[] {
  const toBucketOwner = (permission: Grant['permission']): readonly Grant[] =>
    owner === bucketOwner ? [] : [{ to: { id: canonicalId(bucketOwner) }, permission }];
  switch (canned) {
    case 'private':
    case 'aws-exec-read':
      return [];
    case 'public-read':
      return [ALL_READ];
    case 'public-read-write':
      return [ALL_READ, ALL_WRITE];
    case 'authenticated-read':
      return [{ to: { group: 'AuthenticatedUsers' }, permission: 'READ' }];
    case 'bucket-owner-read':
      return toBucketOwner('READ');
    case 'bucket-owner-full-control':
      return toBucketOwner('FULL_CONTROL');
    case 'log-delivery-write':
      return [
        { to: { group: 'LogDelivery' }, permission: 'WRITE' },
        { to: { group: 'LogDelivery' }, permission: 'READ_ACP' },
      ];
  }
}
