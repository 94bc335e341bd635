import { StoreError } from '@zot-artifact-store/spec';
import { parseStrictObject } from './strict-json.ts';

/** A token as it reads before anything about it is known to be true. */
export interface UnverifiedToken {
  readonly compact: string;
  readonly algorithm: string;
  readonly keyId: string | undefined;
  readonly claims: Readonly<Record<string, unknown>>;
}

/** Fits into a request's head, with a long list of groups. */
export const MAX_TOKEN_CHARS = 12 * 1024;
const MAX_KEY_ID_CHARS = 256;
const COMPACT = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*$/;
/** `{"` in base64url: every JWT begins so. */
const BEGINNING = 'eyJ';
/** Header types of JWTs that may be credentials (RFC 9068 section 2.1). */
const TYPES: ReadonlySet<string> = new Set(['jwt', 'at+jwt', 'application/at+jwt']);
/** A token that brings its own key, or says where it is, must not be believed. */
const FOREIGN_KEYS = ['jku', 'jwk', 'x5u', 'x5c'] as const;
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Whether a text is a JWT rather than a password; it may still be a bad one. */
export function looksLikeToken(text: string): boolean {
  return text.startsWith(BEGINNING) && text.split('.').length === 3;
}

/**
 * Reads the compact form of a signed JWT (RFC 7519). Throws `unauthenticated` for what is too large, encrypted, nested,
 * malformed, or has a header that nothing good can come of.
 */
export function readToken(compact: string, types: ReadonlySet<string> = TYPES): UnverifiedToken {
  if (compact.length > MAX_TOKEN_CHARS) throw bad(`is longer than ${MAX_TOKEN_CHARS} characters`);
  if (!COMPACT.test(compact)) throw bad('is not a signed JWT of three parts');
  const [headerPart = '', claimsPart = ''] = compact.split('.');
  const header = readPart(headerPart, 'header');
  const claims = readPart(claimsPart, 'payload');
  const { alg, kid, typ, cty, crit } = header;
  if (typeof alg !== 'string') throw bad('names no algorithm');
  if (kid !== undefined && (typeof kid !== 'string' || kid.length > MAX_KEY_ID_CHARS)) {
    throw bad(`has a kid that is no text of at most ${MAX_KEY_ID_CHARS} characters`);
  }
  if (typ !== undefined && (typeof typ !== 'string' || !types.has(typ.toLowerCase()))) {
    throw bad('is of a type that is no credential');
  }
  if (cty !== undefined) throw bad('holds another token');
  if (crit !== undefined) throw bad('needs extensions that are not understood here');
  const foreign = FOREIGN_KEYS.find((name) => header[name] !== undefined);
  if (foreign !== undefined) throw bad(`brings its own key (${foreign})`);
  return { compact, algorithm: alg, keyId: kid, claims };
}

/** What every refusal of a token begins with. */
export function bad(what: string, cause?: unknown): StoreError {
  return new StoreError('unauthenticated', `The token ${what}.`, { cause });
}

function readPart(part: string, what: string): Readonly<Record<string, unknown>> {
  try {
    return parseStrictObject(utf8.decode(Buffer.from(part, 'base64url')));
  } catch (error) {
    const why = error instanceof Error && !(error instanceof TypeError) ? error.message : 'it is not UTF-8';
    throw bad(`has a ${what} that cannot be read: ${why.slice(0, 120)}`);
  }
}
