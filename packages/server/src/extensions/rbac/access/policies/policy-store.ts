import { randomBytes } from 'node:crypto';
import { StoreError } from '@zot-artifact-store/spec';
import { decodeKey } from '../../../../metadata/keys.ts';
import { type Key, MAX_VALUE_BYTES, type MetadataStore } from '../../../../metadata/metadata-store.ts';
import { recordCodec } from '../../../../metadata/record.ts';
import { type Transaction, transact } from '../../../../metadata/transaction.ts';
import { type PolicyKind, policyKeys } from './policy-keys.ts';

/** One text a policy has or had. */
export interface PolicyVersion {
  /** Counts from 1. */
  readonly version: number;
  readonly createdAtMs: number;
  readonly createdBy: string;
  /** Unique among all texts of all policies. */
  readonly revision: string;
  readonly rows: number;
}

export interface StoredPolicy {
  readonly name: string;
  /** The one in force is the last. */
  readonly versions: readonly PolicyVersion[];
}

export interface PolicyText extends PolicyVersion {
  readonly text: string;
}

export interface ChangeOptions {
  /** Who makes the change. */
  readonly by: string;
  /** Asked inside the transaction of the policy as it is; throws when the change must not be made. */
  check?(current: PolicyText | undefined): void;
}

interface PolicyRecord {
  readonly versions: readonly PolicyVersion[];
}

export const KEPT_VERSIONS = 10;
/** Each decision looks at all policies of somebody, and every worker at the names of all policies of repositories. */
const MAX_ATTACHED = 100;
const MAX_POLICIES = 10_000;
const MAX_ROWS = 64;
const MAX_BY_CHARS = 128;
const SCAN_PAGE = 500;

const codec = recordCodec<PolicyRecord>('policy', 1);
const generationCodec = recordCodec<{ readonly count: number }>('policy generation', 1);
const NOTHING = new Uint8Array([0]);

export interface PolicyStoreDeps {
  readonly metadata: MetadataStore;
  readonly clock: { now(): number };
}

/**
 * Policies by name with their last versions, and what they are attached to. Every change counts the generation up in
 * its own transaction and expects nobody else did, so changes happen one after the other, and whoever compares the
 * generation knows whether what it remembers still holds. Throws `resource-unknown` for what is not there.
 */
export class PolicyStore {
  readonly #deps: PolicyStoreDeps;
  readonly #generationKey = policyKeys.generation();
  /** The row that was read last: each request reads it, and it seldom changes. */
  #known: { readonly row: Uint8Array; readonly count: number } | undefined;

  constructor(deps: PolicyStoreDeps) {
    this.#deps = deps;
  }

  /** Grows with every change. */
  async generation(): Promise<number> {
    const row = await this.#deps.metadata.get(this.#generationKey);
    if (row === undefined) return 0;
    if (this.#known === undefined || Buffer.compare(this.#known.row, row) !== 0) {
      this.#known = { row: Buffer.from(row), count: generationCodec.decode(row).count };
    }
    return this.#known.count;
  }

  async find(kind: PolicyKind, name: string): Promise<StoredPolicy | undefined> {
    const row = await this.#deps.metadata.get(policyKeys.policy(kind, name));
    return row && { name, versions: codec.decode(row).versions };
  }

