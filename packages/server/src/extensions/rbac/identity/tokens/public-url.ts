import type { RequestHead } from '../../../../http/protocol.ts';
import { trustedProxies } from '../../../../http/trusted-proxies.ts';

/** A host name or address, with or without a port; nothing that could leave a quoted string. */
const HOST = /^(?:[A-Za-z0-9._-]{1,255}|\[[0-9A-Fa-f:.]{2,45}\])(?::\d{1,5})?$/;

/** Where the client reached the server, `https://host:port`; undefined when it did not say so in a usable way. */
export type PublicOrigin = (head: RequestHead) => string | undefined;

/**
 * The configured origin; else what the client asked for, by its `Host` and whether there is TLS, or by
 * `X-Forwarded-Proto` and `-Host` when the peer is a trusted proxy.
 */
export function publicOrigins(options: {
  readonly configured: string | undefined;
  readonly trustedProxies: readonly string[];
}): PublicOrigin {
  const { configured } = options;
  if (configured !== undefined) return () => configured;
  const isTrusted = trustedProxies(options.trustedProxies);
  return (head) => {
    const isBehindProxy = isTrusted(head.remoteAddress);
    const forwarded = (name: string): string | undefined => {
      const value = isBehindProxy ? head.headers[name] : undefined;
      // Of several proxies the nearest to the client wrote the first.
      return typeof value === 'string' ? value.split(',')[0]?.trim() : undefined;
    };
    const host = forwarded('x-forwarded-host') ?? head.headers.host;
    const proto = forwarded('x-forwarded-proto')?.toLowerCase();
    const scheme = proto === 'https' || proto === 'http' ? proto : head.tls === undefined ? 'http' : 'https';
    return typeof host === 'string' && HOST.test(host) ? `${scheme}://${host}` : undefined;
  };
}
