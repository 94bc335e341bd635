import type { ObjectEncryption } from '../store/records.ts';
import { type EncryptionAsked, KMS_KEY_ID, SSE } from './asked.ts';
import { CUSTOMER_PREFIX, type CustomerKey } from './customer-key.ts';

/** What a reply says of how an object is encrypted. */
export function encryptionHeaders(
  encryption: ObjectEncryption | undefined,
  customer: CustomerKey | undefined,
): Readonly<Record<string, string>> {
  switch (encryption?.kind) {
    case undefined:
      return {};
    case 'server':
      return { [SSE]: 'AES256' };
    case 'named':
      return { [SSE]: 'aws:kms', [KMS_KEY_ID]: encryption.keyId };
    case 'customer':
      return customer === undefined
        ? {}
        : {
            [`${CUSTOMER_PREFIX}algorithm`]: 'AES256',
            [`${CUSTOMER_PREFIX}key-md5`]: customer.md5,
          };
  }
}

/** The customer's key among what a request asks. */
export function customerOf(asked: EncryptionAsked | undefined): CustomerKey | undefined {
  return asked?.kind === 'customer' ? asked.customer : undefined;
}
