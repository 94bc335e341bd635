import type { RequestHead } from '../../../../http/protocol.ts';

/** zot's header of its user interface. A form cannot send it, and a script of another origin must ask first (CORS). */
const CLIENT_HEADER = 'x-zot-api-client';

/**
 * Whether a request that brings a cookie was meant by whom the cookie belongs to, and is no forgery by another site: it
 * has the header of a client, or the browser says that a page of this server sent it.
 */
export function isMeant(head: RequestHead, publicOrigin: string | undefined): boolean {
  if (head.headers[CLIENT_HEADER] !== undefined) return true;
  const { origin, host, 'sec-fetch-site': site } = head.headers;
  if (typeof origin === 'string') {
    return (
      origin === publicOrigin || (typeof host === 'string' && URL.parse(origin)?.host === host.toLowerCase())
    );
  }
  return site === 'same-origin';
}
