import { randomUUID } from 'node:crypto';
import { isStoreError, StoreError } from '@zot-artifact-store/spec';
import type { Logger } from 'pino';
import type { AccessLimit, UserPrincipal } from '../../../../extension/access.ts';
import { extensionKey } from '../../../../extension/keyspace.ts';
import { type Key, MAX_VALUE_BYTES, type MetadataStore } from '../../../../metadata/metadata-store.ts';
import { recordCodec } from '../../../../metadata/record.ts';
import { type Transaction, transact } from '../../../../metadata/transaction.ts';
import { parsePolicy } from '../../../../policy/parse-policy.ts';
import { PolicyProblem } from '../../../../policy/policy.ts';
import { quoted } from '../users/user-name.ts';
import { hashApiKey, isApiKey, newApiKey } from './api-key-secret.ts';
import { assertNetworks, isInNetworks } from './networks.ts';
import { limitOfScopes } from './scopes.ts';

interface ApiKeyRecord {
  readonly id: string;
  readonly owner: string;
  readonly label: string;
  readonly scopes: readonly string[];
  /** An IAM document that limits the key besides its scopes. */
  readonly policy?: string;
  /** Addresses the key works from; empty: all. */
  readonly networks: readonly string[];
  readonly createdAtMs: number;
  readonly creatorAgent: string;
  readonly expiresAtMs?: number;
  readonly lastUsedAtMs?: number;
}

/** What is told of a key; the key itself is told once, when it is made. */
export type ApiKey = ApiKeyRecord;

export interface NewApiKey {
  readonly owner: string;
  readonly label: string;
  readonly scopes: readonly string[];
  readonly policy?: string | undefined;
  readonly networks: readonly string[];
  readonly creatorAgent: string;
  readonly expiresAtMs?: number | undefined;
}

export interface ApiKeysDeps {
  readonly metadata: MetadataStore;
  readonly clock: { now(): number };
  readonly log: Logger;
  /** The owner as known now; undefined when a key of that age is void. */
  userNamed(
    name: string,
    options: { readonly credentialMadeAtMs: number },
  ): Promise<UserPrincipal | undefined>;
}

const MAX_KEYS_OF_USER = 100;
const MAX_LABEL_CHARS = 200;
const MAX_POLICY_BYTES = 2048;
const USED_EVERY_MS = 60 * 60_000;
const codec = recordCodec<ApiKeyRecord>('API key', 1);

const keys = {
  byHash: (hash: string): Key => extensionKey('rbac', 'api-key', hash),
  /** -> hash */
  of: (owner: string, id: string): Key => extensionKey('rbac', 'api-key-of', owner, id),
  allOf: (owner: string): Key => extensionKey('rbac', 'api-key-of', owner),
  all: (): Key => extensionKey('rbac', 'api-key-of'),
};

/**
 * Secrets that stand for their owner in a part of what the owner may do: by scopes, by a policy, until a day, from some
 * networks. Only hashes are stored. The row is read at every use, so that a deleted key ends at once in every worker.
 */
export class ApiKeys {
  readonly #deps: ApiKeysDeps;

  constructor(deps: ApiKeysDeps) {
    this.#deps = deps;
  }

  /** Durable when the promise resolves. `secret` is shown nowhere again. Throws `argument-invalid`. */
  async create(wanted: NewApiKey): Promise<{ readonly key: ApiKey; readonly secret: string }> {
    const { metadata, clock } = this.#deps;
    const { owner, label, scopes, policy, networks, expiresAtMs } = wanted;
    if (label.length > MAX_LABEL_CHARS) {
      throw new StoreError('argument-invalid', `a label has ${MAX_LABEL_CHARS} characters at most`);
    }
    assertNetworks(networks);
    limitOfScopes(scopes);
    if (policy !== undefined) assertPolicy(policy);
    if (expiresAtMs !== undefined && expiresAtMs <= clock.now()) {
      throw new StoreError('argument-invalid', 'the expiration date is in the past');
    }
    const secret = newApiKey();
    const record: ApiKeyRecord = {
      id: randomUUID(),
      owner,
      label,
      scopes,
      ...(policy !== undefined && { policy }),
      networks,
      createdAtMs: clock.now(),
      creatorAgent: wanted.creatorAgent.slice(0, 200),
      ...(expiresAtMs !== undefined && { expiresAtMs }),
    };
    const row = codec.encode(record);
    if (row.length > MAX_VALUE_BYTES) {
      throw new StoreError(
        'argument-invalid',
        'the scopes, the policy and the networks are too long together',
      );
    }
    const hash = hashApiKey(secret);
    await transact(metadata, async (transaction) => {
      const others = await metadata.scan({ prefix: keys.allOf(owner) }, { limit: MAX_KEYS_OF_USER });
      if (others.length === MAX_KEYS_OF_USER) {
        throw new StoreError(
          'argument-invalid',
          `${quoted(owner)} has ${MAX_KEYS_OF_USER} API keys, which is the most: delete some`,
        );
      }
      transaction.expectAbsent(keys.byHash(hash));
      transaction.put(keys.byHash(hash), row);
      transaction.put(keys.of(owner, record.id), Buffer.from(hash));
    });
    return { key: record, secret };
  }

