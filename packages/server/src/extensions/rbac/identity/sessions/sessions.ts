import { createHash, randomBytes } from 'node:crypto';
import { extensionKey } from '../../../../extension/keyspace.ts';
import { decodeKey } from '../../../../metadata/keys.ts';
import type { Entry, Key, MetadataStore } from '../../../../metadata/metadata-store.ts';
import { recordCodec } from '../../../../metadata/record.ts';

/** A browser's login. */
export interface Session {
  /** No secret: the hash of what the cookie holds. */
  readonly id: string;
  readonly userName: string;
  readonly provider: string;
  /** What the provider's users are called in rules: `oidc` or `openid`. */
  readonly source: string;
  readonly issuer: string;
  readonly subject: string;
  /** The issuer's own session, where it names one. */
  readonly issuerSession?: string;
  readonly createdAtMs: number;
  readonly expiresAtMs: number;
  readonly address: string;
  readonly userAgent: string;
}

/** What the issuer said at the login. */
export interface SessionDetails {
  readonly groups: readonly string[];
  readonly roles: readonly string[];
  readonly claims: Readonly<Record<string, unknown>>;
  /** For the logout at the issuer. */
  readonly idToken?: string;
}

interface SessionRecord extends Omit<Session, 'id'> {
  /** How many rows the details take: a value of a record is bounded, a list of groups less so. */
  readonly parts: number;
}

const codec = recordCodec<SessionRecord>('session', 1);
const PART_BYTES = 3_000;
const MAX_DETAIL_BYTES = 48 * 1024;
const MAX_AGENT_CHARS = 200;
const PAGE = 500;

/**
 * Logins of browsers, in the records of the store, so that every worker knows them and they outlast a restart. The cookie
 * holds 256 random bits, and the record stands under their SHA-256: whoever reads the database cannot log in with it.
 */
export class Sessions {
  readonly #metadata: MetadataStore;
  readonly #clock: { now(): number };

  constructor(parts: { readonly metadata: MetadataStore; readonly clock: { now(): number } }) {
    this.#metadata = parts.metadata;
    this.#clock = parts.clock;
  }

  /** Durable when the promise resolves; `secret` is for the cookie and is stored nowhere. */
  async create(
    session: Omit<Session, 'id' | 'createdAtMs'>,
    details: SessionDetails,
  ): Promise<{ readonly secret: string; readonly session: Session }> {
    const secret = randomBytes(32).toString('base64url');
    const id = idOf(secret);
    const pieces = split(details);
    const { userAgent, ...rest } = session;
    const record: SessionRecord = {
      ...rest,
      userAgent: userAgent.slice(0, MAX_AGENT_CHARS),
      createdAtMs: this.#clock.now(),
      parts: pieces.length,
    };
    await this.#metadata.commit({
      puts: [
        { key: sessionKey(id), value: codec.encode(record) },
        ...pieces.map((value, index) => ({ key: partKey(id, index), value })),
      ],
    });
    return { secret, session: described(id, record) };
  }

  /** The session a cookie belongs to, unless it is over. */
  async find(secret: string): Promise<(Session & { readonly details: SessionDetails }) | undefined> {
    const id = idOf(secret);
    const row = await this.#metadata.get(sessionKey(id));
    if (row === undefined) return undefined;
    const record = codec.decode(row);
    if (record.expiresAtMs <= this.#clock.now()) return undefined;
    const parts = await this.#metadata.getMany(partKeys(id, record.parts));
    if (parts.includes(undefined)) return undefined;
    const details: SessionDetails = JSON.parse(Buffer.concat(parts.flatMap((part) => part ?? [])).toString());
    return { ...described(id, record), details };
  }

  /** Up to `limit` sessions that are not over, in order of their ids; `after` is the last id of the page before. */
  async list(options: {
    readonly user?: string;
    readonly after?: string;
    readonly limit: number;
  }): Promise<readonly Session[]> {
    const found: Session[] = [];
    for await (const session of this.#all(options.after)) {
      if (options.user !== undefined && session.userName !== options.user) continue;
      if (session.expiresAtMs <= this.#clock.now()) continue;
      found.push(session);
      if (found.length === options.limit) break;
    }
    return found;
  }

  async get(id: string): Promise<Session | undefined> {
    const row = await this.#metadata.get(sessionKey(id));
    return row && described(id, codec.decode(row));
  }

  /** Whether there was one. */
  async end(id: string): Promise<boolean> {
    const row = await this.#metadata.get(sessionKey(id));
    if (row === undefined) return false;
    const deletes = [sessionKey(id), ...partKeys(id, codec.decode(row).parts)];
    await this.#metadata.commit({ deletes, mayUseReserve: true });
    return true;
  }

  /** Ends the sessions of a login at an issuer; how many. */
  async endLogins(login: {
    readonly issuer: string;
    readonly subject?: string | undefined;
    readonly issuerSession?: string | undefined;
    /** Those that began after this stay. */
    readonly upToMs: number;
  }): Promise<number> {
    let count = 0;
    for await (const session of this.#all()) {
      const isMeant =
        login.issuerSession === undefined
          ? session.subject === login.subject
          : session.issuerSession === login.issuerSession;
      if (session.issuer !== login.issuer || !isMeant || session.createdAtMs > login.upToMs) continue;
      if (await this.end(session.id)) count += 1;
    }
    return count;
  }

  /** Removes those that are over. */
  async sweep(signal: AbortSignal): Promise<void> {
    for await (const session of this.#all()) {
      if (signal.aborted) return;
      if (session.expiresAtMs <= this.#clock.now()) await this.end(session.id);
    }
  }

  async *#all(after?: string): AsyncIterable<Session> {
    let from: Key | undefined = after === undefined ? undefined : sessionKey(after);
    for (;;) {
      const rows: readonly Entry[] = await this.#metadata.scan(
        { prefix: extensionKey('rbac', 'session') },
        { limit: PAGE, ...(from && { after: from }) },
      );
      for (const { key, value } of rows) yield described(String(decodeKey(key).at(-1)), codec.decode(value));
      from = rows.at(-1)?.key;
      if (rows.length < PAGE) return;
    }
  }
}

function idOf(secret: string): string {
  return createHash('sha256').update(secret).digest('base64url');
}

function sessionKey(id: string): Key {
  return extensionKey('rbac', 'session', id);
}

function partKey(id: string, index: number): Key {
  return extensionKey('rbac', 'session-part', id, index);
}

function partKeys(id: string, count: number): Key[] {
  return Array.from({ length: count }, (_, index) => partKey(id, index));
}

/** What would be too much even so goes in order of what can be done without. */
function split(details: SessionDetails): Buffer[] {
  const { idToken: _idToken, ...withoutToken } = details;
  const tries = [details, withoutToken, { ...withoutToken, claims: {} }];
  const whole = tries
    .map((one) => Buffer.from(JSON.stringify(one)))
    .find(({ length }) => length <= MAX_DETAIL_BYTES);
  const bytes = whole ?? Buffer.from(JSON.stringify({ groups: [], roles: [], claims: {} }));
  return Array.from({ length: Math.ceil(bytes.length / PART_BYTES) }, (_, index) =>
    bytes.subarray(index * PART_BYTES, (index + 1) * PART_BYTES),
  );
}

function described(id: string, { parts: _parts, ...record }: SessionRecord): Session {
  return { id, ...record };
}
