import { StoreError } from '@zot-artifact-store/spec';
import { decodeKey } from '../../../../metadata/keys.ts';
import type { MetadataStore } from '../../../../metadata/metadata-store.ts';
import { type Transaction, transact } from '../../../../metadata/transaction.ts';
import type { DeclaredUsers } from './declared-users.ts';
import { keepSaid } from './said-groups.ts';
import { type KnownUser, MAX_GROUPS_OF_USER, type UserDirectory } from './user-directory.ts';
import { userKeys } from './user-keys.ts';
import { assertLocalName, nameProblem, quoted } from './user-name.ts';
import { NOTHING, type UserRecord, type UserSource, userCodec } from './user-record.ts';

export interface UserStoreDeps {
  readonly metadata: MetadataStore;
  readonly clock: { now(): number };
  readonly rootUser: string;
  readonly declared: DeclaredUsers;
  readonly directory: UserDirectory;
  hashPassword(password: string): Promise<string>;
}

export interface NewUser {
  readonly name: string;
  /** Another than `local` waits for the first login there, and has no password here. */
  readonly source: UserSource;
  readonly password?: string | undefined;
  readonly description: string;
}

export interface UserChange {
  readonly description?: string | undefined;
  readonly isDisabled?: boolean | undefined;
  /** Sets who vouches for the user from now on; what was bound is forgotten, and so is a password. */
  readonly source?: UserSource | undefined;
}

const MAX_DESCRIPTION_CHARS = 512;

/** What administrators do with users. Every change is durable when its promise resolves. */
export class UserStore {
  readonly #deps: UserStoreDeps;

  constructor(deps: UserStoreDeps) {
    this.#deps = deps;
  }

