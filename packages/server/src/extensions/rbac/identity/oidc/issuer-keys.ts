import { createPublicKey, type KeyObject } from 'node:crypto';
import { StoreError } from '@zot-artifact-store/spec';
import type { Logger } from 'pino';
import { z } from 'zod';
import type { IssuerFetch } from './issuer-fetch.ts';
import type { IssuerOptions } from './provider.ts';
import { bad } from './token-form.ts';

export interface IssuerKeysParts {
  readonly options: IssuerOptions;
  readonly fetch: IssuerFetch;
  readonly clock: { now(): number };
  readonly log: Pick<Logger, 'warn' | 'info'>;
}

interface VerificationKey {
  readonly id: string | undefined;
  /** The only algorithm it may be used with; undefined: whichever fits its type. */
  readonly algorithm: string | undefined;
  readonly type: string;
  readonly key: KeyObject;
}

const REFRESH_MS = 5 * 60_000;
const RETRY_MS = 30_000;
/** An unknown key id makes the server ask for keys; anybody can invent one. So often at once, and again after a while. */
const UNKNOWN_KEY_BURST = 3;
const UNKNOWN_KEY_PAUSE_MS = 30_000;
/** While there are no keys yet, each token would ask. */
const FIRST_KEYS_PAUSE_MS = 2_000;
const MAX_KEYS = 100;

const discovery = z.looseObject({ issuer: z.string(), jwks_uri: z.url() });
const jwks = z.looseObject({ keys: z.array(z.looseObject({ kty: z.string() })).max(MAX_KEYS) });

function keyTypeOf(algorithm: string): string {
  if (algorithm === 'EdDSA') return 'OKP';
  return algorithm.startsWith('ES') ? 'EC' : 'RSA';
}

/**
 * The keys one issuer signs with. They are fetched in the background every five minutes; a token with an unknown key id
 * fetches them too, three times at once and then every half a minute at most. A key that an answer leaves out is gone at once. While the issuer does
 * not answer, the keys known so far go on working, for as long as the configuration says.
 */
export class IssuerKeys {
  readonly #parts: IssuerKeysParts;
  #keys: readonly VerificationKey[] | undefined;
  #fetchedAtMs = Number.NEGATIVE_INFINITY;
  #triedAtMs = Number.NEGATIVE_INFINITY;
  #problem: string | undefined;
  #asked = 0;
  #askedSinceMs = Number.NEGATIVE_INFINITY;
  #version = 0;
  #refreshing: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  readonly #stopping = new AbortController();

  constructor(parts: IssuerKeysParts) {
    this.#parts = parts;
  }

  /** Changes whenever the keys do. */
  get version(): number {
    return this.#version;
  }

  /** What kept the keys from being fetched the last time, for people; undefined when nothing did. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /** Fetches the keys now and again and again. Does not wait for the first ones: an issuer that is down must not keep the server from starting. */
  start(): void {
    const next = (): void => {
      if (this.#stopping.signal.aborted) return;
      this.#timer = setTimeout(round, this.#problem === undefined ? REFRESH_MS : RETRY_MS);
      this.#timer.unref();
    };
    const round = (): void => {
      this.refresh().then(next, next);
    };
    round();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    clearTimeout(this.#timer);
    await this.#refreshing;
  }

  /**
   * The key a token says it is signed with. Throws `unauthenticated` when the issuer has no such key, `unavailable` when
   * the issuer cannot be asked.
   */
  async find(keyId: string | undefined, algorithm: string): Promise<KeyObject> {
    const known = this.#pick(keyId, algorithm);
    // Whoever has a known key never waits for the issuer, which may take long, or for ever.
    if (known !== undefined && this.#isUsable()) return known;
    await this.#learn();
    const found = this.#pick(keyId, algorithm);
    if (!this.#isUsable() || (found === undefined && this.#problem !== undefined)) throw this.#down();
    if (found !== undefined) return found;
    throw bad('is signed with a key that its issuer does not publish');
  }

  /** Fetches the keys unless that is under way. Never rejects; `problem` tells of a failure. */
  refresh(): Promise<void> {
    this.#refreshing ??= this.#fetchKeys().finally(() => {
      this.#triedAtMs = this.#parts.clock.now();
      this.#refreshing = undefined;
    });
    return this.#refreshing;
  }

  #isUsable(): boolean {
    const { clock, options } = this.#parts;
    return this.#keys !== undefined && clock.now() - this.#fetchedAtMs <= options.maxStaleMs;
  }

  async #learn(): Promise<void> {
    if (this.#refreshing !== undefined) return this.#refreshing;
    const mayAsk = this.#isUsable() ? this.#mayAskForUnknown() : this.#sinceTriedMs() >= FIRST_KEYS_PAUSE_MS;
    if (mayAsk) await this.refresh();
  }

  #sinceTriedMs(): number {
    return this.#parts.clock.now() - this.#triedAtMs;
  }

