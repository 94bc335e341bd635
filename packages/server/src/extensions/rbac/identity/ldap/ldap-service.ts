import { createHmac, randomBytes } from 'node:crypto';
import { StoreError } from '@zot-artifact-store/spec';
import {
  type Client,
  type Entry,
  InvalidCredentialsError,
  ResultCodeError,
  SizeLimitExceededError,
} from 'ldapts';
import type { Logger } from 'pino';
import type { PasswordService, ServiceUser } from '../password/password-logins.ts';
import { Turns } from '../turns.ts';
import type { BindCredentialsFile } from './bind-credentials.ts';
import { connectLdap } from './ldap-connection.ts';
import type { LdapOptions } from './ldap-options.ts';
import { RememberedUsers } from './remembered-users.ts';
import { filterForUser } from './user-filter.ts';

export interface LdapServiceDeps {
  readonly options: LdapOptions;
  readonly credentials: Pick<BindCredentialsFile, 'current'> | undefined;
  readonly clock: { now(): number };
  readonly log: Logger;
  /** How long the directory may take to connect, and for each answer; for tests. */
  readonly timeoutMs?: number;
}

interface Found {
  readonly dn: string;
  readonly user: ServiceUser;
}

const TIMEOUT_MS = 5_000;
const MAX_RUNNING = 4;
const MAX_WAITING = 200;
const MAX_NAME_CHARS = 512;
/** A connection that broke on the way is tried once more. */
const ATTEMPTS = 2;

/**
 * Users of an LDAP directory: searched as the configured account, then the password is tried by a bind as the entry that
 * was found. Right passwords are remembered for a minute under a keyed hash; no more than a few connections are open at
 * once, each for one login.
 */
export class LdapService implements PasswordService {
  readonly source = 'ldap';
  readonly #deps: LdapServiceDeps;
  readonly #turns = new Turns({ running: MAX_RUNNING, waiting: MAX_WAITING });
  readonly #key = randomBytes(32);
  readonly #passwords: RememberedUsers;
  readonly #lookups: RememberedUsers;
  readonly #running = new Map<string, Promise<ServiceUser | undefined>>();

  constructor(deps: LdapServiceDeps) {
    this.#deps = deps;
    this.#passwords = new RememberedUsers(deps.clock);
    this.#lookups = new RememberedUsers(deps.clock);
  }

  remembered(user: string, password: string): ServiceUser | undefined {
    return this.#passwords.get(this.#id(user, password));
  }

