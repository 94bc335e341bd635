import type { RequestHead } from '../../http/protocol.ts';
import { RESERVED_PATHS } from './bucket-name.ts';
import { percentDecode } from './object-key.ts';

/** Which bucket and key a request names; both as sent, not yet checked. */
export interface Address {
  readonly bucket: string | undefined;
  /** Still percent-encoded; undefined when the request is about the bucket or the service. */
  readonly encodedKey: string | undefined;
}

/** `host` without its port, in lower case; '' when there is none. */
export function hostName(head: RequestHead): string {
  const host = head.headers.host;
  if (typeof host !== 'string') return '';
  const bracket = host.lastIndexOf(']');
  const colon = host.indexOf(':', Math.max(bracket, 0));
  return (colon < 0 ? host : host.slice(0, colon)).toLowerCase();
}

/** The bucket before one of our domains in the Host header (it may have dots), or undefined. */
export function bucketOfHost(host: string, domains: readonly string[]): string | undefined {
  for (const domain of domains) {
    if (host.length > domain.length + 1 && host.endsWith(`.${domain}`)) {
      return host.slice(0, host.length - domain.length - 1);
    }
  }
  return undefined;
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