  #mayAskForUnknown(): boolean {
    const now = this.#parts.clock.now();
    const earned = Math.floor((now - this.#askedSinceMs) / UNKNOWN_KEY_PAUSE_MS);
    if (earned > 0) {
      this.#asked = Math.max(0, this.#asked - earned);
      this.#askedSinceMs = now;
    }
    if (this.#asked >= UNKNOWN_KEY_BURST) return false;
    this.#asked += 1;
    return true;
  }

  /** Without a key id there must be no choice. */
  #pick(keyId: string | undefined, algorithm: string): KeyObject | undefined {
    const fitting = (this.#keys ?? []).filter(
      (key) =>
        (keyId === undefined || key.id === keyId) &&
        (key.algorithm === undefined || key.algorithm === algorithm) &&
        key.type === keyTypeOf(algorithm),
    );
    return keyId !== undefined || fitting.length === 1 ? fitting[0]?.key : undefined;
  }

  #down(): StoreError {
    const { issuer } = this.#parts.options;
    return new StoreError(
      'unavailable',
      `The issuer ${issuer} cannot be asked for its keys now; try again.`,
      {
        retryAfterSeconds: 5,
        cause: this.#problem,
      },
    );
  }

  async #fetchKeys(): Promise<void> {
    const { clock, log, options } = this.#parts;
    const had = this.#problem;
    try {
      const keys = await this.#read();
      const before = describe(this.#keys);
      this.#keys = keys;
      this.#fetchedAtMs = clock.now();
      this.#problem = undefined;
      if (describe(keys) !== before) this.#version += 1;
      if (had !== undefined) log.info({ issuer: options.issuer }, 'issuer answers again');
    } catch (error) {
      if (this.#stopping.signal.aborted) return;
      this.#problem = error instanceof Error ? error.message : String(error);
      if (this.#problem !== had) log.warn({ issuer: options.issuer, err: error }, 'issuer keys not fetched');
    }
  }

  async #read(): Promise<readonly VerificationKey[]> {
    const { jwksUri } = this.#parts.options;
    const { keys } = parse(jwks, await this.#getJson(jwksUri ?? (await this.#discover())), 'list of keys');
    const usable = keys.flatMap(verificationKey);
    if (usable.length === 0)
      throw new Error('the issuer publishes no key that signatures can be checked with');
    return usable;
  }

  async #discover(): Promise<string> {
    const { issuer, anyIssuerName } = this.#parts.options;
    const url = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`;
    const found = parse(discovery, await this.#getJson(url), 'discovery document');
    if (found.issuer !== issuer && anyIssuerName !== true) {
      throw new Error(
        `the discovery document at ${url} is of the issuer ${found.issuer.slice(0, 200)}; the configured name must be the same to the letter`,
      );
    }
    return found.jwks_uri;
  }

  async #getJson(url: string): Promise<unknown> {
    const answer = await this.#parts.fetch(url, { signal: this.#stopping.signal });
    if (answer.status !== 200) throw new Error(`${url} answers ${answer.status}`);
    return answer.json();
  }
}

function parse<T>(schema: z.ZodType<T>, value: unknown, what: string): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new Error(`the ${what} cannot be used: ${parsed.error.issues[0]?.message ?? ''}`);
}

/** Keys for encryption, secrets, and types nobody here can check are passed over. */
function verificationKey(jwk: Readonly<Record<string, unknown>>): readonly VerificationKey[] {
  const { kty, kid, alg, use, crv, key_ops: operations } = jwk;
  if (kty !== 'RSA' && kty !== 'EC' && !(kty === 'OKP' && crv === 'Ed25519')) return [];
  if (use !== undefined && use !== 'sig') return [];
  if (Array.isArray(operations) && !operations.includes('verify')) return [];
  try {
    const { d: _private, ...rest } = jwk;
    return [
      {
        id: typeof kid === 'string' ? kid : undefined,
        algorithm: typeof alg === 'string' ? alg : undefined,
        type: kty,
        key: createPublicKey({ key: rest, format: 'jwk' }),
      },
    ];
  } catch {
    return []; // a curve that is not known here
  }
}

function describe(keys: readonly VerificationKey[] | undefined): string {
  return JSON.stringify(
    keys?.map(({ id, algorithm, key }) => [id, algorithm, key.export({ format: 'jwk' })]) ?? null,
  );
}
