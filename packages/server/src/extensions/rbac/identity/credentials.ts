import type { RequestHead } from '../../../http/protocol.ts';

export type Credentials =
  /** No `Authorization`, or the empty one some clients send when they have nothing to say. */
  | { readonly kind: 'none' }
  /** Another scheme, for another authenticator. */
  | { readonly kind: 'foreign' }
  | { readonly kind: 'malformed' }
  | { readonly kind: 'basic'; readonly user: string; readonly password: string };

/** A password may be a token with a long list of groups. */
const MAX_ENCODED_LENGTH = 16 * 1024;
const BASIC = /^basic +([A-Za-z0-9+/]*={0,2}) *$/i;
const BASIC_SCHEME = /^basic(?: |$)/i;
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The user and password of a request (RFC 7617), in UTF-8. */
export function readCredentials(head: RequestHead): Credentials {
  const header = head.headers.authorization;
  if (header === undefined) return { kind: 'none' };
  if (typeof header !== 'string' || countAuthorizations(head.rawHeaders) > 1) return { kind: 'malformed' };
  if (!BASIC_SCHEME.test(header)) return { kind: 'foreign' };
  const encoded = header.length > MAX_ENCODED_LENGTH ? undefined : BASIC.exec(header)?.[1];
  const text = encoded === undefined ? undefined : decode(encoded);
  if (text === undefined) return { kind: 'malformed' };
  if (text === ':') return { kind: 'none' };
  const colon = text.indexOf(':');
  // biome-ignore lint/suspicious/noControlCharactersInRegex: RFC 7617 2 forbids them
  if (colon < 1 || /[\x00-\x1f\x7f]/.test(text)) return { kind: 'malformed' };
  return { kind: 'basic', user: text.slice(0, colon), password: text.slice(colon + 1) };
}

/** node:http keeps the first of several; which of them was meant, nobody can say. */
function countAuthorizations(rawHeaders: readonly string[]): number {
  let count = 0;
  for (let index = 0; index < rawHeaders.length; index += 2) {
    if (rawHeaders[index]?.toLowerCase() === 'authorization') count += 1;
  }
  return count;
}

function decode(encoded: string): string | undefined {
  try {
    return utf8.decode(Buffer.from(encoded, 'base64'));
  } catch {
    return undefined;
  }
}
