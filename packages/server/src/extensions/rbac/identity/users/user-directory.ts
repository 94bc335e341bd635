import { isStoreError, StoreError } from '@zot-artifact-store/spec';
import type { Logger } from 'pino';
import type { UserPrincipal } from '../../../../extension/access.ts';
import { decodeKey } from '../../../../metadata/keys.ts';
import type { MetadataStore } from '../../../../metadata/metadata-store.ts';
import { type Transaction, transact } from '../../../../metadata/transaction.ts';
import type { DeclaredUsers } from './declared-users.ts';
import { keepSaid, readSaid } from './said-groups.ts';
import { type Subject, userKeys } from './user-keys.ts';
import { nameProblem, quoted } from './user-name.ts';
import { type UserRecord, type UserSource, userCodec } from './user-record.ts';

export interface UserDirectoryDeps {
  readonly metadata: MetadataStore;
  readonly clock: { now(): number };
  readonly log: Logger;
  readonly rootUser: string;
  readonly declared: DeclaredUsers;
  /** Whether the root user may log in. */
  isRootEnabled(): Promise<boolean>;
  /** Asks the source of a user, where it can be asked without the user: the groups, or that it has no such user. */
  groupsNow?(user: KnownUser): Promise<readonly string[] | 'unknown' | 'gone'>;
}

/** Somebody who proved to a source outside who they are. */
export interface Login {
  /** What the source calls them; the name they get when it is free. */
  readonly wantedName: string;
  readonly source: Exclude<UserSource, 'local'>;
  /** Where the source has something more lasting than a name. */
  readonly subject?: Subject;
  /** All groups and roles the source names now. Left out where a login does not tell them. */
  readonly groups?: readonly string[];
  readonly roles?: readonly string[];
}

/** A user as the directory knows them. */
export interface KnownUser {
  readonly name: string;
  readonly source: UserSource;
  readonly subject?: Subject;
  readonly description: string;
  readonly passwordHash?: string | undefined;
  readonly isDisabled: boolean;
  /** In the config file, so that only it can change them. */
  readonly isDeclared: boolean;
  readonly createdAtMs?: number;
  readonly lastSeenAtMs?: number;
  readonly credentialsSinceMs: number;
}

const SEEN_EVERY_MS = 60 * 60_000;
export const MAX_GROUPS_OF_USER = 500;

/**
 * The users of this store, whoever vouches for them. A name belongs to one identity: the first login binds it, and
 * another source or another subject with the same name is refused, so that owners, policies and the audit log can use
 * names.
 */
export class UserDirectory {
  readonly #deps: UserDirectoryDeps;

  constructor(deps: UserDirectoryDeps) {
    this.#deps = deps;
  }

  /** Undefined for root, for a deleted user and for a name nobody has. */
  async find(name: string): Promise<KnownUser | undefined> {
    if (name === this.#deps.rootUser || nameProblem(name) !== undefined) return undefined;
    return this.#known(name, (await this.#read(name)).record);
  }

  /** Whether any user here has a password. */
  async hasPasswords(): Promise<boolean> {
    const { metadata, declared } = this.#deps;
    if ([...declared.users.values()].some(({ passwordHash }) => passwordHash !== undefined)) return true;
    return (await metadata.get(userKeys.havePasswords())) !== undefined;
  }

  /** The groups of this store the user is a member of; those of the config file too. */
  async localGroups(name: string): Promise<readonly string[]> {
    const rows = await this.#deps.metadata.scan(
      { prefix: userKeys.groupsOf(name) },
      { limit: MAX_GROUPS_OF_USER },
    );
    const stored = rows.map(({ key }) => String(decodeKey(key).at(-1)));
    const declared = this.#deps.declared.groupsOf(name);
    return declared.length === 0 ? stored : [...new Set([...declared, ...stored])];
  }

