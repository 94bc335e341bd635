import { StoreError } from '@zot-artifact-store/spec';
import { decodeKey } from '../../../../metadata/keys.ts';
import type { Entry, MetadataStore } from '../../../../metadata/metadata-store.ts';
import { type Transaction, transact } from '../../../../metadata/transaction.ts';
import type { DeclaredUsers } from './declared-users.ts';
import { MAX_GROUPS_OF_USER } from './user-directory.ts';
import { userKeys } from './user-keys.ts';
import { assertLocalName, nameProblem, quoted } from './user-name.ts';
import { type GroupRecord, groupCodec, NOTHING } from './user-record.ts';

export interface KnownGroup {
  readonly name: string;
  readonly description: string;
  readonly createdAtMs?: number;
  /** In the config file, so that only it can change it. */
  readonly isDeclared: boolean;
}

export interface GroupStoreDeps {
  readonly metadata: MetadataStore;
  readonly clock: { now(): number };
  readonly declared: DeclaredUsers;
}

export interface Page {
  readonly after: string;
  readonly limit: number;
}

/** So many members leave at once when their group is deleted. */
const MEMBERS_PER_STEP = 200;

/** The groups of this store and who is in them. Those of the config file can only be looked at. */
export class GroupStore {
  readonly #deps: GroupStoreDeps;

  constructor(deps: GroupStoreDeps) {
    this.#deps = deps;
  }

  async list({ after, limit }: Page): Promise<readonly KnownGroup[]> {
    const { metadata, declared } = this.#deps;
    const rows = await metadata.scan(
      { prefix: userKeys.groups() },
      { limit: limit + declared.groups.size, ...(after !== '' && { after: userKeys.group(after) }) },
    );
    const stored = rows
      .map(({ key, value }) => described(lastPart(key), groupCodec.decode(value)))
      .filter(({ name }) => !declared.groups.has(name));
    const fixed = [...declared.groups.keys()]
      .filter((name) => isBefore(after, name))
      .map((name) => this.#declared(name))
      .filter((group) => group !== undefined);
    return [...stored, ...fixed].sort((a, b) => (isBefore(a.name, b.name) ? -1 : 1)).slice(0, limit);
  }

  /** Throws `resource-unknown`. */
  async get(name: string): Promise<KnownGroup> {
    const declared = this.#declared(name);
    if (declared !== undefined) return declared;
    return described(name, groupCodec.decode(await this.#row(name)));
  }

  /** Throws `conflict` when there is one. */
  async create(name: string, description: string): Promise<KnownGroup> {
    const { metadata, clock, declared } = this.#deps;
    assertLocalName('group', name);
    const record: GroupRecord = { description, createdAtMs: clock.now() };
    await transact(metadata, async (transaction) => {
      const key = userKeys.group(name);
      if (declared.groups.has(name) || (await metadata.get(key)) !== undefined) {
        throw new StoreError('conflict', `there is a group ${quoted(name)} already`);
      }
      transaction.expectAbsent(key);
      transaction.put(key, groupCodec.encode(record));
    });
    return described(name, record);
  }

  async change(name: string, description: string): Promise<KnownGroup> {
    this.#assertChangeable(name);
    return transact(this.#deps.metadata, async (transaction) => {
      const row = await this.#row(name);
      const record = { ...groupCodec.decode(row), description };
      transaction.expectUnchanged(userKeys.group(name), row);
      transaction.put(userKeys.group(name), groupCodec.encode(record));
      return described(name, record);
    });
  }

  /** Nobody is a member any more when the promise resolves. */
  async delete(name: string): Promise<void> {
    this.#assertChangeable(name);
    const { metadata } = this.#deps;
    for (let isDone = false; !isDone; ) {
      isDone = await transact(metadata, async (transaction) => {
        const row = await this.#row(name);
        const members = await metadata.scan({ prefix: userKeys.members(name) }, { limit: MEMBERS_PER_STEP });
        transaction.mayUseReserve = true;
        transaction.expectUnchanged(userKeys.group(name), row);
        for (const { key } of members) leave(transaction, name, lastPart(key));
        if (members.length > 0) return false;
        transaction.expectEmpty(userKeys.members(name));
        transaction.delete(userKeys.group(name));
        return true;
      });
    }
  }

  async members(name: string, { after, limit }: Page): Promise<readonly string[]> {
    const declared = this.#deps.declared.groups.get(name);
    if (declared !== undefined) {
      return [...declared.members]
        .filter((user) => isBefore(after, user))
        .sort((a, b) => (isBefore(a, b) ? -1 : 1))
        .slice(0, limit);
    }
    await this.#row(name);
    const rows = await this.#deps.metadata.scan(
      { prefix: userKeys.members(name) },
      { limit, ...(after !== '' && { after: userKeys.member(name, after) }) },
    );
    return rows.map(({ key }) => lastPart(key));
  }

  /** Of a user with or without a record: users of sources outside may be put into groups before their first login. */
  async addMember(group: string, user: string): Promise<void> {
    this.#assertChangeable(group);
    const problem = nameProblem(user);
    if (problem !== undefined) {
      throw new StoreError('argument-invalid', `the name of a user, ${quoted(user)}, ${problem}`);
    }
    const { metadata } = this.#deps;
    await transact(metadata, async (transaction) => {
      const row = await this.#row(group);
      const of = await metadata.scan({ prefix: userKeys.groupsOf(user) }, { limit: MAX_GROUPS_OF_USER });
      if (of.some(({ key }) => lastPart(key) === group)) return;
      if (of.length === MAX_GROUPS_OF_USER) {
        throw new StoreError(
          'argument-invalid',
          `${quoted(user)} is in ${MAX_GROUPS_OF_USER} groups, which is the most`,
        );
      }
      transaction.expectUnchanged(userKeys.group(group), row);
      transaction.put(userKeys.member(group, user), NOTHING);
      transaction.put(userKeys.groupOf(user, group), NOTHING);
    });
  }

  async removeMember(group: string, user: string): Promise<void> {
    this.#assertChangeable(group);
    await transact(this.#deps.metadata, async (transaction) => {
      await this.#row(group);
      transaction.mayUseReserve = true;
      leave(transaction, group, user);
    });
  }

  #declared(name: string): KnownGroup | undefined {
    const group = this.#deps.declared.groups.get(name);
    return group && { name, description: group.description, isDeclared: true };
  }

  #assertChangeable(name: string): void {
    if (!this.#deps.declared.groups.has(name)) return;
    throw new StoreError(
      'denied',
      `the group ${quoted(name)} is declared in the config file: change it there`,
    );
  }

  async #row(name: string): Promise<Uint8Array> {
    const row = nameProblem(name) === undefined && (await this.#deps.metadata.get(userKeys.group(name)));
    if (row) return row;
    throw new StoreError('resource-unknown', `there is no group ${quoted(name)}`);
  }
}

function leave(transaction: Transaction, group: string, user: string): void {
  transaction.delete(userKeys.member(group, user));
  transaction.delete(userKeys.groupOf(user, group));
}

function described(name: string, { description, createdAtMs }: GroupRecord): KnownGroup {
  return { name, description, createdAtMs, isDeclared: false };
}

function lastPart(key: Entry['key']): string {
  return String(decodeKey(key).at(-1));
}

function isBefore(a: string, b: string): boolean {
  return Buffer.compare(Buffer.from(a), Buffer.from(b)) < 0;
}
