import { S3Error } from '../errors.ts';
import type { Fields } from '../object/fields.ts';
import { invalidArgument } from '../object/invalid-argument.ts';
import type { Grant, Ownership, UserName } from '../store/records.ts';

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

const GRANT_HEADERS = ['full-control', 'read', 'read-acp', 'write', 'write-acp'].map(
  (permission) => `x-amz-grant-${permission}`,
);

const ALL_READ: Grant = { to: { group: 'AllUsers' }, permission: 'READ' };
const ALL_WRITE: Grant = { to: { group: 'AllUsers' }, permission: 'WRITE' };

/**
 * The canned ACL a request asks for, if any. Throws InvalidArgument for an unknown one, InvalidRequest for one together
 * with grants, NotImplemented for grants.
 */
export function cannedAclAsked(fields: Fields): CannedAcl | undefined {
  const text = fields.get('x-amz-acl');
  const grant = GRANT_HEADERS.find((name) => fields.get(name) !== undefined);
  if (text !== undefined && grant !== undefined) {
    throw new S3Error('InvalidRequest', 'Specifying both Canned ACLs and Header Grants is not allowed.');
  }
  if (grant !== undefined) {
    throw new S3Error(
      'NotImplemented',
      `A header you provided implies functionality that is not implemented: ${grant}.`,
      { fields: { Header: grant } },
    );
  }
  if (text === undefined) return undefined;
  const found = CANNED.find((canned) => canned === text);
  if (found === undefined) throw invalidArgument('x-amz-acl', text, 'There is no such canned ACL.');
  return found;
}

/**
 * Who owns a new object of `writer`, and its grants. Under BucketOwnerEnforced, the default, every object is the bucket
 * owner's and nothing else can be asked for: AccessControlListNotSupported.
 */
export function settleAcl(
  asked: CannedAcl | undefined,
  bucket: { readonly ownership: Ownership; readonly owner: UserName },
  writer: UserName,
): { readonly owner: UserName; readonly acl: readonly Grant[] } {
  const isForBucketOwner = asked === 'bucket-owner-full-control';
  if (bucket.ownership === 'BucketOwnerEnforced') {
    if (asked === undefined || asked === 'private' || isForBucketOwner) {
      return { owner: bucket.owner, acl: [] };
    }
    throw aclNotSupported();
  }
  if (isForBucketOwner && bucket.ownership === 'BucketOwnerPreferred')
    return { owner: bucket.owner, acl: [] };
  return {
    owner: writer,
    acl: cannedGrants(asked ?? 'private', { owner: writer, bucketOwner: bucket.owner }),
  };
}

export function aclNotSupported(): S3Error {
  return new S3Error('AccessControlListNotSupported', 'The bucket does not allow ACLs');
}

/** What a canned ACL grants besides FULL_CONTROL of the owner. */
export function cannedGrants(
  canned: CannedAcl,
  { owner, bucketOwner }: { readonly owner: UserName; readonly bucketOwner: UserName },
): readonly Grant[] {
  const toBucketOwner = (permission: Grant['permission']): readonly Grant[] =>
    owner === bucketOwner ? [] : [{ to: { user: bucketOwner }, permission }];
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
