import { createHash } from 'node:crypto';
import type { Permission, Principal, UserPrincipal } from '../extension/access.ts';
import type { RequestHead } from '../http/protocol.ts';
import type { ConditionValues } from './condition.ts';
import { factsOf } from './request-facts.ts';

export interface AskedValues {
  readonly principal: Principal;
  readonly permission: Permission;
  readonly head: RequestHead;
  readonly nowMs: number;
  /** The peer, or whom a trusted proxy speaks for. */
  readonly clientAddress: string;
}

const HEADER_KEY = /^s3:(x-amz-[a-z0-9-]+|if-match|if-none-match)$/;
const REQUEST_TAG = 's3:requestobjecttag/';
const PRINCIPAL_TAG = 'aws:principaltag/';
/** Where an issuer's token has tags of its session ("Passing session tags using AssumeRoleWithWebIdentity"). */
const TAGS_CLAIM = 'https://aws.amazon.com/tags';

/**
 * What a request has under the condition keys ("AWS global condition context keys", "Condition keys for Amazon S3", and
 * ours: `oci:*` from what is asked for, `jwt:*` from the token). Nothing the client sends can stand for another key.
 */
export function requestValues(asked: AskedValues): ConditionValues {
  const facts = factsOf(asked.head);
  const head = facts?.head ?? asked.head;
  const address = facts?.clientAddress ?? asked.clientAddress;
  let attributes: ReadonlyMap<string, string> | undefined;
  return (key) => {
    const known = facts?.values?.(key);
    if (known !== undefined) return known;
    const value = globalValue(key, { ...asked, head, clientAddress: address });
    if (value !== undefined) return [value];
    if (/^(?:aws|jwt|zas):/.test(key)) return principalValues(key, asked.principal);
    attributes ??= attributesOf(asked.permission);
    const attribute = attributes.get(key);
    if (attribute !== undefined) return [attribute];
    return tagValues(key, head) ?? headerValues(key, head);
  };
}

/** An attribute without a service in its name is one of a repository: `tag` is `oci:tag`. */
function attributesOf({ attributes = {} }: Permission): ReadonlyMap<string, string> {
  return new Map(
    Object.entries(attributes).map(([name, value]) => [
      name.includes(':') ? name.toLowerCase() : `oci:${name.toLowerCase()}`,
      value,
    ]),
  );
}

function globalValue(
  key: string,
  { principal, head, nowMs, clientAddress }: AskedValues,
): string | undefined {
  switch (key) {
    case 'aws:sourceip':
      return clientAddress;
    case 'aws:securetransport':
      return String(head.tls !== undefined);
    case 'aws:currenttime':
      return new Date(nowMs).toISOString();
    case 'aws:epochtime':
      return String(Math.floor(nowMs / 1000));
    case 'aws:referer':
      return single(head.headers.referer);
    case 'aws:useragent':
      return single(head.headers['user-agent']);
    case 'aws:principaltype':
      return principal.kind === 'anonymous' ? 'Anonymous' : principal.isRoot ? 'Account' : 'User';
    case 'aws:username':
      return principal.kind === 'user' ? principal.name : undefined;
    case 'aws:userid':
      return principal.kind === 'user' ? canonicalUserId(principal.name) : undefined;
    case 'aws:principalarn':
      if (principal.kind === 'anonymous') return undefined;
      return principal.assumedRole === undefined ? userArn(principal.name) : roleArn(principal.assumedRole);
    default:
      return undefined;
  }
}

function principalValues(key: string, principal: Principal): readonly string[] | undefined {
  if (principal.kind === 'anonymous') return undefined;
  if (key.startsWith(PRINCIPAL_TAG)) return tagOfPrincipal(principal, key.slice(PRINCIPAL_TAG.length));
  if (key === 'zas:groups') return principal.groups;
  if (key === 'zas:roles') return principal.roles ?? [];
  if (key === 'zas:via') return [principal.via];
  return key.startsWith('jwt:') ? textsOf(claim(principal.claims, key.slice('jwt:'.length))) : undefined;
}

