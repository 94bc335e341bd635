import type { Permission, Principal } from '../../../extension/access.ts';
import type { RequestHead } from '../../../http/protocol.ts';
import type { ConditionValues } from '../../../policy/condition.ts';
import { signedRequestOf } from '../auth/signed-request.ts';
import { canonicalId } from '../owner.ts';

export interface RequestFacts {
  readonly principal: Principal;
  readonly permission: Permission;
  readonly head: RequestHead;
  readonly nowMs: number;
  /** Tags of the object there is, when a policy asks for them. */
  readonly existingTags?: readonly (readonly [string, string])[];
  /** The peer, or whom a trusted proxy speaks for. */
  readonly clientAddress: string;
}

const HEADER_KEY = /^s3:(x-amz-[a-z0-9-]+|if-match|if-none-match)$/;
const EXISTING_TAG = 's3:existingobjecttag/';
const REQUEST_TAG = 's3:requestobjecttag/';

/** What a request has under the condition keys of S3 ("Condition keys for Amazon S3") and the global ones. */
export function requestValues(facts: RequestFacts): ConditionValues {
  const { permission } = facts;
  const attributes = new Map(
    Object.entries(permission.attributes ?? {}).map(([name, value]) => [name.toLowerCase(), value]),
  );
  return (key) => {
    const attribute = attributes.get(key);
    if (attribute !== undefined) return [attribute];
    const found = globalValue(key, facts) ?? signatureValue(key, facts) ?? tagValues(key, facts);
    if (found !== undefined) return typeof found === 'string' ? [found] : found;
    const name = HEADER_KEY.exec(key)?.[1];
    const header = name === undefined ? undefined : facts.head.headers[name];
    return typeof header === 'string' ? [header] : header;
  };
}

function globalValue(
  key: string,
  { principal, head, nowMs, clientAddress }: RequestFacts,
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
      return principal.kind === 'user' ? canonicalId(principal.name) : undefined;
    case 'aws:principalarn':
      return principal.kind === 'user' ? userArn(principal.name) : undefined;
    default:
      return undefined;
  }
}

function signatureValue(key: string, { head, nowMs }: RequestFacts): string | undefined {
  const signed = signedRequestOf(head);
  if (signed === undefined) return undefined;
  switch (key) {
    case 's3:signatureversion':
      return signed.scheme.startsWith('v4') ? 'AWS4-HMAC-SHA256' : 'AWS';
    case 's3:authtype':
      return signed.scheme.endsWith('query') ? 'REST-QUERY-STRING' : 'REST-HEADER';
    case 's3:signatureage':
      return signed.signedAtMs === undefined ? undefined : String(nowMs - signed.signedAtMs);
    default:
      return undefined;
  }
}

function tagValues(key: string, { head, existingTags }: RequestFacts): readonly string[] | undefined {
  if (key.startsWith(EXISTING_TAG)) return valuesOf(existingTags ?? [], key.slice(EXISTING_TAG.length));
  const written = head.headers['x-amz-tagging'];
  const tags = typeof written === 'string' ? [...new URLSearchParams(written)] : [];
  if (key.startsWith(REQUEST_TAG)) return valuesOf(tags, key.slice(REQUEST_TAG.length));
  if (key === 's3:requestobjecttagkeys' && tags.length > 0) return tags.map(([name]) => name);
  return undefined;
}

/** Condition keys come without regard to case; tag names in them, too. */
function valuesOf(tags: readonly (readonly [string, string])[], name: string): readonly string[] | undefined {
  const found = tags.filter(([tag]) => tag.toLowerCase() === name).map(([, value]) => value);
  return found.length === 0 ? undefined : found;
}

/** How a policy names a user. There are no accounts, so there is no account id in it. */
export function userArn(user: string): string {
  return `arn:aws:iam:::user/${user}`;
}

function single(value: string | string[] | undefined): string | undefined {
  return typeof value === 'string' ? value : value?.[0];
}
