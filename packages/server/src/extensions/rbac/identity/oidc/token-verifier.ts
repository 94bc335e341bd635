import type { Claims } from './claims.ts';
import type { IssuerKeys } from './issuer-keys.ts';
import type { IssuerOptions, TokenRules } from './provider.ts';
import { bad, type UnverifiedToken } from './token-form.ts';

const LEEWAY_SECONDS = 30;
/** Payload types (Keycloak's `typ`) that are for the issuer, not for a resource. */
const NEVER: ReadonlySet<string> = new Set(['refresh', 'offline', 'logout', 'initial', 'registration']);
const MAX_SUBJECT_CHARS = 255;

export interface CheckedClaims {
  readonly issuer: string;
  readonly subject: string;
  readonly issuedAtMs: number;
  readonly expiresAtMs: number;
  /** The issuer's session, where it names one. */
  readonly sessionId: string | undefined;
  readonly claims: Claims;
}

export interface VerifyOptions {
  readonly issuer: IssuerOptions;
  readonly keys: IssuerKeys;
  readonly nowMs: number;
}

/**
 * The claims of a token that its issuer really signed. Throws `unauthenticated`, or `unavailable` when its key is unknown
 * and the issuer cannot be asked.
 */
export async function verifySignature(
  token: UnverifiedToken,
  { issuer, keys }: Pick<VerifyOptions, 'issuer' | 'keys'>,
): Promise<Claims> {
  if (!issuer.algorithms.includes(token.algorithm)) {
    throw bad(`is signed with ${token.algorithm.slice(0, 20)}, which is not accepted of this issuer`);
  }
  const key = await keys.find(token.keyId, token.algorithm);
  const { compactVerify } = await import('jose');
  try {
    await compactVerify(token.compact, key, { algorithms: [token.algorithm] });
  } catch (error) {
    throw bad('has a signature that its issuer did not make', error);
  }
  return token.claims;
}

/** Checks what a token says of itself, once its signature is known to be good. Throws `unauthenticated`. */
export function checkClaims(
  claims: Claims,
  rules: TokenRules,
  { issuer, nowMs }: Pick<VerifyOptions, 'issuer' | 'nowMs'>,
): CheckedClaims {
  const { iss, sub, aud, azp, typ, sid } = claims;
  if (iss !== issuer.issuer) throw bad('is of another issuer');
  if (typeof sub !== 'string' || sub === '' || sub.length > MAX_SUBJECT_CHARS) throw bad('names no subject');
  const nowSeconds = nowMs / 1000;
  const expiresAt = time(claims, 'exp');
  const issuedAt = time(claims, 'iat');
  const notBefore = claims.nbf === undefined ? issuedAt : time(claims, 'nbf');
  if (expiresAt <= nowSeconds - LEEWAY_SECONDS) throw bad('has expired');
  if (notBefore > nowSeconds + LEEWAY_SECONDS) throw bad('is not valid yet');
  if (issuedAt > nowSeconds + LEEWAY_SECONDS) throw bad('was issued in the future');
  if (rules.maxLifetimeMs !== undefined && (expiresAt - issuedAt) * 1000 > rules.maxLifetimeMs) {
    throw bad('lives longer than is accepted here');
  }
  if (!isAmong(aud, rules.audiences)) {
    throw bad(`is not meant for this server: its aud must hold ${rules.audiences.join(' or ')}`);
  }
  if (rules.authorizedParties.length > 0 && !isAmong(azp, rules.authorizedParties)) {
    throw bad('was given to a client that is not accepted here (azp)');
  }
  assertKind(typ, rules.kinds);
  return {
    issuer: issuer.issuer,
    subject: sub,
    issuedAtMs: issuedAt * 1000,
    expiresAtMs: expiresAt * 1000,
    sessionId: typeof sid === 'string' && sid.length <= MAX_SUBJECT_CHARS ? sid : undefined,
    claims,
  };
}

function assertKind(typ: unknown, kinds: TokenRules['kinds']): void {
  if (typ === undefined) return;
  if (typeof typ !== 'string' || NEVER.has(typ.toLowerCase()))
    throw bad('is of a type that is no credential');
  if (kinds === 'access' && typ.toLowerCase() !== 'bearer') {
    throw bad(`is no access token but of type ${typ.slice(0, 20)}`);
  }
}

function time(claims: Claims, name: 'exp' | 'iat' | 'nbf'): number {
  const value = claims[name];
  if (typeof value === 'number' && Number.isFinite(value) && value >= 0) return value;
  throw bad(`has no time in ${name}`);
}

function isAmong(value: unknown, accepted: readonly string[]): boolean {
  const values: readonly unknown[] = Array.isArray(value) ? value : [value];
  return values.some((one) => typeof one === 'string' && accepted.includes(one));
}
