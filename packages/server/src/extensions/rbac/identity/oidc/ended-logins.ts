import { createHash } from 'node:crypto';
import { extensionKey } from '../../../../extension/keyspace.ts';
import type { Key, MetadataStore } from '../../../../metadata/metadata-store.ts';
import { recordCodec } from '../../../../metadata/record.ts';

/** A login at an issuer, as a token tells of it. */
export interface LoginOfToken {
  readonly issuer: string;
  readonly subject: string;
  readonly sessionId: string | undefined;
  readonly issuedAtMs: number;
}

interface EndedRecord {
  /** Tokens issued up to then count no more. */
  readonly atMs: number;
}

const codec = recordCodec<EndedRecord>('ended login', 1);
/** No token that is accepted without a bound of its own lives longer than this after its issuer ended its login. */
const KEEP_MS = 7 * 24 * 3_600_000;
const PAGE = 500;

/**
 * Logins that an issuer said are over (OpenID Connect Back-Channel Logout 1.0): tokens of theirs that were issued before
 * count no more, in every worker, although they have not expired.
 */
export class EndedLogins {
  readonly #metadata: MetadataStore;
  readonly #clock: { now(): number };

  constructor(parts: { readonly metadata: MetadataStore; readonly clock: { now(): number } }) {
    this.#metadata = parts.metadata;
    this.#clock = parts.clock;
  }

  /** Durable when the promise resolves. A session id ends that session alone, otherwise all of the subject end. */
  async end(login: {
    readonly issuer: string;
    readonly subject?: string;
    readonly sessionId?: string;
    /** Tokens issued up to then count no more; now, when undefined. */
    readonly atMs?: number;
  }): Promise<void> {
    const { issuer, subject, sessionId, atMs = this.#clock.now() } = login;
    const key = sessionId === undefined ? ofSubject(issuer, subject ?? '') : ofSession(issuer, sessionId);
    await this.#metadata.commit({ puts: [{ key, value: codec.encode({ atMs }) }] });
  }

  async isEnded({ issuer, subject, sessionId, issuedAtMs }: LoginOfToken): Promise<boolean> {
    const keys = [
      ofSubject(issuer, subject),
      ...(sessionId === undefined ? [] : [ofSession(issuer, sessionId)]),
    ];
    const [bySubject, bySession] = await this.#metadata.getMany(keys);
    // A session does not begin again; a subject may log in anew, and tokens tell whole seconds.
    if (bySession !== undefined) return true;
    return bySubject !== undefined && issuedAtMs <= codec.decode(bySubject).atMs;
  }

  /** Forgets those that no token can be from any more. */
  async sweep(signal: AbortSignal): Promise<void> {
    const prefix = extensionKey('rbac', 'ended-login');
    let after: Key | undefined;
    while (!signal.aborted) {
      const rows = await this.#metadata.scan({ prefix }, { limit: PAGE, ...(after && { after }) });
      const old = rows.filter(({ value }) => codec.decode(value).atMs + KEEP_MS < this.#clock.now());
      if (old.length > 0)
        await this.#metadata.commit({ deletes: old.map(({ key }) => key), mayUseReserve: true });
      after = rows.at(-1)?.key;
      if (rows.length < PAGE) return;
    }
  }
}

function ofSubject(issuer: string, subject: string): Key {
  return keyOf('subject', issuer, subject);
}

function ofSession(issuer: string, sessionId: string): Key {
  return keyOf('session', issuer, sessionId);
}

/** Hashed, because both may be long. */
function keyOf(what: string, issuer: string, id: string): Key {
  const hash = createHash('sha256')
    .update(JSON.stringify([issuer, id]))
    .digest('base64url');
  return extensionKey('rbac', 'ended-login', what, hash);
}
