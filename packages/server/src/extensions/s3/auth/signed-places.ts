import type { RequestHead } from '../../../http/protocol.ts';

/** Where a client may have thought it sent a request that a proxy passed on: its Host, and what came before the path. */
export interface SignedPlace {
  readonly host: string;
  readonly pathPrefix: string;
}

export interface ProxyRule {
  /** `https://example.com/storage`: how clients reach the server when a proxy changes the Host or strips a prefix. */
  readonly publicUrl?: string | undefined;
  /** Whether the `X-Forwarded-*` headers of this peer are believed. */
  isTrustedProxy(address: string): boolean;
}

const MAX_PLACES = 6;
const PREFIX = /^(?:\/[A-Za-z0-9\-._~%]+)+$/;

/**
 * Where else than at its own Host a request may have been signed for, most likely first, a handful at most: what
 * trusted proxies say of it, then the public URL. Proxies change the Host, drop its port and strip prefixes.
 */
export function otherPlaces(head: RequestHead, rule: ProxyRule): readonly SignedPlace[] {
  const own = first(head, 'host');
  const places: SignedPlace[] = [];
  const add = (host: string, pathPrefix: string): void => {
    if (host === '' || (host === own && pathPrefix === '') || places.length >= MAX_PLACES) return;
    if (places.some((place) => place.host === host && place.pathPrefix === pathPrefix)) return;
    places.push({ host, pathPrefix });
  };
  if (rule.isTrustedProxy(head.remoteAddress)) {
    const prefix = forwardedPrefix(head);
    for (const host of forwardedHosts(head, own)) {
      add(host, prefix);
      if (prefix !== '') add(host, '');
    }
  }
  if (rule.publicUrl !== undefined) {
    const { host, pathname } = new URL(rule.publicUrl);
    const prefix = pathname.replace(/\/$/, '');
    add(host, prefix);
    if (prefix !== '') add(own, prefix);
  }
  return places;
}

function forwardedHosts(head: RequestHead, own: string): string[] {
  const host = first(head, 'x-forwarded-host') || own;
  const port = first(head, 'x-forwarded-port');
  const bare = withoutPort(host);
  return bare === host && /^\d{1,5}$/.test(port) ? [host, `${host}:${port}`] : [host, bare];
}

function forwardedPrefix(head: RequestHead): string {
  const prefix = first(head, 'x-forwarded-prefix').replace(/\/$/, '');
  return PREFIX.test(prefix) ? prefix : '';
}

/** The first entry of a list that proxies append to: what the client said. */
function first(head: RequestHead, name: string): string {
  const value = head.headers[name];
  return typeof value === 'string' ? (value.split(',', 1)[0] ?? '').trim() : '';
}

function withoutPort(host: string): string {
  return host.replace(/:\d+$/, '');
}
