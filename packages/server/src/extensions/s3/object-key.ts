import { S3Error } from './errors.ts';

export const MAX_KEY_BYTES = 1024;

/**
 * A percent-decoded object key, as it was sent: nothing in it is normalised, and no key is ever a file name. Throws
 * KeyTooLongError above 1,024 bytes of UTF-8; InvalidURI for a NUL, for bytes that are not UTF-8 and for `..` segments
 * that climb above the root (which proxies and clients would resolve away).
 */
export function parseObjectKey(encoded: string): string {
  const key = percentDecode(encoded);
  assertObjectKey(key);
  return key;
}

/** For keys that arrive in documents and forms rather than in the path. */
export function assertObjectKey(key: string): void {
  assertKeyText(key);
  if (climbs(key)) throw invalid('an object key cannot climb above its bucket with ".."');
}

/** For beginnings of keys, and for what keys are compared with. Throws KeyTooLongError and InvalidURI. */
export function assertKeyText(key: string): void {
  const sizeBytes = Buffer.byteLength(key);
  if (sizeBytes > MAX_KEY_BYTES) {
    throw new S3Error('KeyTooLongError', 'Your key is too long', {
      fields: { Size: String(sizeBytes), MaxSizeAllowed: String(MAX_KEY_BYTES) },
    });
  }
  if (key.includes('\0')) throw invalid('an object key cannot hold a NUL character');
}

/** UTF-8 behind percent signs; a `+` is a plus. Throws InvalidURI. */
export function percentDecode(encoded: string): string {
  try {
    return decodeURIComponent(encoded);
  } catch (cause) {
    throw invalid('the path is not percent-encoded UTF-8', cause);
  }
}

function climbs(key: string): boolean {
  if (!key.includes('..')) return false;
  let depth = 0;
  for (const segment of key.split('/')) {
    if (segment === '..') depth -= 1;
    else if (segment !== '' && segment !== '.') depth += 1;
    if (depth < 0) return true;
  }
  return false;
}

function invalid(why: string, cause?: unknown): S3Error {
  return new S3Error(
    'InvalidURI',
    `Couldn't parse the specified URI: ${why}.`,
    cause === undefined ? {} : { cause },
  );
}