  /**
   * The name and the local groups of somebody who logged in at a source outside. Binds the name at the first login; a
   * subject that is bound keeps its name, whatever the source calls it now. Throws `unauthenticated` when the name is
   * another's or the user is disabled.
   */
  async admit(login: Login): Promise<{ readonly name: string; readonly groups: readonly string[] }> {
    const { metadata, log } = this.#deps;
    try {
      const name = await transact(metadata, (transaction) => this.#bind(login, transaction));
      await this.noteSeen(name);
      return { name, groups: await this.localGroups(name) };
    } catch (error) {
      if (isStoreError(error, 'unauthenticated')) {
        const { wantedName, source, subject } = login;
        log.warn({ user: wantedName.slice(0, 255), source, subject, reason: error.message }, 'login refused');
      }
      throw error;
    }
  }

  /**
   * The user as known now, with today's groups; those of a source that cannot be asked are those of the last login. A name nobody wrote down is a user without groups. Undefined when the
   * user was disabled or deleted, or is not the one a credential of that age was made for.
   */
  async userNamed(
    name: string,
    { credentialMadeAtMs }: { readonly credentialMadeAtMs?: number } = {},
  ): Promise<UserPrincipal | undefined> {
    const { rootUser, metadata } = this.#deps;
    if (name === rootUser) {
      if (!(await this.#deps.isRootEnabled())) return undefined;
      return { kind: 'user', name, groups: [], via: 'name', source: 'root', isRoot: true };
    }
    if (nameProblem(name) !== undefined) return undefined;
    const { record } = await this.#read(name);
    if (record?.deletedAtMs !== undefined && !this.#deps.declared.users.has(name)) return undefined;
    const known = this.#known(name, record);
    if (known?.isDisabled) return undefined;
    if (credentialMadeAtMs !== undefined && credentialMadeAtMs < (known?.credentialsSinceMs ?? 0)) {
      return undefined;
    }
    const local = await this.localGroups(name);
    const theirs = known === undefined ? 'unknown' : ((await this.#deps.groupsNow?.(known)) ?? 'unknown');
    if (theirs === 'gone') return undefined;
    const last = await readSaid(metadata, name);
    const said = theirs === 'unknown' ? last : { ...last, groups: theirs };
    const groups = said.groups.length === 0 ? local : [...new Set([...local, ...said.groups])];
    const { subject } = known ?? {};
    return {
      kind: 'user',
      name,
      groups,
      roles: said.roles,
      via: 'name',
      isRoot: false,
      ...(known && { source: known.source }),
      ...(subject && { subject }),
    };
  }

  /** Writes down that the user was here, once an hour at most. A full disk keeps nobody out. */
  async noteSeen(name: string): Promise<void> {
    const { metadata, clock, log } = this.#deps;
    const now = clock.now();
    try {
      await transact(metadata, async (transaction) => {
        const { row, record } = await this.#read(name);
        if (record === undefined) return;
        const { lastSeenAtMs } = record;
        if (lastSeenAtMs !== undefined && lastSeenAtMs > now - SEEN_EVERY_MS) return;
        const key = userKeys.user(name);
        transaction.expectUnchanged(key, row);
        transaction.put(key, userCodec.encode({ ...record, lastSeenAtMs: now }));
      });
    } catch (err) {
      if (!isStoreError(err, 'storage-full') && !isStoreError(err, 'conflict')) throw err;
      log.debug({ err }, 'last login not written down');
    }
  }

  async #bind(login: Login, transaction: Transaction): Promise<string> {
    const { metadata, rootUser, clock } = this.#deps;
    const { subject, source } = login;
    const subjectRow = subject && (await metadata.get(userKeys.subject(subject)));
    const name = subjectRow === undefined ? login.wantedName : Buffer.from(subjectRow).toString('utf8');
    const problem = nameProblem(name);
    if (problem !== undefined) throw refused(`the name ${quoted(name)} of this login ${problem}`);
    if (name === rootUser) throw refused(`the name ${quoted(name)} is that of the root user`);
    const { row, record } = await this.#read(name);
    const known = this.#known(name, record);
    if (known !== undefined && !isOfSame(known, login)) {
      throw refused(`the name ${quoted(name)} belongs to another account here; ask an administrator`);
    }
    if (known?.isDisabled) throw refused(`the user ${quoted(name)} is disabled`);
    if (login.groups !== undefined || login.roles !== undefined) {
      const said = { groups: login.groups ?? [], roles: login.roles ?? [] };
      await keepSaid(metadata, transaction, { user: name, said });
    }
    const isBound = record?.deletedAtMs === undefined && record !== undefined && sameSubject(record, subject);
    if (isBound) return name;
    const now = clock.now();
    const key = userKeys.user(name);
    transaction.mayUseReserve = true;
    transaction.expectUnchanged(key, row);
    transaction.put(
      key,
      userCodec.encode({
        source,
        ...(subject && { subject }),
        description: record?.deletedAtMs === undefined ? (record?.description ?? '') : '',
        isDisabled: false,
        createdAtMs: record?.deletedAtMs === undefined ? (record?.createdAtMs ?? now) : now,
        lastSeenAtMs: now,
        credentialsSinceMs: record?.credentialsSinceMs ?? 0,
      }),
    );
    if (subject !== undefined) {
      transaction.expectUnchanged(userKeys.subject(subject), subjectRow);
      transaction.put(userKeys.subject(subject), Buffer.from(name));
    }
    return name;
  }

  async #read(name: string): Promise<{ readonly row?: Uint8Array; readonly record?: UserRecord }> {
    const row = await this.#deps.metadata.get(userKeys.user(name));
    return row === undefined ? {} : { row, record: userCodec.decode(row) };
  }

  #known(name: string, record: UserRecord | undefined): KnownUser | undefined {
    const declared = this.#deps.declared.users.get(name);
    const stored = record?.deletedAtMs === undefined ? record : undefined;
    if (declared === undefined) return stored && { name, isDeclared: false, ...stored };
    const { passwordHash: _, ...kept } = stored ?? { credentialsSinceMs: record?.credentialsSinceMs ?? 0 };
    return { ...kept, ...declared, name, isDeclared: true };
  }
}

function isOfSame(known: KnownUser, { source, subject }: Login): boolean {
  if (known.source !== source) return false;
  // Without one it waits for the first login of its source.
  return known.subject === undefined || sameSubject(known, subject);
}

function sameSubject(known: { readonly subject?: Subject }, subject: Subject | undefined): boolean {
  return known.subject?.issuer === subject?.issuer && known.subject?.id === subject?.id;
}

function refused(message: string): StoreError {
  return new StoreError('unauthenticated', message);
}