function tagOfPrincipal({ claims }: UserPrincipal, name: string): readonly string[] | undefined {
  const tags = memberOf(claims?.[TAGS_CLAIM], 'principal_tags');
  return textsOf(memberOf(tags, name));
}

/** `realm_access.roles` is the roles below realm_access; keys of policies come without regard to case. */
function claim(claims: UserPrincipal['claims'], path: string): unknown {
  const whole = memberOf(claims, path);
  if (whole !== undefined) return whole;
  return path.split('.').reduce<unknown>(memberOf, claims);
}

function memberOf(object: unknown, name: string): unknown {
  if (typeof object !== 'object' || object === null || Array.isArray(object)) return undefined;
  return Object.entries(object).find(([key]) => key.toLowerCase() === name)?.[1];
}

function textsOf(value: unknown): readonly string[] | undefined {
  const values = Array.isArray(value) ? value : [value];
  const texts = values.filter((one) => ['string', 'number', 'boolean'].includes(typeof one)).map(String);
  return texts.length === 0 ? undefined : texts;
}

function tagValues(key: string, { headers }: RequestHead): readonly string[] | undefined {
  if (!key.startsWith(REQUEST_TAG) && key !== 's3:requestobjecttagkeys') return undefined;
  const written = headers['x-amz-tagging'];
  const tags = typeof written === 'string' ? [...new URLSearchParams(written)] : [];
  if (key === 's3:requestobjecttagkeys') return tags.length === 0 ? undefined : tags.map(([name]) => name);
  return tagsNamed(tags, key.slice(REQUEST_TAG.length));
}

/** Condition keys come without regard to case; tag names in them, too. */
export function tagsNamed(
  tags: readonly (readonly [string, string])[],
  name: string,
): readonly string[] | undefined {
  const found = tags.filter(([tag]) => tag.toLowerCase() === name).map(([, value]) => value);
  return found.length === 0 ? undefined : found;
}

function headerValues(key: string, { headers }: RequestHead): readonly string[] | undefined {
  const name = HEADER_KEY.exec(key)?.[1];
  const header = name === undefined ? undefined : headers[name];
  return typeof header === 'string' ? [header] : header;
}

/** How a policy names a user. There are no accounts, so there is no account id in it. */
export function userArn(user: string): string {
  return `arn:aws:iam:::user/${user}`;
}

/** How a policy names who has a role, or took it on. */
export function roleArn(role: string): string {
  return `arn:aws:iam:::role/${role}`;
}

/** 64 hex digits that stand for a user, as Amazon's canonical user ids do; the same at every start. */
export function canonicalUserId(user: string): string {
  return createHash('sha256').update(`user:${user}`).digest('hex');
}

/** Every way the policy of a bucket or a repository may name whoever asks. */
export function principalNames(principal: Principal): ReadonlySet<string> {
  if (principal.kind === 'anonymous') return new Set();
  const { name, groups, roles = [], assumedRole } = principal;
  if (assumedRole !== undefined) return new Set([roleArn(assumedRole), `arn:zas:iam:::role/${assumedRole}`]);
  return new Set([
    // A user who is called like an ARN or an id is not whoever that stands for.
    ...(/^arn:|^[0-9a-f]{64}$/i.test(name) ? [] : [name]),
    canonicalUserId(name),
    ...['aws', 'zas'].flatMap((partition) => [
      `arn:${partition}:iam:::user/${name}`,
      ...groups.map((group) => `arn:${partition}:iam:::group/${group}`),
      ...roles.map((role) => `arn:${partition}:iam:::role/${role}`),
    ]),
  ]);
}

function single(value: string | string[] | undefined): string | undefined {
  return typeof value === 'string' ? value : value?.[0];
}
