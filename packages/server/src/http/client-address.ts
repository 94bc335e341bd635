import { isIP } from 'node:net';
import type { RequestHead } from './protocol.ts';
import { trustedProxies } from './trusted-proxies.ts';

/**
 * Whom a request comes from: the peer, or, when that is a trusted proxy, the last address in `X-Forwarded-For` that
 * is not one.
 */
export function clientAddresses(networks: readonly string[]): (head: RequestHead) => string {
  const isTrusted = trustedProxies(networks);
  return (head) => {
    let address = head.remoteAddress;
    if (!isTrusted(address)) return address;
    const header = head.headers['x-forwarded-for'];
    const hops = (typeof header === 'string' ? header : '').split(',').map((hop) => hop.trim());
    for (const hop of hops.reverse()) {
      if (isIP(hop) === 0) return address;
      address = hop;
      if (!isTrusted(hop)) return address;
    }
    return address;
  };
}
