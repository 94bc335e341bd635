import type { RequestHead } from '../../../http/protocol.ts';
import { trustedProxies } from '../../../http/trusted-proxies.ts';
import { headerOf } from '../auth/header-of.ts';
import type { S3Options } from '../config.ts';
import { S3Error } from '../errors.ts';
import { CUSTOMER_PREFIX, SOURCE_CUSTOMER_PREFIX } from './customer-key.ts';

type Rules = Pick<S3Options, 'customerKeysOverHttp' | 'publicUrl' | 'trustedProxies'>;

/** Throws InvalidRequest when a key of the client comes where others can read it. */
export function assertKeysArePrivate(head: RequestHead, rules: Rules): void {
  const isSent = [CUSTOMER_PREFIX, SOURCE_CUSTOMER_PREFIX].some(
    (prefix) => headerOf(head, `${prefix}key`) !== undefined,
  );
  if (isSent) assertPrivate(head, rules);
}

/** Throws InvalidRequest for a connection without TLS, up to the proxy in front where that is known. */
export function assertPrivate(head: RequestHead, rules: Rules): void {
  if (rules.customerKeysOverHttp || head.tls !== undefined) return;
  if (rules.publicUrl?.startsWith('https://') === true) return;
  const isProxy = trustedProxies(rules.trustedProxies)(head.remoteAddress);
  if (isProxy && headerOf(head, 'x-forwarded-proto')?.split(',', 1)[0]?.trim() === 'https') return;
  throw new S3Error(
    'InvalidRequest',
    'Requests specifying Server Side Encryption with Customer provided keys must be made over a secure connection.',
  );
}
