import { randomUUID } from 'node:crypto';
import { StoreError } from '@zot-artifact-store/spec';
import type { Principal, UserPrincipal } from '../../../../extension/access.ts';
import type { ApiKeys } from '../api-keys/api-keys.ts';
import type { UserDirectory } from '../users/user-directory.ts';
import type { Grant } from './grants.ts';
import { SealedJson } from './sealed-json.ts';

/** What of a user goes into a token. What may change is looked up again when the token is used. */
interface TokenUser {
  readonly name: string;
  readonly via: string;
  /** Those the source named; those of this store are looked up. */
  readonly groups?: readonly string[];
  readonly roles?: readonly string[];
  readonly subject?: UserPrincipal['subject'];
  readonly claims?: UserPrincipal['claims'];
  readonly credential?: UserPrincipal['credential'];
  readonly limits?: UserPrincipal['limits'];
}

interface Payload {
  readonly iss: string;
  readonly aud: string;
  readonly sub: string;
  readonly iat: number;
  readonly exp: number;
  readonly jti: string;
  /** What was asked for and allowed when the token was made. */
  readonly access: readonly Grant[];
  /** All that was asked for: the token is good for no more. */
  readonly asked: readonly Grant[];
  /** Missing in the token of somebody without a login. */
  readonly user?: TokenUser;
}

export interface RegistryTokensDeps {
  /** `host.deriveSecret(REGISTRY_TOKEN_PURPOSE)`. */
  readonly key: Uint8Array;
  readonly clock: { now(): number };
  readonly lifetimeMs: number;
  readonly directory: Pick<UserDirectory, 'localGroups' | 'userNamed'>;
  readonly apiKeys: Pick<ApiKeys, 'ownerOf'>;
}

export interface IssuedToken {
  readonly token: string;
  readonly issuedAtMs: number;
  readonly expiresInSeconds: number;
}

/** Who a token says is asking, and what it was asked for. */
export interface OpenedToken {
  readonly principal: Principal;
  readonly id: string;
  readonly asked: readonly Grant[];
}

export const REGISTRY_TOKEN_PURPOSE = 'registry tokens';

const ISSUER = 'zot-artifact-store';
const MAX_TOKEN_CHARS = 10_000;
const MAX_CLAIMS_CHARS = 3_000;

/** The tokens that clients of the registry trade their credentials for: short-lived, and limited to what was asked. */
export class RegistryTokens {
  readonly #deps: RegistryTokensDeps;
  readonly #sealed: SealedJson<Payload>;

  constructor(deps: RegistryTokensDeps) {
    this.#deps = deps;
    this.#sealed = new SealedJson(deps.key, 'zas-registry+jwt');
  }

  isOurs(token: string): boolean {
    return this.#sealed.isOurs(token);
  }

  /** Throws `request-invalid` for a user with more groups, or a request with more scopes, than a header can hold. */
  async issue(
    principal: Principal,
    wanted: { readonly service: string; readonly asked: readonly Grant[]; readonly access: readonly Grant[] },
  ): Promise<IssuedToken> {
    const { clock, lifetimeMs } = this.#deps;
    const now = clock.now();
    const issuedAt = Math.floor(now / 1000);
    const lifetime = Math.floor(lifetimeMs / 1000);
    const user = principal.kind === 'user' ? await this.#tokenUser(principal) : undefined;
    const token = this.#sealed.seal({
      iss: ISSUER,
      aud: wanted.service,
      sub: user?.name ?? '',
      iat: issuedAt,
      exp: issuedAt + lifetime,
      jti: randomUUID(),
      access: wanted.access,
      asked: wanted.asked,
      ...(user && { user }),
    });
    if (token.length > MAX_TOKEN_CHARS) {
      throw new StoreError(
        'request-invalid',
        'the token would be too long: ask for fewer scopes, or log in with fewer groups',
      );
    }
    return { token, issuedAtMs: issuedAt * 1000, expiresInSeconds: lifetime };
  }

  /** Undefined for a token that is not ours, has ended, or whose user may not come in any more. */
  async open(token: string, address: string): Promise<OpenedToken | undefined> {
    const payload = this.#sealed.open(token);
    const now = this.#deps.clock.now() / 1000;
    if (payload === undefined || payload.exp <= now) return undefined;
    const { user, asked, jti: id, iat } = payload;
    if (user === undefined) return { principal: { kind: 'anonymous' }, id, asked };
    const principal = await this.#userNow(user, { madeAtMs: iat * 1000 + 999, address });
    return principal && { principal, id, asked };
  }

  async #tokenUser(principal: UserPrincipal): Promise<TokenUser> {
    const { name, via, groups, roles = [], subject, claims, credential, limits = [] } = principal;
    const local = new Set(await this.#deps.directory.localGroups(name));
    const theirs = groups.filter((group) => !local.has(group));
    // A key's limits are looked up with the key.
    const isOfKey = credential?.kind === 'api-key';
    return {
      name,
      via,
      ...(theirs.length > 0 && { groups: theirs }),
      ...(roles.length > 0 && { roles }),
      ...(subject && { subject }),
      ...(claims && JSON.stringify(claims).length <= MAX_CLAIMS_CHARS && { claims }),
      ...(credential && { credential }),
      ...(!isOfKey && limits.length > 0 && { limits }),
    };
  }

  async #userNow(
    user: TokenUser,
    made: { readonly madeAtMs: number; readonly address: string },
  ): Promise<UserPrincipal | undefined> {
    const { directory, apiKeys } = this.#deps;
    const { name, via, credential } = user;
    if (credential?.kind === 'api-key') return apiKeys.ownerOf(name, credential.id, made.address);
    const known = await directory.userNamed(name, { credentialMadeAtMs: made.madeAtMs });
    if (known === undefined) return undefined;
    const { subject, claims, limits, roles, groups = [] } = user;
    return {
      kind: 'user',
      name,
      groups: [...new Set([...(await directory.localGroups(name)), ...groups])],
      via,
      source: via,
      isRoot: known.isRoot,
      ...(roles && { roles }),
      ...(subject && { subject }),
      ...(claims && { claims }),
      ...(limits && { limits }),
      ...(credential && { credential }),
    };
  }
}
