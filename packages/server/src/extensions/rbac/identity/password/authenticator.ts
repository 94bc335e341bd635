import type { Authentication, Authenticator } from '../../../../extension/contract.ts';
import type { Operation, RequestHead } from '../../../../http/protocol.ts';
import { readCredentials } from '../credentials.ts';
import type { PasswordLogins } from './password-logins.ts';

/** One sentence for a wrong name and a wrong password. */
const WRONG: Authentication = { outcome: 'refuse', message: 'The user name or the password is wrong.' };
const MALFORMED: Authentication = { outcome: 'refuse', message: 'The Authorization header cannot be read.' };
const ANONYMOUS: Authentication = { outcome: 'abstain' };

export interface PasswordAuthenticatorParts {
  readonly realm: string;
  readonly logins: PasswordLogins;
  /** Whom a request comes from. */
  clientAddress(head: RequestHead): string;
  /** Whether another way to log in is offered for a request, so that Basic is not. */
  isOtherwiseChallenged(head: RequestHead, operation: Operation | undefined): boolean;
  /** Whether an operation looks at the credentials itself. */
  isLeftTo(operation: Operation): boolean;
  /** Waits as long as a refusal is held back; returns at once when the server stops. */
  holdBack(): Promise<void>;
}

/** Names with passwords, by HTTP Basic. Other schemes and no credentials are left to others. */
export class PasswordAuthenticator implements Authenticator {
  readonly #parts: PasswordAuthenticatorParts;
  readonly #challenge: string;

  constructor(parts: PasswordAuthenticatorParts) {
    this.#parts = parts;
    this.#challenge = `Basic realm="${parts.realm.replace(/["\\]/g, '\\$&')}"`;
  }

  challenge(head: RequestHead, operation: Operation | undefined): string | undefined {
    // A page of a user interface asks for a password itself; a browser that is challenged would ask, too. As in zot.
    if (head.headers['x-zot-api-client'] !== undefined) return undefined;
    return this.#parts.isOtherwiseChallenged(head, operation) ? undefined : this.#challenge;
  }

  async authenticate(head: RequestHead, operation: Operation): Promise<Authentication> {
    if (this.#parts.isLeftTo(operation)) return ANONYMOUS;
    const credentials = readCredentials(head);
    if (credentials.kind === 'none' || credentials.kind === 'foreign') return ANONYMOUS;
    if (credentials.kind === 'malformed') return MALFORMED;
    const { user, password } = credentials;
    const principal = await this.#parts.logins.verify({
      user,
      password,
      address: this.#parts.clientAddress(head),
    });
    if (principal !== undefined) return { outcome: 'principal', principal };
    await this.#parts.holdBack();
    return WRONG;
  }
}
