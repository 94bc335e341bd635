import type { AccessLimit, UserPrincipal } from '../../../extension/access.ts';
import type { RequestContext } from '../../../http/protocol.ts';
import type { StsDeps } from './deps.ts';
import type { SessionCredentials } from './sessions.ts';
import { StsError } from './sts-error.ts';

/** All the rights of the user. */
export const SELF = 'self';

export interface Assumption {
  readonly action: string;
  readonly role: string;
  readonly name: string;
  readonly limits: readonly AccessLimit[];
  readonly durationSeconds: number;
  /** What the session comes from ends then, and so does the session. */
  readonly sourceExpiresAtMs: number | undefined;
}

/** Makes a session. Throws AccessDenied for a role that the user does not have. */
export function assume(
  principal: UserPrincipal,
  { action, role, name, limits, durationSeconds, sourceExpiresAtMs }: Assumption,
  context: Pick<RequestContext, 'note'>,
  { sessions, clock, root }: StsDeps,
): SessionCredentials {
  const asked = clock.now() + durationSeconds * 1000;
  const credentials = sessions.create({
    principal: role === SELF ? principal : inRole(principal, role, root.user),
    role: principal.assumedRole ?? role,
    name,
    limits,
    expiresAtMs: Math.min(asked, sourceExpiresAtMs ?? asked),
  });
  context.note({
    event: 'token',
    action,
    role,
    sessionName: name,
    accessKeyId: credentials.accessKeyId,
    expiresAt: new Date(credentials.expiresAtMs).toISOString(),
  });
  return credentials;
}

/** Root may take on any role, to see what it may do. */
function inRole(principal: UserPrincipal, role: string, rootUser: string): UserPrincipal {
  const mayAssume =
    principal.roles?.includes(role) === true ||
    (principal.name === rootUser && principal.isRoot && principal.assumedRole === undefined);
  if (!mayAssume) {
    throw new StsError(
      'AccessDenied',
      `${principal.name} does not have the role "${role.slice(0, 64)}", and so cannot take it on.`,
    );
  }
  return { ...principal, isRoot: false, groups: [], roles: [role], assumedRole: role };
}
