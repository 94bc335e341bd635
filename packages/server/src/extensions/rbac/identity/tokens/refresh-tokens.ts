import { createHmac, randomUUID } from 'node:crypto';
import type { UserPrincipal } from '../../../../extension/access.ts';
import type { ApiKeys } from '../api-keys/api-keys.ts';
import type { PasswordLogins } from '../password/password-logins.ts';
import { SealedJson } from './sealed-json.ts';

interface Payload {
  readonly sub: string;
  readonly iat: number;
  readonly exp: number;
  readonly jti: string;
  /** The API key the login was made with. */
  readonly apiKey?: string;
  /** Of the password hash the login was made with: a new password ends it. */
  readonly proof?: string;
}

export interface RefreshTokensDeps {
  /** `host.deriveSecret(REFRESH_TOKEN_PURPOSE)`. */
  readonly key: Uint8Array;
  readonly clock: { now(): number };
  readonly lifetimeMs: number;
  readonly logins: Pick<PasswordLogins, 'proofOf' | 'resume'>;
  readonly apiKeys: Pick<ApiKeys, 'ownerOf'>;
}

export const REFRESH_TOKEN_PURPOSE = 'refresh tokens';

/**
 * What `docker login` keeps instead of the password. It is good as long as the login it came from would be: until the
 * password or the key changes, the user is disabled, or its time is over.
 */
export class RefreshTokens {
  readonly #deps: RefreshTokensDeps;
  readonly #sealed: SealedJson<Payload>;

  constructor(deps: RefreshTokensDeps) {
    this.#deps = deps;
    this.#sealed = new SealedJson(deps.key, 'zas-refresh+jwt');
  }

  isOurs(token: string): boolean {
    return this.#sealed.isOurs(token);
  }

  /** Undefined for logins that must not outlive their own credential: tokens of issuers, certificates. */
  async issue(principal: UserPrincipal): Promise<string | undefined> {
    const { clock, lifetimeMs, logins } = this.#deps;
    if (lifetimeMs === 0) return undefined;
    const apiKey = principal.credential?.kind === 'api-key' ? principal.credential.id : undefined;
    const proof = apiKey === undefined ? await logins.proofOf(principal) : undefined;
    if (apiKey === undefined && proof === undefined) return undefined;
    const issuedAt = Math.floor(clock.now() / 1000);
    return this.#sealed.seal({
      sub: principal.name,
      iat: issuedAt,
      exp: issuedAt + Math.floor(lifetimeMs / 1000),
      jti: randomUUID(),
      ...(apiKey !== undefined && { apiKey }),
      ...(proof !== undefined && { proof: this.#digest(proof) }),
    });
  }

  /** The user as known now; undefined when the token does not count any more. */
  async open(token: string, address: string): Promise<UserPrincipal | undefined> {
    const payload = this.#sealed.open(token);
    if (payload === undefined || payload.exp <= this.#deps.clock.now() / 1000) return undefined;
    const { sub, apiKey, proof, iat } = payload;
    if (apiKey !== undefined) return this.#deps.apiKeys.ownerOf(sub, apiKey, address);
    const resumed = await this.#deps.logins.resume(sub, iat * 1000 + 999);
    return resumed !== undefined && this.#digest(resumed.proof) === proof ? resumed.principal : undefined;
  }

  /** So that a token, which is not encrypted, tells nothing of a password's hash. */
  #digest(proof: string): string {
    return createHmac('sha256', this.#deps.key).update(`proof\0${proof}`).digest('base64url');
  }
}
