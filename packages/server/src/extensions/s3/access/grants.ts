import { S3Error } from '../errors.ts';
import type { Fields } from '../object/fields.ts';
import { invalidArgument } from '../object/invalid-argument.ts';
import { canonicalId, ownerElement } from '../owner.ts';
import type { Acl, Grant, UserName } from '../store/records.ts';
import type { Users } from '../store/users.ts';
import { child, childrenNamed, childText, malformed, parseXml, type XmlNode } from '../xml/parse.ts';
import type { XmlElement } from '../xml/write.ts';

const GROUPS = {
  AllUsers: 'http://acs.amazonaws.com/groups/global/AllUsers',
  AuthenticatedUsers: 'http://acs.amazonaws.com/groups/global/AuthenticatedUsers',
  LogDelivery: 'http://acs.amazonaws.com/groups/s3/LogDelivery',
} as const;
type Group = keyof typeof GROUPS;

/** In the order in which headers are read, and so listed. */
const PERMISSIONS: readonly Grant['permission'][] = [
  'READ',
  'WRITE',
  'READ_ACP',
  'WRITE_ACP',
  'FULL_CONTROL',
];
/** As many as Amazon takes. */
export const MAX_GRANTS = 100;
const CANONICAL_ID = /^[0-9a-f]{64}$/;
const XSI = 'http://www.w3.org/2001/XMLSchema-instance';

/** `x-amz-grant-read: id="...", uri="..."` and its kin; undefined without any. Throws InvalidArgument. */
export function headerGrants(fields: Fields): readonly Grant[] | undefined {
  const grants: Grant[] = [];
  let isGiven = false;
  for (const permission of PERMISSIONS) {
    const name = `x-amz-grant-${permission.toLowerCase().replace('_', '-')}`;
    const text = fields.get(name);
    if (text === undefined) continue;
    isGiven = true;
    for (const grantee of text.split(',')) {
      grants.push({ to: parseGrantee(grantee.trim(), name), permission });
      if (grants.length > MAX_GRANTS) throw tooMany();
    }
  }
  return isGiven ? grants : undefined;
}

function parseGrantee(text: string, header: string): Grant['to'] {
  const equals = text.indexOf('=');
  const kind = text.slice(0, Math.max(equals, 0)).trim().toLowerCase();
  const value = text
    .slice(equals + 1)
    .trim()
    .replace(/^"|"$/g, '');
  if (kind === 'id') return { id: assertId(value) };
  if (kind === 'uri') return { group: groupOf(value) };
  if (kind === 'emailaddress') throw noEmail();
  throw invalidArgument(header, text, 'Argument format not recognized');
}

/** What an `<AccessControlPolicy>` says. */
export interface WrittenAcl {
  readonly ownerId: string;
  readonly grants: readonly Grant[];
}

/** Throws MalformedACLError and InvalidArgument. */
export function parseAcl(bytes: Uint8Array): WrittenAcl {
  const document = parseXml(bytes, 'AccessControlPolicy');
  const owner = child(document, 'Owner');
  const list = child(document, 'AccessControlList');
  const ownerId = owner && childText(owner, 'ID')?.trim();
  if (ownerId === undefined || list === undefined)
    throw malformedAcl('an Owner and an AccessControlList are needed');
  const nodes = childrenNamed(list, 'Grant');
  if (nodes.length > MAX_GRANTS) throw tooMany();
  return { ownerId, grants: nodes.map(parseGrant) };
}

function parseGrant(node: XmlNode): Grant {
  const grantee = child(node, 'Grantee');
  const permission = PERMISSIONS.find((each) => each === childText(node, 'Permission')?.trim());
  if (grantee === undefined || permission === undefined) {
    throw malformedAcl('a Grant needs a Grantee and a Permission that there is');
  }
  const id = childText(grantee, 'ID')?.trim();
  if (id !== undefined) return { to: { id: assertId(id) }, permission };
  const uri = childText(grantee, 'URI')?.trim();
  if (uri !== undefined) return { to: { group: groupOf(uri) }, permission };
  if (child(grantee, 'EmailAddress') !== undefined) throw noEmail();
  throw malformedAcl('a Grantee needs an ID or a URI');
}

/** Grants to users nobody knows are mistakes. Throws InvalidArgument. */
export async function assertUsersKnown(grants: readonly Grant[], users: Users): Promise<void> {
  for (const { to } of grants) {
    if ('id' in to && (await users.byId(to.id)) === undefined) throw unknownId(to.id);
  }
}

/** A written list as it is kept: the owner's own FULL_CONTROL goes without saying, unless it was left out. */
export function aclOf(grants: readonly Grant[], owner: UserName): Acl {
  const id = canonicalId(owner);
  const acl = grants.filter(
    ({ to, permission }) => !('id' in to && to.id === id && permission === 'FULL_CONTROL'),
  );
  return acl.length < grants.length ? { acl } : { acl, isOwnerUnlisted: true };
}

/** What is in `<AccessControlPolicy>`: the owner, then other users, behind the groups, as Ceph has them. */
export async function aclElement(
  owner: UserName,
  { acl, isOwnerUnlisted }: Acl,
  users: Users,
): Promise<XmlElement> {
  const ofOwner: Grant = { to: { id: canonicalId(owner) }, permission: 'FULL_CONTROL' };
  const all: readonly Grant[] = [
    ...acl.filter(({ to }) => 'group' in to),
    ...(isOwnerUnlisted === true ? [] : [ofOwner]),
    ...acl.filter(({ to }) => 'id' in to),
  ];
  const Grant: XmlElement[] = [];
  for (const { to, permission } of all)
    Grant.push({ Grantee: await granteeElement(to, users), Permission: permission });
  return { Owner: ownerElement(owner), AccessControlList: { Grant } };
}

async function granteeElement(to: Grant['to'], users: Users): Promise<XmlElement> {
  if ('group' in to) return { '@xmlns:xsi': XSI, '@xsi:type': 'Group', URI: GROUPS[to.group] };
  const name = await users.byId(to.id);
  return { '@xmlns:xsi': XSI, '@xsi:type': 'CanonicalUser', ID: to.id, DisplayName: name };
}

function groupOf(uri: string): Group {
  const found = Object.entries(GROUPS).find(([, known]) => known === uri);
  // The keys are the groups.
  if (found !== undefined) return found[0] as Group;
  throw invalidArgument('uri', uri, 'Invalid group uri');
}

function assertId(id: string): string {
  if (CANONICAL_ID.test(id)) return id;
  throw unknownId(id);
}

function unknownId(id: string): S3Error {
  return invalidArgument('CanonicalUser/ID', id, 'Invalid id');
}

function noEmail(): S3Error {
  return new S3Error(
    'UnresolvableGrantByEmailAddress',
    'The email address you provided does not match any account on record: users have none here. Grant by ID.',
  );
}

function malformedAcl(why: string): S3Error {
  const { message } = malformed(why);
  return new S3Error('MalformedACLError', message);
}

function tooMany(): S3Error {
  return new S3Error('InvalidRequest', `An ACL can have at most ${MAX_GRANTS} grants.`);
}