  /** Equal logins at the same time are one. Throws `unavailable`, `too-many-requests`. */
  async verify(user: string, password: string): Promise<ServiceUser | undefined> {
    // RFC 4513 5.1.2: a bind with a name and without a password succeeds and proves nothing.
    if (password === '' || user === '' || user.length > MAX_NAME_CHARS) return undefined;
    const id = this.#id(user, password);
    let running = this.#running.get(id);
    if (running === undefined) {
      running = this.#connected((client) => this.#login(client, user, password)).finally(() =>
        this.#running.delete(id),
      );
      this.#running.set(id, running);
    }
    const found = await running;
    if (found !== undefined) this.#passwords.set(id, found);
    return found;
  }

  /** A user without a password being tried; undefined when the directory has none of that name. Throws `unavailable`. */
  async lookUp(name: string): Promise<ServiceUser | undefined> {
    const known = this.#lookups.get(name);
    if (known !== undefined) return known;
    const found = await this.#connected((client) => this.#search(client, name));
    if (found !== undefined) this.#lookups.set(name, found.user);
    return found?.user;
  }

  async #login(client: Client, user: string, password: string): Promise<ServiceUser | undefined> {
    const found = await this.#search(client, user);
    // For a name nobody has, the directory does the same work, with an entry that cannot be.
    const dn = found?.dn ?? `cn=nobody-${randomBytes(8).toString('hex')},${this.#deps.options.baseDn}`;
    try {
      await client.bind(dn, password);
      return found?.user;
    } catch (error) {
      if (!(error instanceof ResultCodeError)) throw error;
      // Locked, expired and the like are answers about this user, and wrong to whoever asks.
      if (!(error instanceof InvalidCredentialsError) && found !== undefined) {
        this.#deps.log.info({ user, code: error.code }, 'LDAP refused a bind');
      }
      return undefined;
    }
  }

  async #search(client: Client, user: string): Promise<Found | undefined> {
    const { options, credentials, log } = this.#deps;
    if (credentials !== undefined) {
      const { bindDn, bindPassword } = await credentials.current();
      await client.bind(bindDn, bindPassword);
    }
    const entries = await this.#entries(client, user);
    const [entry] = entries;
    if (entry === undefined) return undefined;
    if (entries.length > 1) {
      log.warn({ user }, 'LDAP has several entries for a user, who is refused');
      return undefined;
    }
    const name = spelledAs(user, valuesOf(entry, options.userAttribute));
    if (name === undefined) {
      const { userAttribute } = options;
      log.warn({ user, userAttribute }, 'LDAP does not show the attribute users are named by');
      return undefined;
    }
    const groups = options.groupAttribute === undefined ? [] : valuesOf(entry, options.groupAttribute);
    return { dn: entry.dn, user: { name, groups } };
  }

  /** Two at most, which is one too many. */
  async #entries(client: Client, user: string): Promise<readonly Entry[]> {
    const { options } = this.#deps;
    const { userAttribute: attribute, groupAttribute, userFilter } = options;
    const entries: Entry[] = [];
    const search = {
      scope: options.isSubtree ? ('sub' as const) : ('one' as const),
      filter: filterForUser({ attribute, user, userFilter }),
      attributes: groupAttribute === undefined ? [attribute] : [attribute, groupAttribute],
      sizeLimit: 2,
      timeLimit: Math.ceil(this.#timeoutMs / 1000),
    };
    try {
      entries.push(...(await client.search(options.baseDn, search)).searchEntries);
      return entries;
    } catch (error) {
      if (!(error instanceof SizeLimitExceededError)) throw error;
      const { log } = this.#deps;
      log.warn({ user }, 'LDAP has several entries for a user, who is refused');
      return [];
    }
  }

  /** Runs `work` with a connection of its own, once more when the connection fails. */
  #connected<T>(work: (client: Client) => Promise<T>): Promise<T> {
    return this.#turns.take(async () => {
      for (let attempt = 1; ; attempt++) {
        try {
          return await this.#once(work);
        } catch (error) {
          if (error instanceof StoreError) throw error;
          const isAnswer = error instanceof ResultCodeError;
          if (attempt < ATTEMPTS && !isAnswer) continue;
          this.#deps.log.error(
            { err: error },
            isAnswer ? 'LDAP refused the search for a user' : 'LDAP does not answer',
          );
          throw new StoreError('unavailable', 'The directory of users does not answer; try again.', {
            cause: error,
            retryAfterSeconds: 5,
          });
        }
      }
    });
  }

  async #once<T>(work: (client: Client) => Promise<T>): Promise<T> {
    const client = await connectLdap(this.#deps.options, this.#timeoutMs);
    try {
      return await work(client);
    } finally {
      // What matters is said; a connection that is broken needs no farewell.
      await client.unbind().catch(() => {});
    }
  }

  get #timeoutMs(): number {
    return this.#deps.timeoutMs ?? TIMEOUT_MS;
  }

  #id(user: string, password: string): string {
    return createHmac('sha256', this.#key)
      .update(JSON.stringify([user, password]))
      .digest('base64');
  }
}

/**
 * The name as the entry has it. Directories compare without regard to case and spaces, and a name that could be spelled
 * in many ways would be many users.
 */
function spelledAs(user: string, values: readonly string[]): string | undefined {
  const wanted = folded(user);
  return values.find((value) => folded(value) === wanted) ?? values[0];
}

function folded(text: string): string {
  return text.trim().replaceAll(/\s+/g, ' ').normalize('NFKC').toLowerCase();
}

function valuesOf(entry: Entry, attribute: string): readonly string[] {
  const key = Object.keys(entry).find((name) => name.toLowerCase() === attribute.toLowerCase());
  const value = key === undefined ? [] : entry[key];
  return [value].flat().flatMap((one) => (typeof one === 'string' && one !== '' ? [one] : []));
}
