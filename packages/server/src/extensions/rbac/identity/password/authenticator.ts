import { StoreError } from '@zot-artifact-store/spec';
import type { Principal } from '../../../../extension/access.ts';
import type { Authentication, Authenticator } from '../../../../extension/contract.ts';
import type { RequestHead } from '../../../../http/protocol.ts';
import { readCredentials } from '../credentials.ts';
import type { FailureLimiter } from '../failure-limiter.ts';
import type { HtpasswdFile } from './htpasswd-file.ts';
import type { PasswordChecker } from './password-checker.ts';

/** One sentence for a wrong name and a wrong password. */
const WRONG: Authentication = { outcome: 'refuse', message: 'The user name or the password is wrong.' };
const MALFORMED: Authentication = { outcome: 'refuse', message: 'The Authorization header cannot be read.' };
/** Stands where a user's hash would; no line of a file is like it. */
const ROOT_HAS_NO_HASH = 'root';
const ANONYMOUS: Authentication = { outcome: 'abstain' };

export interface PasswordAuthenticatorParts {
  readonly realm: string;
  readonly root: { readonly user: string; readonly password: string };
  readonly htpasswd: HtpasswdFile | undefined;
  readonly checker: PasswordChecker;
  readonly limiter: FailureLimiter;
  /** Waits as long as a refusal is held back; returns at once when the server stops. */
  holdBack(): Promise<void>;
}

/** Root and the users of the htpasswd file, by HTTP Basic. Other schemes and no credentials are left to others. */
export class PasswordAuthenticator implements Authenticator {
  readonly #parts: PasswordAuthenticatorParts;
  readonly #challenge: string;

  constructor(parts: PasswordAuthenticatorParts) {
    this.#parts = parts;
    this.#challenge = `Basic realm="${parts.realm.replace(/["\\]/g, '\\$&')}"`;
  }

  challenge(): string {
    return this.#challenge;
  }

  async authenticate(head: RequestHead): Promise<Authentication> {
    const credentials = readCredentials(head);
    if (credentials.kind === 'none' || credentials.kind === 'foreign') return ANONYMOUS;
    if (credentials.kind === 'malformed') return MALFORMED;
    const { user, password } = credentials;
    const principal = await this.#verify(user, password, head.remoteAddress);
    if (principal !== undefined) return { outcome: 'principal', principal };
    await this.#parts.holdBack();
    return WRONG;
  }

  /**
   * Every wrong answer costs a check: of the user's own hash, or, for root and for nobody's name, of the costliest hash
   * of the file, with no chance of success. Without users there is no name to find out but root's, and every wrong
   * answer costs the same nothing.
   */
  async #verify(user: string, password: string, address: string): Promise<Principal | undefined> {
    const { root, htpasswd, checker, limiter } = this.#parts;
    const users = await htpasswd?.current();
    const isRoot = checker.areEqual(user, root.user);
    const stored = isRoot ? ROOT_HAS_NO_HASH : users?.hashes.get(user);
    const principal: Principal = {
      kind: 'user',
      name: user,
      groups: [],
      via: isRoot ? 'root' : 'htpasswd',
      isRoot,
    };
    const pauseMs = limiter.pauseMs(user, address);
    if (pauseMs > 0 && !limiter.mayGlance(user, address)) throw tooManyTries(pauseMs);
    if (stored !== undefined && checker.isRemembered(user, password, stored)) return principal;
    if (pauseMs > 0) throw tooManyTries(pauseMs);

    const isRight = isRoot
      ? checker.areEqual(password, root.password)
      : await this.#matches(user, password, stored);
    if (isRight) {
      checker.remember(user, password, stored ?? '');
      limiter.succeeded(user, address);
      return principal;
    }
    limiter.failed(user, address);
    if (users?.costliest !== undefined && (isRoot || stored === undefined)) {
      await checker.check(user, password, users.costliest);
    }
    return undefined;
  }

  async #matches(user: string, password: string, hash: string | undefined): Promise<boolean> {
    return hash !== undefined && (await this.#parts.checker.check(user, password, hash));
  }
}

function tooManyTries(pauseMs: number): StoreError {
  return new StoreError('too-many-requests', 'Too many failed logins; wait before trying again.', {
    retryAfterSeconds: Math.ceil(pauseMs / 1000),
  });
}
