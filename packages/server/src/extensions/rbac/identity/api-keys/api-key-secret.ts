import { createHash, randomBytes } from 'node:crypto';
import { crc32 } from 'node:zlib';

const PREFIX = 'zak_';
const RANDOM_BYTES = 20; // 160 bits, 32 characters
const ALPHABET = 'abcdefghijklmnopqrstuvwxyz234567';
/** 35 bits, for the 32 of the checksum. */
const CHECKSUM_CHARS = 7;
const KEY = /^zak_[a-z2-7]{39}$/;

/** A new key: the prefix, 160 random bits and a checksum, by which programs find keys that were published. */
export function newApiKey(): string {
  const body = `${PREFIX}${base32(randomBytes(RANDOM_BYTES))}`;
  return body + checksum(body);
}

/** Whether `text` was meant to be an API key, well or badly copied. */
export function looksLikeApiKey(text: string): boolean {
  return text.startsWith(PREFIX);
}

/** Whether `text` is one that could have been made here; of one with a typing error nobody needs to look for it. */
export function isApiKey(text: string): boolean {
  return KEY.test(text) && checksum(text.slice(0, -CHECKSUM_CHARS)) === text.slice(-CHECKSUM_CHARS);
}

/** What is stored of a key. It is as random as a key can be, so that a quick hash is enough. */
export function hashApiKey(key: string): string {
  return createHash('sha256').update(key).digest('hex');
}

function checksum(body: string): string {
  let rest = crc32(body);
  let text = '';
  for (let i = 0; i < CHECKSUM_CHARS; i++) {
    text += ALPHABET[rest & 31];
    rest >>>= 5;
  }
  return text;
}

function base32(bytes: Uint8Array): string {
  let text = '';
  let bits = 0;
  let value = 0;
  for (const byte of bytes) {
    value = (value << 8) | byte;
    bits += 8;
    for (; bits >= 5; bits -= 5) text += ALPHABET[(value >>> (bits - 5)) & 31];
    value &= (1 << bits) - 1;
  }
  return text;
}
