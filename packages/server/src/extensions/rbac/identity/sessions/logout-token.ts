import type { Issuer } from '../oidc/issuers.ts';
import { bad, readToken } from '../oidc/token-form.ts';
import { verifySignature } from '../oidc/token-verifier.ts';

/** Which logins are over. */
export interface EndedByIssuer {
  readonly issuer: string;
  readonly subject?: string;
  readonly sessionId?: string;
  /** When the issuer said so: a token that is sent again ends nothing that began later. */
  readonly atMs: number;
}

const EVENT = 'http://schemas.openid.net/event/backchannel-logout';
const MAX_AGE_SECONDS = 120;
const LEEWAY_SECONDS = 30;
const TYPES: ReadonlySet<string> = new Set(['jwt', 'logout+jwt', 'application/logout+jwt']);

/** Checks a logout token (Back-Channel Logout 1.0 section 2.6). Throws `unauthenticated`. */
export async function readLogoutToken(
  compact: string,
  { issuer, clientId, nowMs }: { readonly issuer: Issuer; readonly clientId: string; readonly nowMs: number },
): Promise<EndedByIssuer> {
  const token = readToken(compact, TYPES);
  const claims = await verifySignature(token, { issuer: issuer.options, keys: issuer.keys });
  const { iss, aud, iat, exp, sub, sid, nonce, events } = claims;
  const nowSeconds = nowMs / 1000;
  if (iss !== issuer.options.issuer) throw bad('is of another issuer');
  if (aud !== clientId && !(Array.isArray(aud) && aud.includes(clientId))) throw bad('is for another client');
  if (typeof iat !== 'number' || Math.abs(nowSeconds - iat) > MAX_AGE_SECONDS) throw bad('is not of now');
  if (typeof exp === 'number' && exp <= nowSeconds - LEEWAY_SECONDS) throw bad('has expired');
  if (typeof events !== 'object' || events === null || !Object.hasOwn(events, EVENT))
    throw bad('is no logout token');
  if (nonce !== undefined) throw bad('has a nonce, so it is no logout token');
  if (typeof sid !== 'string' && typeof sub !== 'string') throw bad('names neither session nor subject');
  return {
    issuer: iss,
    ...(typeof sub === 'string' && { subject: sub }),
    ...(typeof sid === 'string' && { sessionId: sid }),
    // Tokens tell whole seconds: what was issued within this one is over.
    atMs: Math.floor(iat) * 1000 + 999,
  };
}
