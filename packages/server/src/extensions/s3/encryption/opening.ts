import type { RequestHead } from '../../../http/protocol.ts';
import { headerOf } from '../auth/header-of.ts';
import { S3Error } from '../errors.ts';
import { invalidArgument } from '../object/invalid-argument.ts';
import type { ObjectEncryption } from '../store/records.ts';
import { KMS_KEY_ID, SSE } from './asked.ts';
import { CUSTOMER_PREFIX, type CustomerKey, customerKey, fitsCheck } from './customer-key.ts';
import { type Keyring, namedKey } from './keyring.ts';

/** The customer's key that a request comes with, under one of the two prefixes. Throws what `customerKey` throws. */
export function customerKeyOf(
  head: Pick<RequestHead, 'headers'>,
  prefix = CUSTOMER_PREFIX,
): CustomerKey | undefined {
  return customerKey({ get: (name) => headerOf(head, name) }, prefix);
}

/** A read cannot choose how an object is encrypted. Throws InvalidArgument. */
export function assertNoEncryptionOfRead(head: RequestHead): void {
  for (const name of [SSE, KMS_KEY_ID]) {
    const value = headerOf(head, name);
    if (value !== undefined) throw invalidArgument(name, value, `${name} is not a header of this operation`);
  }
}

/**
 * The key that opens an object; undefined when it is not encrypted. Throws InvalidRequest when the customer's key is
 * missing, not the right one, or not applicable, and KMS.NotFoundException.
 */
export function openingKey(
  encryption: ObjectEncryption | undefined,
  customer: CustomerKey | undefined,
  keyring: Keyring,
): Uint8Array | undefined {
  if (encryption?.kind === 'customer') {
    if (customer === undefined) {
      throw new S3Error(
        'InvalidRequest',
        'The object was stored using a form of Server Side Encryption. The correct parameters must be provided to retrieve the object.',
      );
    }
    assertSameCustomer(encryption, customer);
    return customer.key;
  }
  if (customer !== undefined) {
    throw new S3Error('InvalidRequest', 'The encryption parameters are not applicable to this object.');
  }
  if (encryption === undefined) return undefined;
  return encryption.kind === 'server' ? keyring.server : namedKey(keyring, encryption.keyId);
}

/** Throws InvalidRequest. */
export function assertSameCustomer(
  { check }: Extract<ObjectEncryption, { kind: 'customer' }>,
  customer: CustomerKey,
): void {
  if (fitsCheck(customer, check)) return;
  throw new S3Error(
    'InvalidRequest',
    'The provided encryption parameters did not match the ones used originally.',
  );
}