  /** In order of owner and id, of one user or of all; `after` is the last key of the page before. */
  async list(options: {
    readonly owner?: string | undefined;
    readonly after?: { readonly owner: string; readonly id: string } | undefined;
    readonly limit: number;
  }): Promise<readonly ApiKey[]> {
    const { owner, after, limit } = options;
    const { metadata } = this.#deps;
    const index = await metadata.scan(
      { prefix: owner === undefined ? keys.all() : keys.allOf(owner) },
      { limit, ...(after && { after: keys.of(after.owner, after.id) }) },
    );
    const rows = await metadata.getMany(index.map(({ value }) => keys.byHash(Buffer.from(value).toString())));
    return rows.filter((row) => row !== undefined).map((row) => codec.decode(row));
  }

  /** Throws `resource-unknown`. */
  async get(owner: string, id: string): Promise<ApiKey> {
    const { metadata } = this.#deps;
    const hash = await metadata.get(keys.of(owner, id));
    const row = hash && (await metadata.get(keys.byHash(Buffer.from(hash).toString())));
    if (row === undefined) throw unknown(id);
    return codec.decode(row);
  }

  /** Throws `resource-unknown`. */
  async delete(owner: string, id: string): Promise<void> {
    const { metadata } = this.#deps;
    await transact(metadata, async (transaction) => {
      const index = keys.of(owner, id);
      const hash = await metadata.get(index);
      if (hash === undefined) throw unknown(id);
      transaction.mayUseReserve = true;
      transaction.expectUnchanged(index, hash);
      transaction.delete(index);
      transaction.delete(keys.byHash(Buffer.from(hash).toString()));
    });
  }

  /** All keys of a user that goes. */
  async deleteAllOf(owner: string): Promise<void> {
    for (const { id } of await this.list({ owner, limit: MAX_KEYS_OF_USER })) {
      try {
        await this.delete(owner, id);
      } catch (error) {
        if (!isStoreError(error, 'resource-unknown')) throw error;
      }
    }
  }

  /** Whom a key stands for, with what limits it; undefined when it does not count here and now. */
  async verify(secret: string, address: string): Promise<UserPrincipal | undefined> {
    if (!isApiKey(secret)) return undefined;
    const { metadata } = this.#deps;
    const row = await metadata.get(keys.byHash(hashApiKey(secret)));
    if (row === undefined) return undefined;
    return this.#stands(codec.decode(row), address);
  }

  /** Whom a key stands for, by its id, for what was made with it; undefined when it does not count any more. */
  async ownerOf(owner: string, id: string, address: string): Promise<UserPrincipal | undefined> {
    try {
      return await this.#stands(await this.get(owner, id), address);
    } catch (error) {
      if (isStoreError(error, 'resource-unknown')) return undefined;
      throw error;
    }
  }

  async #stands(record: ApiKeyRecord, address: string): Promise<UserPrincipal | undefined> {
    if (this.#isExpired(record)) return undefined;
    if (record.networks.length > 0 && !isInNetworks(address, record.networks)) return undefined;
    const owner = await this.#deps.userNamed(record.owner, { credentialMadeAtMs: record.createdAtMs });
    if (owner === undefined) return undefined;
    await this.#noteUse(record);
    return {
      ...owner,
      via: 'api-key',
      credential: { kind: 'api-key', id: record.id },
      limits: limitsOf(record),
    };
  }

  #isExpired({ expiresAtMs }: ApiKeyRecord): boolean {
    return expiresAtMs !== undefined && expiresAtMs <= this.#deps.clock.now();
  }

  /** Once an hour at most. A full disk keeps nobody out. */
  async #noteUse(record: ApiKeyRecord): Promise<void> {
    const { metadata, clock, log } = this.#deps;
    const now = clock.now();
    const { lastUsedAtMs } = record;
    if (lastUsedAtMs !== undefined && lastUsedAtMs > now - USED_EVERY_MS) return;
    try {
      await transact(metadata, async (transaction: Transaction) => {
        const hash = await metadata.get(keys.of(record.owner, record.id));
        const key = hash && keys.byHash(Buffer.from(hash).toString());
        const row = key && (await metadata.get(key));
        if (key === undefined || row === undefined) return;
        transaction.expectUnchanged(key, row);
        transaction.put(key, codec.encode({ ...codec.decode(row), lastUsedAtMs: now }));
      });
    } catch (err) {
      if (!isStoreError(err, 'storage-full') && !isStoreError(err, 'conflict')) throw err;
      log.debug({ err }, 'use of an API key not written down');
    }
  }
}

function limitsOf({ id, scopes, policy }: ApiKeyRecord): readonly AccessLimit[] {
  return [
    ...(scopes.length > 0 ? [{ name: `scopes of API key ${id}`, document: limitOfScopes(scopes) }] : []),
    ...(policy === undefined ? [] : [{ name: `policy of API key ${id}`, document: policy }]),
  ];
}

function assertPolicy(text: string): void {
  try {
    parsePolicy(text, { kind: 'identity', maxBytes: MAX_POLICY_BYTES });
  } catch (error) {
    if (!(error instanceof PolicyProblem)) throw error;
    throw new StoreError('argument-invalid', `the policy of the key: ${error.message}`);
  }
}

function unknown(id: string): StoreError {
  return new StoreError('resource-unknown', `there is no API key ${quoted(id)}`);
}
