import { StoreError } from '@zot-artifact-store/spec';
import { decodeKey } from '../../../metadata/keys.ts';
import type { Entry, MetadataStore } from '../../../metadata/metadata-store.ts';
import { recordCodec } from '../../../metadata/record.ts';
import { transact } from '../../../metadata/transaction.ts';
import { s3Keys } from '../store/keyspace.ts';
import { rememberUser } from '../store/users.ts';
import {
  assertAccessKeyId,
  assertSecretAccessKey,
  newAccessKeyId,
  newSecretAccessKey,
} from './access-key-id.ts';
import type { AccessKeySource, FoundAccessKey } from './credentials.ts';
import { openSecret, sealSecret } from './sealed-secret.ts';

/** What is told of an access key; its secret is told once, when it is made. */
export interface AccessKey {
  readonly accessKeyId: string;
  readonly user: string;
  readonly description: string;
  readonly createdAtMs: number;
  readonly isEnabled: boolean;
}

interface AccessKeyRecord {
  readonly user: string;
  readonly description: string;
  readonly createdAtMs: number;
  readonly isEnabled: boolean;
  /** See sealed-secret.ts; bound to the access key id. */
  readonly sealedSecret: Uint8Array;
}

export interface AccessKeysDeps {
  readonly metadata: MetadataStore;
  readonly clock: { now(): number };
  /** 32 bytes that are not in the database: `host.deriveSecret(ACCESS_KEY_PURPOSE)`. */
  readonly sealingKey: Uint8Array;
}

export interface NewAccessKey {
  readonly user: string;
  readonly description?: string;
  /** With `secretAccessKey`, to bring a key along from another store; else both are made. */
  readonly accessKeyId?: string;
  readonly secretAccessKey?: string;
}

interface Unsealed {
  readonly row: Uint8Array;
  readonly secretAccessKey: string;
  readonly user: string;
  readonly createdAtMs: number;
}

export const ACCESS_KEY_PURPOSE = 's3 access keys';

const MAX_UNSEALED = 1_000;
const MAX_USER_BYTES = 255;
const MAX_DESCRIPTION_CHARS = 256;

const codec = recordCodec<AccessKeyRecord>('access key', 1);
/** The value of an index row, which is all in its key. */
const NOTHING = new Uint8Array([0]);

/**
 * The access keys of users. Secrets are sealed with a key that is not in the database. The row of a key is read at each
 * use and only the opening of its secret is remembered, by the row's value, so that a disabled or deleted key stops
 * working at once in every worker.
 */
export class AccessKeys implements AccessKeySource {
  readonly #deps: AccessKeysDeps;
  readonly #unsealed = new Map<string, Unsealed>();

  constructor(deps: AccessKeysDeps) {
    this.#deps = deps;
  }

