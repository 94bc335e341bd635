import type { RequestHead } from '../../http/protocol.ts';
import { trustedProxies } from '../../http/trusted-proxies.ts';
import { headerOf } from './auth/header-of.ts';
import { RESERVED_PATHS } from './bucket-name.ts';
import { percentDecode } from './object-key.ts';

/** Which bucket and key a request names; both as sent, not yet checked. */
export interface Address {
  readonly bucket: string | undefined;
  /** Still percent-encoded; undefined when the request is about the bucket or the service. */
  readonly encodedKey: string | undefined;
}

/** Where buckets may stand in a host name. */
export interface HostRule {
  /** `bucket.<one of them>` is a bucket, which may have dots; the domain itself is not. */
  readonly domains: readonly string[];
  /** Addresses and networks whose `X-Forwarded-Host` is believed. */
  readonly trustedProxies: readonly string[];
}

/**
 * Finds the bucket in the Host of a request, or, where a trusted proxy changed that, in the one the proxy was sent.
 */
export function bucketsInHost({
  domains,
  trustedProxies: networks,
}: HostRule): (head: RequestHead) => string | undefined {
  if (domains.length === 0) return () => undefined;
  const isTrusted = trustedProxies(networks);
  return (head) => {
    const bucket = bucketBefore(domains, hostName(headerOf(head, 'host')));
    if (bucket !== undefined || !isTrusted(head.remoteAddress)) return bucket;
    // What proxies on the way append comes after what the client said.
    const forwarded = headerOf(head, 'x-forwarded-host')?.split(',', 1)[0]?.trim();
    return bucketBefore(domains, hostName(forwarded));
  };
}

/** Of domains within each other the longest counts. */
function bucketBefore(domains: readonly string[], host: string): string | undefined {
  let found: string | undefined;
  for (const domain of domains) {
    if (host === domain) return undefined;
    if (host.length <= domain.length + 1 || !host.endsWith(`.${domain}`)) continue;
    const bucket = host.slice(0, host.length - domain.length - 1);
    if (found === undefined || bucket.length < found.length) found = bucket;
  }
  return found;
}

/** Without its port, in lower case; '' when there is none. */
function hostName(host: string | undefined): string {
  if (host === undefined) return '';
  const bracket = host.lastIndexOf(']');
  const colon = host.indexOf(':', Math.max(bracket, 0));
  return (colon < 0 ? host : host.slice(0, colon)).toLowerCase();
}

/** `https://bucket.domain/key`: the whole path is the key. */
export function virtualHostAddress(bucket: string, path: string): Address {
  return { bucket, encodedKey: path.length > 1 ? path.slice(1) : undefined };
}

/** `https://domain/bucket/key`. A slash after the bucket and nothing more is still the bucket. */
export function pathStyleAddress(path: string): Address {
  const slash = path.indexOf('/', 1);
  const bucket = percentDecode(slash < 0 ? path.slice(1) : path.slice(1, slash));
  if (bucket === '') return { bucket: undefined, encodedKey: undefined };
  const encodedKey = slash < 0 || slash === path.length - 1 ? undefined : path.slice(slash + 1);
  return { bucket, encodedKey };
}

/** Whether a path-style request may be S3's: it does not begin with what others on this port own. */
export function isPathStyle(path: string): boolean {
  if (!path.startsWith('/')) return false;
  const slash = path.indexOf('/', 1);
  return !RESERVED_PATHS.has(slash < 0 ? path.slice(1) : path.slice(1, slash));
}
