import type { UserPrincipal } from '../../../../extension/access.ts';
import { looksLikeApiKey } from '../api-keys/api-key-secret.ts';
import type { ApiKeys } from '../api-keys/api-keys.ts';
import type { FailureLimiter } from '../failure-limiter.ts';
import { assertMayTry, tooManyTries } from '../too-many-tries.ts';
import type { UserDirectory } from '../users/user-directory.ts';
import type { PasswordChecker } from './password-checker.ts';
import type { StoredHashes } from './stored-hashes.ts';

/** A directory outside that checks passwords. */
export interface PasswordService {
  readonly source: 'ldap';
  /** What the service said of this very password a moment ago. */
  remembered(user: string, password: string): ServiceUser | undefined;
  /** Undefined for a wrong name or password. Throws `unavailable` when the service does not answer. */
  verify(user: string, password: string): Promise<ServiceUser | undefined>;
}

export interface ServiceUser {
  /** As the service spells it. */
  readonly name: string;
  readonly groups: readonly string[];
}

export interface PasswordLoginsDeps {
  readonly root: { readonly user: string; readonly password: string };
  isRootEnabled(): Promise<boolean>;
  readonly hashes: StoredHashes;
  readonly directory: Pick<UserDirectory, 'admit' | 'userNamed' | 'noteSeen'>;
  readonly apiKeys: Pick<ApiKeys, 'verify'>;
  readonly service: PasswordService | undefined;
  readonly checker: PasswordChecker;
  readonly limiter: FailureLimiter;
}

export interface PasswordLogin {
  readonly user: string;
  readonly password: string;
  readonly address: string;
}

/** Stands where a user's hash would; no line of a file is like it. */
const ROOT_HAS_NO_HASH = 'root';
/** Names that clients send with a token when they have no other. */
const NAMES_OF_TOKENS: ReadonlySet<string> = new Set(['<token>', 'oauth2', 'oauth2accesstoken']);

/** Whom a name and a password stand for: root, a local user, one of the htpasswd file, of LDAP, the owner of an API key. */
export class PasswordLogins {
  readonly #deps: PasswordLoginsDeps;

  constructor(deps: PasswordLoginsDeps) {
    this.#deps = deps;
  }

  /**
   * Undefined when the name or the password is wrong, which of them is not told. Every wrong answer costs a check: of
   * the user's own hash, or, for root and for nobody's name, of the costliest hash there is, with no chance of success.
   * Without users there is no name to find out but root's, and every wrong answer costs the same nothing.
   *
   * Throws `too-many-requests` after too many wrong ones, `unauthenticated` for a right one whose user may not log in.
   */
  async verify(login: PasswordLogin): Promise<UserPrincipal | undefined> {
    if (looksLikeApiKey(login.password)) return this.#byApiKey(login);
    const { root, hashes, checker, limiter, service } = this.#deps;
    const { user, password, address } = login;
    const isRoot = checker.areEqual(user, root.user);
    const stored = isRoot ? undefined : await hashes.find(user);
    const hash = isRoot ? ROOT_HAS_NO_HASH : stored?.hash;
    const pauseMs = limiter.pauseMs(user, address);
    if (pauseMs > 0 && !limiter.mayGlance(user, address)) throw tooManyTries(pauseMs);
    if (hash !== undefined && checker.isRemembered(user, password, hash))
      return this.#admit(user, stored?.source);
    if (hash === undefined && service !== undefined) {
      const remembered = service.remembered(user, password);
      if (remembered !== undefined) return this.#admitServiceUser(remembered);
    }
    if (pauseMs > 0) throw tooManyTries(pauseMs);

    if (hash === undefined && service !== undefined) {
      const found = await service.verify(user, password);
      if (found !== undefined) {
        limiter.succeeded(user, address);
        return this.#admitServiceUser(found);
      }
      limiter.failed(user, address);
      return undefined;
    }
    const isRight = isRoot
      ? checker.areEqual(password, root.password) && (await this.#deps.isRootEnabled())
      : hash !== undefined && (await checker.check(user, password, hash));
    if (isRight) {
      checker.remember(user, password, hash ?? '');
      limiter.succeeded(user, address);
      return this.#admit(user, stored?.source);
    }
    limiter.failed(user, address);
    const costliest = isRoot || hash === undefined ? await hashes.costliest() : undefined;
    if (costliest !== undefined) await checker.check(user, password, costliest);
    return undefined;
  }

  /** Whether this server itself can tell if the password is right. */
  async knows(user: string, password: string): Promise<boolean> {
    if (looksLikeApiKey(password) || user === this.#deps.root.user) return true;
    return (await this.#deps.hashes.find(user)) !== undefined;
  }

  /**
   * What a login with a password rests on, a secret that changes with the password; undefined for other logins, also
   * for those at a service outside, which does not tell when a password changes.
   */
  async proofOf({ name, via }: UserPrincipal): Promise<string | undefined> {
    const { root, hashes } = this.#deps;
    if (via === 'root') return `root\0${root.password}`;
    if (via === 'local' || via === 'htpasswd') {
      const stored = await hashes.find(name);
      return stored?.source === via ? `${via}\0${stored.hash}` : undefined;
    }
    return undefined;
  }

  /** The user of a login made earlier, as known now, with the proof there is now. */
  async resume(
    user: string,
    madeAtMs: number,
  ): Promise<{ readonly principal: UserPrincipal; readonly proof: string } | undefined> {
    const { root, hashes, directory } = this.#deps;
    const known = await directory.userNamed(user, { credentialMadeAtMs: madeAtMs });
    if (known === undefined) return undefined;
    const via = user === root.user ? 'root' : (await hashes.find(user))?.source;
    if (via === undefined) return undefined;
    const principal = { ...known, via };
    const proof = await this.proofOf(principal);
    return proof === undefined ? undefined : { principal, proof };
  }

  /** `source` is undefined for root. */
  async #admit(user: string, source: 'local' | 'htpasswd' | undefined): Promise<UserPrincipal | undefined> {
    const { directory } = this.#deps;
    if (source === 'htpasswd') {
      const { name, groups } = await directory.admit({ wantedName: user, source });
      return { kind: 'user', name, groups, via: source, isRoot: false };
    }
    const known = await directory.userNamed(user);
    if (known === undefined) return undefined;
    if (source === undefined) return { kind: 'user', name: user, groups: [], via: 'root', isRoot: true };
    await directory.noteSeen(user);
    return { ...known, via: source };
  }

  async #admitServiceUser({ name: wantedName, groups: said }: ServiceUser): Promise<UserPrincipal> {
    const { name, groups } = await this.#deps.directory.admit({ wantedName, source: 'ldap', groups: said });
    return { kind: 'user', name, groups: [...new Set([...groups, ...said])], via: 'ldap', isRoot: false };
  }

  async #byApiKey({ user, password, address }: PasswordLogin): Promise<UserPrincipal | undefined> {
    const { apiKeys, limiter } = this.#deps;
    assertMayTry(limiter, user, address);
    const principal = await apiKeys.verify(password, address);
    if (principal !== undefined && (principal.name === user || NAMES_OF_TOKENS.has(user))) return principal;
    limiter.failed(user, address);
    return undefined;
  }
}
