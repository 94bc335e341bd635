import type { Permission, Principal } from '../../../../extension/access.ts';
import type { RequestHead } from '../../../../http/protocol.ts';
import type { ConditionRequest } from './cel-condition.ts';

export interface ConditionFacts {
  readonly principal: Principal;
  readonly groups: readonly string[];
  readonly permission: Permission;
  readonly repository: string;
  readonly action: string;
  readonly isAdmin: boolean;
  readonly head: RequestHead;
  readonly nowMs: number;
}

/** zot's `req` for a request. */
export function conditionRequest(facts: ConditionFacts): ConditionRequest {
  const { principal, groups, permission, repository, action, isAdmin, head, nowMs } = facts;
  const { tag = '', digest = '' } = permission.attributes ?? {};
  const isUser = principal.kind === 'user';
  return {
    time: new Date(nowMs),
    method: head.method,
    userAgent: textOf(head.headers['user-agent']),
    action,
    repository,
    reference: tag || digest,
    referenceType: tag !== '' ? 'tag' : digest !== '' ? 'digest' : '',
    tag,
    digest,
    user: { username: isUser ? principal.name : '', groups },
    auth: { anonymous: !isUser, admin: isAdmin },
    client: { ip: head.remoteAddress, forwardedFor: forwardedFor(head) },
    tls: { enabled: head.tls !== undefined, version: head.tls?.version.replace(/^TLSv/, '') ?? '' },
    claims: (isUser ? principal.claims : undefined) ?? {},
  };
}

/** As the client and its proxies wrote it, from the left; nothing vouches for it. */
function forwardedFor({ headers }: RequestHead): readonly string[] {
  const hops = textOf(headers['x-forwarded-for']).split(',');
  return hops.map((hop) => hop.trim()).filter((hop) => hop !== '');
}

function textOf(value: string | string[] | undefined): string {
  return typeof value === 'string' ? value : (value?.join(',') ?? '');
}
