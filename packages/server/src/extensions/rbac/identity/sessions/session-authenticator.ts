import { isStoreError } from '@zot-artifact-store/spec';
import type { Authentication, Authenticator } from '../../../../extension/contract.ts';
import type { Operation, RequestHead } from '../../../../http/protocol.ts';
import type { EndedLogins } from '../oidc/ended-logins.ts';
import type { NameBinding } from '../oidc/token-identities.ts';
import { readCookie, sessionCookieName } from './cookies.ts';
import { isMeant } from './same-site.ts';
import type { Session, SessionDetails, Sessions } from './sessions.ts';

const ABSTAIN: Authentication = { outcome: 'abstain' };

export interface SessionAuthenticatorParts {
  readonly sessions: Sessions;
  readonly ended: EndedLogins;
  readonly names: NameBinding;
  readonly publicOrigin: string | undefined;
  readonly hasSecureCookies: boolean;
}

/**
 * Browsers that logged in, by their cookie; only where the request shows that it is no forgery (`isMeant`) and has no
 * `Authorization` of its own. A session that is over counts as none, as in zot.
 */
export class SessionAuthenticator implements Authenticator {
  readonly #parts: SessionAuthenticatorParts;

  constructor(parts: SessionAuthenticatorParts) {
    this.#parts = parts;
  }

  async authenticate(head: RequestHead, operation: Operation): Promise<Authentication> {
    const { sessions, ended, publicOrigin, hasSecureCookies } = this.#parts;
    if (head.headers.authorization !== undefined || operation.name.startsWith('s3.')) return ABSTAIN;
    const secret = readCookie(head, sessionCookieName(hasSecureCookies));
    if (secret === undefined || !isMeant(head, publicOrigin)) return ABSTAIN;
    const session = await sessions.find(secret);
    if (session === undefined) return ABSTAIN;
    const { issuer, subject, issuerSession: sessionId, createdAtMs: issuedAtMs } = session;
    if (await ended.isEnded({ issuer, subject, sessionId, issuedAtMs })) return ABSTAIN;
    return this.#admit(session);
  }

  async #admit(session: Session & { readonly details: SessionDetails }): Promise<Authentication> {
    const { issuer, subject: subjectId, id, userName, details } = session;
    const { groups, roles, claims } = details;
    const subject = { issuer, id: subjectId };
    try {
      // Without its groups: they are as old as the login, and a token may have told newer ones.
      const known = await this.#parts.names.admit({ wantedName: userName, source: 'oidc', subject });
      return {
        outcome: 'principal',
        principal: {
          kind: 'user',
          name: known.name,
          groups: [...new Set([...groups, ...known.groups])],
          roles,
          via: 'session',
          source: session.source,
          isRoot: false,
          subject,
          claims,
          credential: { kind: 'session', id },
        },
      };
    } catch (error) {
      if (isStoreError(error, 'unauthenticated')) return { outcome: 'refuse', message: error.message };
      throw error;
    }
  }
}
