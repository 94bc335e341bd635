import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';

/** What a browser must bring back from the provider to finish the login it began. */
export interface LoginState {
  readonly provider: string;
  readonly state: string;
  readonly nonce: string;
  /** Of PKCE (RFC 7636). */
  readonly codeVerifier: string;
  /** Where the browser goes in the end; '' for nowhere. */
  readonly target: string;
  readonly expiresAtMs: number;
}

const ALGORITHM = 'aes-256-gcm';
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** For a cookie: nobody can read or make one without the key, and a login that is never finished leaves nothing behind. */
export function sealLoginState(key: Uint8Array, state: LoginState): string {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv(ALGORITHM, key, nonce);
  const sealed = Buffer.concat([cipher.update(JSON.stringify(state)), cipher.final()]);
  return Buffer.concat([nonce, cipher.getAuthTag(), sealed]).toString('base64url');
}

/** Undefined for what was not sealed with the key, or is too old. */
export function openLoginState(key: Uint8Array, sealed: string, nowMs: number): LoginState | undefined {
  const bytes = Buffer.from(sealed, 'base64url');
  if (bytes.length <= NONCE_BYTES + TAG_BYTES) return undefined;
  const decipher = createDecipheriv(ALGORITHM, key, bytes.subarray(0, NONCE_BYTES), {
    authTagLength: TAG_BYTES,
  });
  decipher.setAuthTag(bytes.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES));
  try {
    const text = Buffer.concat([decipher.update(bytes.subarray(NONCE_BYTES + TAG_BYTES)), decipher.final()]);
    const state: LoginState = JSON.parse(text.toString()); // sealed by the function above
    return state.expiresAtMs > nowMs ? state : undefined;
  } catch {
    return undefined;
  }
}
