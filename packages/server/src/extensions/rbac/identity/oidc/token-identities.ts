import { createHash } from 'node:crypto';
import { isStoreError, type StoreError } from '@zot-artifact-store/spec';
import type { UserPrincipal } from '../../../../extension/access.ts';
import { compileClaimExpressions } from './claim-expressions.ts';
import { type ClaimedIdentity, type Claims, identityFromClaims } from './claims.ts';
import type { EndedLogins } from './ended-logins.ts';
import type { Issuer } from './issuers.ts';
import type { Provider, TokenRules } from './provider.ts';
import { bad, readToken, type UnverifiedToken } from './token-form.ts';
import { type CheckedClaims, checkClaims, verifySignature } from './token-verifier.ts';

/** Where names are bound to whom they belong. */
export interface NameBinding {
  /**
   * The name a subject has here and its local groups; bound now at the first login. Throws `unauthenticated` when the
   * name is somebody else's, or the user is disabled.
   */
  admit(login: {
    readonly wantedName: string;
    readonly source: 'oidc';
    readonly subject: { readonly issuer: string; readonly id: string };
    /** What the source says now; left out where that may be older than what it said before. */
    readonly groups?: readonly string[];
    readonly roles?: readonly string[];
  }): Promise<{ readonly name: string; readonly groups: readonly string[] }>;
}

/** A provider with what it takes to check its tokens. */
export interface KnownProvider {
  readonly provider: Provider;
  readonly issuer: Issuer;
  readonly identify: (claims: Claims) => ClaimedIdentity;
}

export interface TokenIdentitiesParts {
  readonly providers: readonly KnownProvider[];
  readonly names: NameBinding;
  readonly ended: EndedLogins;
  readonly clock: { now(): number };
}

/** What was found to be true of a token, for as long as it is remembered. */
interface Verified {
  readonly checked: CheckedClaims;
  readonly identity: ClaimedIdentity;
  readonly issuer: Issuer;
  readonly keysVersion: number;
  readonly untilMs: number;
  readonly credentialId: string;
  readonly via: string;
}

const REMEMBER_MS = 60_000;
const MAX_REMEMBERED = 10_000;

/** Makes a provider's rules ready for use. Throws an Error that tells which expression is wrong. */
export function knownProvider(provider: Provider, issuer: Issuer): KnownProvider {
  const rules = provider.identity;
  const identify =
    rules.kind === 'expressions'
      ? compileClaimExpressions(rules)
      : (claims: Claims) => identityFromClaims(rules, claims);
  return { provider, issuer, identify };
}

/**
 * The users that tokens stand for. A good token is remembered for a minute by its SHA-256, unless its issuer's keys
 * change meanwhile; whether its login was ended and whether its user may come in is looked up every time.
 */
export class TokenIdentities {
  readonly #parts: TokenIdentitiesParts;
  readonly #verified = new Map<string, Verified>();
  /** When the newest token of a subject was issued. */
  readonly #latest = new Map<string, number>();

  constructor(parts: TokenIdentitiesParts) {
    this.#parts = parts;
  }

  /** Whether a token says that it is of a provider whose tokens are accepted here. Nothing is verified. */
  isKnownIssuer(issuer: unknown): boolean {
    return this.#accepting(issuer).length > 0;
  }

  /** Throws `unauthenticated`, or `unavailable` when its issuer cannot be asked for an unknown key. */
  async verify(compact: string): Promise<UserPrincipal> {
    const hash = createHash('sha256').update(compact).digest('base64url');
    const verified = this.#recall(hash) ?? (await this.#verifyAnew(compact, hash));
    return this.toPrincipal(verified, verified.via);
  }

  /** The user of checked claims, as the directory knows it now. Throws `unauthenticated`. */
  async toPrincipal(
    { checked, identity, credentialId }: Pick<Verified, 'checked' | 'identity' | 'credentialId'>,
    via: string,
  ): Promise<UserPrincipal> {
    const { issuer, subject: id, sessionId, issuedAtMs, claims } = checked;
    if (await this.#parts.ended.isEnded({ issuer, subject: id, sessionId, issuedAtMs })) {
      throw bad('belongs to a login that was ended');
    }
    const subject = { issuer, id };
    const { username: wantedName, groups, roles } = identity;
    const said = this.#isLatest(issuer, id, issuedAtMs) ? { groups, roles } : {};
    const known = await this.#parts.names.admit({ wantedName, source: 'oidc', subject, ...said });
    return {
      kind: 'user',
      name: known.name,
      groups: [...new Set([...groups, ...known.groups])],
      roles,
      via,
      source: via,
      isRoot: false,
      subject,
      claims,
      credential: { kind: 'oidc-token', id: credentialId },
    };
  }

  /** An older token of the same user must not bring back groups that a newer one has not any more. */
  #isLatest(issuer: string, subject: string, issuedAtMs: number): boolean {
    const key = `${issuer} ${subject}`;
    if ((this.#latest.get(key) ?? 0) > issuedAtMs) return false;
    this.#latest.delete(key);
    this.#latest.set(key, issuedAtMs);
    dropOldest(this.#latest);
    return true;
  }

  #accepting(issuer: unknown): readonly (KnownProvider & { readonly rules: TokenRules })[] {
    return this.#parts.providers.flatMap((known) => {
      const rules = known.provider.tokens;
      return rules !== undefined && known.provider.issuer.issuer === issuer ? [{ ...known, rules }] : [];
    });
  }

  #recall(hash: string): Verified | undefined {
    const known = this.#verified.get(hash);
    if (known === undefined) return undefined;
    if (known.untilMs > this.#parts.clock.now() && known.keysVersion === known.issuer.keys.version)
      return known;
    this.#verified.delete(hash);
    return undefined;
  }

  /** Several providers may share an issuer, each with an audience of its own: the first that accepts the token counts. */
  async #verifyAnew(compact: string, hash: string): Promise<Verified> {
    const token = readToken(compact);
    let refusal: StoreError | undefined;
    for (const known of this.#accepting(token.claims.iss)) {
      try {
        const verified = await this.#verifyWith(known, token, hash);
        this.#remember(hash, verified);
        return verified;
      } catch (error) {
        if (!isStoreError(error)) throw error;
        refusal ??= error;
      }
    }
    throw refusal ?? bad('is of an issuer that is not trusted here');
  }

  async #verifyWith(
    { provider, issuer, identify, rules }: KnownProvider & { readonly rules: TokenRules },
    token: UnverifiedToken,
    hash: string,
  ): Promise<Verified> {
    const { keys, options } = issuer;
    const nowMs = this.#parts.clock.now();
    const claims = await verifySignature(token, { issuer: options, keys });
    const checked = checkClaims(claims, rules, { issuer: options, nowMs });
    return {
      checked,
      identity: identify(claims),
      issuer,
      keysVersion: keys.version,
      untilMs: Math.min(nowMs + REMEMBER_MS, checked.expiresAtMs),
      credentialId: typeof claims.jti === 'string' ? claims.jti.slice(0, 100) : hash.slice(0, 16),
      via: provider.via,
    };
  }

  #remember(hash: string, verified: Verified): void {
    this.#verified.set(hash, verified);
    dropOldest(this.#verified);
  }
}

function dropOldest(map: Map<string, unknown>): void {
  if (map.size <= MAX_REMEMBERED) return;
  const [oldest] = map.keys();
  if (oldest !== undefined) map.delete(oldest);
}
