import { isStoreError } from '@zot-artifact-store/spec';
import type { UserPrincipal } from '../../../../extension/access.ts';
import type { Authentication, Authenticator } from '../../../../extension/contract.ts';
import type { Operation, RequestHead } from '../../../../http/protocol.ts';
import { readCredentials } from '../credentials.ts';
import { looksLikeToken, readToken } from './token-form.ts';
import type { TokenIdentities } from './token-identities.ts';

const ABSTAIN: Authentication = { outcome: 'abstain' };
const BEARER = /^bearer +([A-Za-z0-9._~+/-]+=*) *$/i;
const BEARER_SCHEME = /^bearer(?: |$)/i;
/** What clients send as user name when the password says it all. */
const STAND_INS: ReadonlySet<string> = new Set([
  '<token>',
  'token',
  'jwt',
  'oauth2',
  'oauth2accesstoken',
  '00000000-0000-0000-0000-000000000000',
]);

/**
 * Tokens of trusted issuers: as `Authorization: Bearer`, and as password of HTTP Basic with the token's user as name, or
 * a name that stands for "see the token". A bearer token nobody else knew is refused here; a password that is a token of
 * another issuer is left to others. S3 requests are signed, and left to S3.
 */
export class OidcAuthenticator implements Authenticator {
  readonly #identities: TokenIdentities;

  constructor(identities: TokenIdentities) {
    this.#identities = identities;
  }

  async authenticate(head: RequestHead, operation: Operation): Promise<Authentication> {
    const header = head.headers.authorization;
    if (typeof header !== 'string' || operation.name.startsWith('s3.')) return ABSTAIN;
    const credentials = readCredentials(head);
    if (credentials.kind === 'foreign' && BEARER_SCHEME.test(header)) {
      const token = BEARER.exec(header)?.[1];
      if (token === undefined)
        return { outcome: 'refuse', message: 'The Authorization header cannot be read.' };
      return this.#verify(token, () => true);
    }
    if (credentials.kind !== 'basic' || !this.#isOurs(credentials.password)) return ABSTAIN;
    const { user, password } = credentials;
    return this.#verify(password, ({ name }) => name === user || STAND_INS.has(user));
  }

  async #verify(token: string, isMeant: (principal: UserPrincipal) => boolean): Promise<Authentication> {
    try {
      const principal = await this.#identities.verify(token);
      if (isMeant(principal)) return { outcome: 'principal', principal };
      return { outcome: 'refuse', message: 'The token is of another user than the one that was named.' };
    } catch (error) {
      if (isStoreError(error, 'unauthenticated')) return { outcome: 'refuse', message: error.message };
      throw error;
    }
  }

  #isOurs(password: string): boolean {
    if (!looksLikeToken(password)) return false;
    try {
      return this.#identities.isKnownIssuer(readToken(password).claims.iss);
    } catch {
      return false;
    }
  }
}