  /** In order of name, those of the config file too; `after` is the last name of the page before. */
  async list(options: { readonly after: string; readonly limit: number }): Promise<readonly KnownUser[]> {
    const { metadata, declared, directory } = this.#deps;
    const { limit } = options;
    const names = [...declared.users.keys()].filter((name) => isBefore(options.after, name));
    let { after } = options;
    for (let found = 0; found < limit; ) {
      const rows = await metadata.scan(
        { prefix: userKeys.users() },
        { limit, ...(after !== '' && { after: userKeys.user(after) }) },
      );
      for (const { key, value } of rows) {
        after = String(decodeKey(key).at(-1));
        if (userCodec.decode(value).deletedAtMs !== undefined) continue;
        if (!declared.users.has(after)) names.push(after);
        found += 1;
      }
      if (rows.length < limit) break;
    }
    const page = names.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))).slice(0, limit);
    const users = await Promise.all(page.map((name) => directory.find(name)));
    return users.filter((user) => user !== undefined);
  }

  /** Throws `conflict` when there is one, `argument-invalid` for what cannot be one. */
  async create(wanted: NewUser): Promise<KnownUser> {
    const { metadata, clock, rootUser, declared } = this.#deps;
    const { name, source, password, description } = wanted;
    if (source === 'local') assertLocalName('user', name);
    const problem = nameProblem(name);
    if (problem !== undefined) {
      throw new StoreError('argument-invalid', `the name of a user, ${quoted(name)}, ${problem}`);
    }
    if (name === rootUser || declared.users.has(name)) throw taken(name);
    if (password !== undefined && source !== 'local') {
      throw new StoreError('argument-invalid', `a user of source ${source} has no password here`);
    }
    assertDescription(description);
    const passwordHash = password === undefined ? undefined : await this.#deps.hashPassword(password);
    await transact(metadata, async (transaction) => {
      const key = userKeys.user(name);
      const row = await metadata.get(key);
      const old = row && userCodec.decode(row);
      if (old !== undefined && old.deletedAtMs === undefined) throw taken(name);
      transaction.expectUnchanged(key, row);
      const record: UserRecord = {
        source,
        description,
        ...(passwordHash !== undefined && { passwordHash }),
        isDisabled: false,
        createdAtMs: clock.now(),
        credentialsSinceMs: old?.credentialsSinceMs ?? 0,
      };
      transaction.put(key, userCodec.encode(record));
      if (passwordHash !== undefined) transaction.put(userKeys.havePasswords(), NOTHING);
    });
    return this.get(name);
  }

  /** Throws `resource-unknown` when there is no such user, `denied` for one of the config file. */
  async change(name: string, change: UserChange): Promise<KnownUser> {
    assertDescription(change.description ?? '');
    const { metadata, clock } = this.#deps;
    await this.#edit(name, async (record, transaction) => {
      const { passwordHash, subject, ...rest } = record;
      const isMoved = change.source !== undefined;
      if (isMoved) {
        if (subject !== undefined) transaction.delete(userKeys.subject(subject));
        await keepSaid(metadata, transaction, { user: name, said: { groups: [], roles: [] } });
      }
      return {
        ...rest,
        ...(!isMoved && passwordHash !== undefined && { passwordHash }),
        ...(!isMoved && subject !== undefined && { subject }),
        source: change.source ?? record.source,
        description: change.description ?? record.description,
        isDisabled: change.isDisabled ?? record.isDisabled,
        // A move to another source is to another person, as far as anybody can tell.
        credentialsSinceMs: isMoved ? clock.now() + 1 : record.credentialsSinceMs,
      };
    });
    return this.get(name);
  }

  /** The password of a local user; undefined takes it away. */
  async setPassword(name: string, password: string | undefined): Promise<KnownUser> {
    const passwordHash = password === undefined ? undefined : await this.#deps.hashPassword(password);
    await this.#edit(name, ({ passwordHash: _, ...record }, transaction) => {
      if (record.source !== 'local') {
        throw new StoreError(
          'argument-invalid',
          `${quoted(name)} is a user of source ${record.source} and has no password here`,
        );
      }
      if (passwordHash === undefined) return record;
      transaction.put(userKeys.havePasswords(), NOTHING);
      return { ...record, passwordHash };
    });
    return this.get(name);
  }

  /**
   * Forgets the user, the binding and the memberships. The name is free again, and whatever credentials of it are
   * left are void for good.
   */
  async delete(name: string): Promise<void> {
    const { metadata, clock } = this.#deps;
    await this.#edit(name, async (record, transaction) => {
      if (record.subject !== undefined) transaction.delete(userKeys.subject(record.subject));
      await keepSaid(metadata, transaction, { user: name, said: { groups: [], roles: [] } });
      const memberships = await metadata.scan(
        { prefix: userKeys.groupsOf(name) },
        { limit: MAX_GROUPS_OF_USER },
      );
      for (const { key } of memberships) {
        transaction.delete(key);
        transaction.delete(userKeys.member(String(decodeKey(key).at(-1)), name));
      }
      const now = clock.now();
      return {
        source: 'local',
        description: '',
        isDisabled: true,
        createdAtMs: record.createdAtMs,
        // A credential of this very millisecond is void too.
        credentialsSinceMs: now + 1,
        deletedAtMs: now,
      };
    });
  }

  async #edit(
    name: string,
    edit: (record: UserRecord, transaction: Transaction) => UserRecord | Promise<UserRecord>,
  ): Promise<void> {
    const { metadata } = this.#deps;
    this.assertChangeable(name);
    await transact(metadata, async (transaction) => {
      const key = userKeys.user(name);
      const row = await metadata.get(key);
      const record = row && userCodec.decode(row);
      if (row === undefined || record === undefined || record.deletedAtMs !== undefined) throw unknown(name);
      const edited = userCodec.encode(await edit(record, transaction));
      transaction.mayUseReserve = true;
      transaction.expectUnchanged(key, row);
      transaction.put(key, edited);
    });
  }

  /** Throws `denied` for root and for users of the config file. */
  assertChangeable(name: string): void {
    if (name === this.#deps.rootUser) {
      throw new StoreError('denied', `${quoted(name)} is the root user, which cannot be changed here`);
    }
    if (this.#deps.declared.users.has(name)) {
      throw new StoreError(
        'denied',
        `the user ${quoted(name)} is declared in the config file: change it there`,
      );
    }
  }

  /** Throws `resource-unknown`. */
  async get(name: string): Promise<KnownUser> {
    const user = await this.#deps.directory.find(name);
    if (user === undefined) throw unknown(name);
    return user;
  }
}

function taken(name: string): StoreError {
  return new StoreError('conflict', `there is a user ${quoted(name)} already`);
}

function unknown(name: string): StoreError {
  return new StoreError('resource-unknown', `there is no user ${quoted(name)}`);
}

function assertDescription(description: string): void {
  if (description.length <= MAX_DESCRIPTION_CHARS) return;
  throw new StoreError('argument-invalid', `a description has ${MAX_DESCRIPTION_CHARS} characters at most`);
}

function isBefore(a: string, b: string): boolean {
  return Buffer.compare(Buffer.from(a), Buffer.from(b)) < 0;
}
