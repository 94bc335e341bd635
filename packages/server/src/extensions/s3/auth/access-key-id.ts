import { randomBytes } from 'node:crypto';
import { StoreError } from '@zot-artifact-store/spec';

const BASE32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
const RANDOM_CHARS = 17;
const SECRET_BYTES = 30; // 40 characters of base64url
// A slash ends the access key in a credential, a comma the credential in a header, an equals sign a name.
const ACCESS_KEY_ID = /^[A-Za-z0-9][A-Za-z0-9._@+-]{2,127}$/;
const SECRET = /^[\x21-\x7e]{8,128}$/;

/** `ZAS` and 17 characters of base32; those of temporary credentials begin otherwise, as at Amazon. */
export function newAccessKeyId(prefix: 'ZAS' | 'ZAT' = 'ZAS'): string {
  // 256 is a multiple of 32, so that every character is as likely as every other.
  const chars = Array.from(randomBytes(RANDOM_CHARS), (byte) => BASE32[byte % BASE32.length]);
  return `${prefix}${chars.join('')}`;
}

/** 40 url-safe characters, 240 random bits. */
export function newSecretAccessKey(): string {
  return randomBytes(SECRET_BYTES).toString('base64url');
}

/** For keys that somebody brings along. Throws `argument-invalid`. */
export function assertAccessKeyId(text: string): void {
  if (ACCESS_KEY_ID.test(text)) return;
  throw new StoreError(
    'argument-invalid',
    'An access key has 3 to 128 letters, digits and "._@+-", and begins with a letter or digit.',
  );
}

/** Throws `argument-invalid`; the message does not repeat the secret. */
export function assertSecretAccessKey(text: string): void {
  if (SECRET.test(text)) return;
  throw new StoreError(
    'argument-invalid',
    'A secret access key has 8 to 128 characters of ASCII without spaces.',
  );
}
