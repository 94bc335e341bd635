import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { StoreError } from '@zot-artifact-store/spec';

const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/**
 * AES-256-GCM: nonce, tag and ciphertext in one. `boundTo` is authenticated with it, so that a sealed secret that was
 * moved to another record does not open.
 */
export function sealSecret(key: Uint8Array, secret: string | Uint8Array, boundTo: string): Buffer {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(boundTo));
  const sealed = Buffer.concat([cipher.update(Buffer.from(secret)), cipher.final()]);
  return Buffer.concat([nonce, cipher.getAuthTag(), sealed]);
}

/** Throws `internal` when it was sealed with another key, for another record, or was changed. */
export function openSecret(key: Uint8Array, sealed: Uint8Array, boundTo: string): string {
  const opened = openSealed(key, sealed, boundTo);
  if (opened !== undefined) return opened.toString('utf8');
  throw new StoreError('internal', `the secret of ${boundTo} cannot be opened with this store's key`);
}

/** Undefined when it was sealed with another key, for another record, or was changed. */
export function openSealed(key: Uint8Array, sealed: Uint8Array, boundTo: string): Buffer | undefined {
  if (sealed.length < NONCE_BYTES + TAG_BYTES) return undefined;
  const nonce = sealed.subarray(0, NONCE_BYTES);
  const tag = sealed.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES);
  try {
    const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES })
      .setAAD(Buffer.from(boundTo))
      .setAuthTag(tag);
    return Buffer.concat([decipher.update(sealed.subarray(NONCE_BYTES + TAG_BYTES)), decipher.final()]);
  } catch {
    return undefined;
  }
}