  /** In order of their names; `after` is the last name of the page before. */
  async list(
    kind: PolicyKind,
    { after, limit }: { readonly after?: string | undefined; readonly limit: number },
  ): Promise<readonly StoredPolicy[]> {
    const entries = await this.#deps.metadata.scan(
      { prefix: policyKeys.policies(kind) },
      { limit, ...(after !== undefined && { after: policyKeys.policy(kind, after) }) },
    );
    return entries.map(({ key, value }) => ({ name: lastOf(key), versions: codec.decode(value).versions }));
  }

  /** All of them: there is a limit to how many there can be. */
  async all(kind: PolicyKind): Promise<readonly StoredPolicy[]> {
    const found: StoredPolicy[] = [];
    for (;;) {
      const page = await this.list(kind, { after: found.at(-1)?.name, limit: SCAN_PAGE });
      found.push(...page);
      if (page.length < SCAN_PAGE) return found;
    }
  }

  /** The text of a version, which must not be a half of it. */
  async textOf({ revision, rows }: PolicyVersion): Promise<string> {
    const found = await this.#deps.metadata.scan({ prefix: policyKeys.texts(revision) }, { limit: MAX_ROWS });
    if (found.length !== rows) {
      throw new StoreError('unavailable', 'The text of a policy changed while it was read, or is damaged.');
    }
    return Buffer.concat(found.map(({ value }) => value)).toString();
  }

  /** Makes the policy, or a new version of it. The text has been checked. */
  put(kind: PolicyKind, name: string, text: string, options: ChangeOptions): Promise<StoredPolicy> {
    return this.#change(async (transaction) => {
      const { stored, row } = await this.#current(kind, name);
      await this.#ask(stored, options);
      if (stored === undefined) await this.#assertRoom(kind);
      return this.#write(transaction, { kind, name, text, by: options.by, stored, row });
    });
  }

  /** Puts an earlier version in force again, as a new one. */
  rollBack(kind: PolicyKind, name: string, version: number, options: ChangeOptions): Promise<StoredPolicy> {
    return this.#change(async (transaction) => {
      const { stored, row } = await this.#current(kind, name);
      if (stored === undefined) throw unknownPolicy(name);
      await this.#ask(stored, options);
      const wanted = stored.versions.find((one) => one.version === version);
      if (wanted === undefined) {
        const kept = stored.versions.map((one) => one.version).join(', ');
        throw new StoreError('resource-unknown', `${name} has no version ${version}; it has ${kept}.`);
      }
      const text = await this.textOf(wanted);
      return this.#write(transaction, { kind, name, text, by: options.by, stored, row });
    });
  }

  /** Throws `in-use` while it is attached to something. */
  delete(kind: PolicyKind, name: string, options: ChangeOptions): Promise<void> {
    return this.#change(async (transaction) => {
      const { stored, row } = await this.#current(kind, name);
      if (stored === undefined) throw unknownPolicy(name);
      await this.#ask(stored, options);
      const [target] = await this.targetsOf(name, { limit: 1 });
      if (kind === 'identity' && target !== undefined) {
        throw new StoreError('in-use', `${name} is attached to ${target}; detach it first.`, {
          resource: name,
        });
      }
      const key = policyKeys.policy(kind, name);
      transaction.expectUnchanged(key, row);
      transaction.delete(key);
      for (const version of stored.versions) dropText(transaction, version);
    });
  }

  /** Attaching what is attached succeeds. `isKnown` policies need not be in the store. */
  attach(policy: string, target: string, isKnown: (name: string) => boolean): Promise<void> {
    return this.#change(async (transaction) => {
      if (!isKnown(policy) && (await this.find('identity', policy)) === undefined) {
        throw unknownPolicy(policy);
      }
      const attached = await this.attachedTo(target);
      if (attached.includes(policy)) return;
      if (attached.length >= MAX_ATTACHED) {
        throw new StoreError('conflict', `${target} has ${MAX_ATTACHED} policies, and cannot have more.`);
      }
      transaction.put(policyKeys.attachment(target, policy), NOTHING);
      transaction.put(policyKeys.target(policy, target), NOTHING);
    });
  }

  detach(policy: string, target: string): Promise<void> {
    return this.#change(async (transaction) => {
      if (!(await this.attachedTo(target)).includes(policy)) {
        throw new StoreError('resource-unknown', `${policy} is not attached to ${target}.`, {
          resource: policy,
        });
      }
      transaction.delete(policyKeys.attachment(target, policy));
      transaction.delete(policyKeys.target(policy, target));
    });
  }

  async attachedTo(target: string): Promise<readonly string[]> {
    const found = await this.#deps.metadata.scan(
      { prefix: policyKeys.attachedTo(target) },
      { limit: MAX_ATTACHED },
    );
    return found.map(({ key }) => lastOf(key));
  }

  /** In order; `after` is the last of the page before. */
  async targetsOf(
    policy: string,
    { after, limit }: { readonly after?: string | undefined; readonly limit: number },
  ): Promise<readonly string[]> {
    const found = await this.#deps.metadata.scan(
      { prefix: policyKeys.targetsOf(policy) },
      { limit, ...(after !== undefined && { after: policyKeys.target(policy, after) }) },
    );
    return found.map(({ key }) => lastOf(key));
  }

  async #current(
    kind: PolicyKind,
    name: string,
  ): Promise<{ readonly stored: StoredPolicy | undefined; readonly row: Uint8Array | undefined }> {
    const row = await this.#deps.metadata.get(policyKeys.policy(kind, name));
    return { row, stored: row && { name, versions: codec.decode(row).versions } };
  }

  async #ask(stored: StoredPolicy | undefined, { check }: ChangeOptions): Promise<void> {
    if (check === undefined) return;
    const last = stored?.versions.at(-1);
    check(last && { ...last, text: await this.textOf(last) });
  }

  async #assertRoom(kind: PolicyKind): Promise<void> {
    if ((await this.all(kind)).length < MAX_POLICIES) return;
    throw new StoreError('conflict', `There are ${MAX_POLICIES} policies, and cannot be more.`);
  }

  #write(transaction: Transaction, { kind, name, text, by, stored, row }: Written): StoredPolicy {
    const bytes = Buffer.from(text);
    const rows = Math.max(1, Math.ceil(bytes.length / MAX_VALUE_BYTES));
    const revision = randomBytes(12).toString('hex');
    for (let index = 0; index < rows; index++) {
      const piece = bytes.subarray(index * MAX_VALUE_BYTES, (index + 1) * MAX_VALUE_BYTES);
      transaction.put(policyKeys.text(revision, index), piece);
    }
    const before = stored?.versions ?? [];
    const made: PolicyVersion = {
      version: (before.at(-1)?.version ?? 0) + 1,
      createdAtMs: this.#deps.clock.now(),
      createdBy: by.slice(0, MAX_BY_CHARS),
      revision,
      rows,
    };
    const versions = [...before, made];
    for (const old of versions.slice(0, -KEPT_VERSIONS)) dropText(transaction, old);
    const kept = versions.slice(-KEPT_VERSIONS);
    const key = policyKeys.policy(kind, name);
    transaction.expectUnchanged(key, row);
    transaction.put(key, codec.encode({ versions: kept }));
    return { name, versions: kept };
  }

  #change<T>(attempt: (transaction: Transaction) => Promise<T>): Promise<T> {
    const { metadata } = this.#deps;
    return transact(metadata, async (transaction) => {
      const key = policyKeys.generation();
      const row = await metadata.get(key);
      const result = await attempt(transaction);
      if (transaction.puts.length === 0 && transaction.deletes.length === 0) return result;
      const count = row === undefined ? 0 : generationCodec.decode(row).count;
      transaction.expectUnchanged(key, row);
      transaction.put(key, generationCodec.encode({ count: count + 1 }));
      return result;
    });
  }
}

interface Written {
  readonly kind: PolicyKind;
  readonly name: string;
  readonly text: string;
  readonly by: string;
  readonly stored: StoredPolicy | undefined;
  readonly row: Uint8Array | undefined;
}

export function unknownPolicy(name: string): StoreError {
  return new StoreError('resource-unknown', `There is no policy "${name.slice(0, 200)}".`, {
    resource: name.slice(0, 200),
  });
}

function dropText(transaction: Transaction, { revision, rows }: PolicyVersion): void {
  for (let row = 0; row < rows; row++) transaction.delete(policyKeys.text(revision, row));
}

function lastOf(key: Key): string {
  return String(decodeKey(key).at(-1));
}