  /** The enabled key with its secret. Throws `internal` when the secret was sealed in another store. */
  async find(accessKeyId: string): Promise<FoundAccessKey | undefined> {
    if (Buffer.byteLength(accessKeyId) > MAX_USER_BYTES) return undefined;
    const row = await this.#deps.metadata.get(s3Keys.accessKey(accessKeyId));
    if (row === undefined) {
      this.#unsealed.delete(accessKeyId);
      return undefined;
    }
    const known = this.#unsealed.get(accessKeyId);
    if (known !== undefined && Buffer.compare(known.row, row) === 0) {
      const { secretAccessKey, user, createdAtMs } = known;
      return { accessKeyId, secretAccessKey, user, createdAtMs };
    }
    const { isEnabled, sealedSecret, user, createdAtMs } = codec.decode(row);
    if (!isEnabled) return undefined;
    const secretAccessKey = openSecret(this.#deps.sealingKey, sealedSecret, accessKeyId);
    this.#remember(accessKeyId, { row: Buffer.from(row), secretAccessKey, user, createdAtMs });
    return { accessKeyId, secretAccessKey, user, createdAtMs };
  }

  /**
   * Makes a key, durable when the promise resolves. The secret in the result is shown nowhere again. Throws `conflict`
   * when the access key exists, `argument-invalid` for what cannot be one.
   */
  async create(wanted: NewAccessKey): Promise<AccessKey & { readonly secretAccessKey: string }> {
    const accessKeyId = wanted.accessKeyId ?? newAccessKeyId();
    const secretAccessKey = wanted.secretAccessKey ?? newSecretAccessKey();
    const { user, description = '' } = wanted;
    assertAccessKeyId(accessKeyId);
    assertSecretAccessKey(secretAccessKey);
    assertUser(user);
    assertDescription(description);
    const { metadata, clock, sealingKey } = this.#deps;
    const record: AccessKeyRecord = {
      user,
      description,
      createdAtMs: clock.now(),
      isEnabled: true,
      sealedSecret: sealSecret(sealingKey, secretAccessKey, accessKeyId),
    };
    await transact(metadata, async (transaction) => {
      const key = s3Keys.accessKey(accessKeyId);
      if ((await metadata.get(key)) !== undefined) {
        throw new StoreError('conflict', `There is an access key ${accessKeyId} already.`, {
          resource: accessKeyId,
        });
      }
      transaction.expectAbsent(key);
      transaction.put(key, codec.encode(record));
      transaction.put(s3Keys.accessKeyOf(user, accessKeyId), NOTHING);
      rememberUser(transaction, user);
    });
    return { ...described(accessKeyId, record), secretAccessKey };
  }

  /** Up to `limit` keys in order of their ids, of one user or of all; `after` is the last id of the page before. */
  async list(options: {
    readonly user?: string;
    readonly after?: string;
    readonly limit: number;
  }): Promise<readonly AccessKey[]> {
    const { user, after, limit } = options;
    const { metadata } = this.#deps;
    if (user === undefined) {
      const entries = await metadata.scan(
        { prefix: s3Keys.accessKeys() },
        { limit, ...(after !== undefined && { after: s3Keys.accessKey(after) }) },
      );
      return entries.map(({ key, value }) => described(idOf(key), codec.decode(value)));
    }
    const index = await metadata.scan(
      { prefix: s3Keys.accessKeysOf(user) },
      { limit, ...(after !== undefined && { after: s3Keys.accessKeyOf(user, after) }) },
    );
    const ids = index.map(({ key }) => idOf(key));
    const rows = await metadata.getMany(ids.map((id) => s3Keys.accessKey(id)));
    return ids.flatMap((id, position) => {
      const row = rows[position];
      return row === undefined ? [] : [described(id, codec.decode(row))];
    });
  }

  /** Undefined when there is no such key. */
  async describe(accessKeyId: string): Promise<AccessKey | undefined> {
    const row = await this.#deps.metadata.get(s3Keys.accessKey(accessKeyId));
    return row && described(accessKeyId, codec.decode(row));
  }

  /** Throws `argument-invalid` when there is no such key. */
  async setEnabled(accessKeyId: string, isEnabled: boolean): Promise<AccessKey> {
    const { metadata } = this.#deps;
    return transact(metadata, async (transaction) => {
      const { row, record } = await this.#read(accessKeyId);
      if (record.isEnabled === isEnabled) return described(accessKeyId, record);
      const key = s3Keys.accessKey(accessKeyId);
      transaction.expectUnchanged(key, row);
      transaction.put(key, codec.encode({ ...record, isEnabled }));
      return described(accessKeyId, { ...record, isEnabled });
    });
  }

  /** Throws `argument-invalid` when there is no such key. */
  async delete(accessKeyId: string): Promise<AccessKey> {
    const { metadata } = this.#deps;
    return transact(metadata, async (transaction) => {
      const { row, record } = await this.#read(accessKeyId);
      const key = s3Keys.accessKey(accessKeyId);
      transaction.expectUnchanged(key, row);
      transaction.delete(key);
      transaction.delete(s3Keys.accessKeyOf(record.user, accessKeyId));
      return described(accessKeyId, record);
    });
  }

  async #read(accessKeyId: string): Promise<{ readonly row: Uint8Array; readonly record: AccessKeyRecord }> {
    const row = await this.#deps.metadata.get(s3Keys.accessKey(accessKeyId));
    if (row !== undefined) return { row, record: codec.decode(row) };
    throw new StoreError('argument-invalid', `There is no access key ${accessKeyId}.`, {
      resource: accessKeyId,
    });
  }

  #remember(accessKeyId: string, unsealed: Unsealed): void {
    // Set anew to be the youngest in the map's order.
    this.#unsealed.delete(accessKeyId);
    this.#unsealed.set(accessKeyId, unsealed);
    if (this.#unsealed.size > MAX_UNSEALED) {
      const [oldest] = this.#unsealed.keys();
      if (oldest !== undefined) this.#unsealed.delete(oldest);
    }
  }
}

function described(accessKeyId: string, record: AccessKeyRecord): AccessKey {
  const { user, description, createdAtMs, isEnabled } = record;
  return { accessKeyId, user, description, createdAtMs, isEnabled };
}

/** The access key id ends the key of both tables. */
function idOf(key: Entry['key']): string {
  return String(decodeKey(key).at(-1));
}

function assertUser(user: string): void {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: no name has them
  if (user !== '' && Buffer.byteLength(user) <= MAX_USER_BYTES && !/[\x00-\x1f\x7f:]/.test(user)) return;
  throw new StoreError(
    'argument-invalid',
    `A user name has 1 to ${MAX_USER_BYTES} bytes, no colon and no control characters.`,
  );
}

function assertDescription(description: string): void {
  if (description.length <= MAX_DESCRIPTION_CHARS) return;
  throw new StoreError('argument-invalid', `A description has ${MAX_DESCRIPTION_CHARS} characters at most.`);
}
