import type { RequestHead } from '../../../../http/protocol.ts';

const MAX_COOKIE_CHARS = 16 * 1024;

export interface CookieOptions {
  readonly path: string;
  /** For https alone. */
  readonly isSecure: boolean;
  /** 0 removes it. */
  readonly maxAgeSeconds: number;
  /** Scripts of the page may read it. */
  readonly isReadable?: true;
}

/** The name the session's cookie has; the prefix keeps other hosts of a domain from setting it (RFC 6265bis 4.1.3). */
export function sessionCookieName(isSecure: boolean): string {
  return isSecure ? '__Host-zas-session' : 'zas-session';
}

/** The first cookie of a name that a request brings. */
export function readCookie(head: RequestHead, name: string): string | undefined {
  const header = head.headers.cookie;
  if (typeof header !== 'string' || header.length > MAX_COOKIE_CHARS) return undefined;
  for (const pair of header.split(';')) {
    const equals = pair.indexOf('=');
    if (equals > 0 && pair.slice(0, equals).trim() === name) return pair.slice(equals + 1).trim();
  }
  return undefined;
}

/** A `Set-Cookie` value. Lax: a provider sends the browser back by a link, and no form of another site brings it. */
export function writeCookie(name: string, value: string, options: CookieOptions): string {
  return [
    `${name}=${value}`,
    `Path=${options.path}`,
    `Max-Age=${options.maxAgeSeconds}`,
    'SameSite=Lax',
    ...(options.isReadable ? [] : ['HttpOnly']),
    ...(options.isSecure ? ['Secure'] : []),
  ].join('; ');
}
