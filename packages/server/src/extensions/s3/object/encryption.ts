import type { RequestHead } from '../../../http/protocol.ts';
import { S3Error } from '../errors.ts';
import type { Fields } from './fields.ts';
import { headerFields } from './fields.ts';
import { invalidArgument } from './invalid-argument.ts';

const SSE = 'x-amz-server-side-encryption';
const KMS_KEY_ID = `${SSE}-aws-kms-key-id`;
const CUSTOMER = ['', 'copy-source-'].flatMap((of) =>
  ['algorithm', 'key', 'key-md5'].map((what) => `x-amz-${of}server-side-encryption-customer-${what}`),
);

/**
 * `AES256` asks the store to look after its disks, so it is accepted; replies do not claim that it was done, because
 * this server leaves encryption at rest to what is below it. Keys of the client or of a key service would be a promise
 * that cannot be kept: NotImplemented.
 */
export function assertEncryption(fields: Fields): void {
  const asked = fields.get(SSE);
  const byService = asked === 'aws:kms' || asked === 'aws:kms:dsse';
  if (asked !== undefined && asked !== 'AES256' && !byService) {
    throw invalidArgument(SSE, asked, 'The encryption method specified is not supported');
  }
  const customer = customerHeader(fields);
  if (asked !== undefined && customer !== undefined) {
    const message =
      'Server Side Encryption with Customer provided key is incompatible with the encryption method specified';
    throw invalidArgument(SSE, asked, message);
  }
  const keyId = fields.get(KMS_KEY_ID);
  if (asked === 'AES256' && keyId !== undefined) {
    const message = `${KMS_KEY_ID} can only be used when you specify ${SSE}: aws:kms`;
    throw invalidArgument(KMS_KEY_ID, keyId, message);
  }
  if (customer !== undefined) throw notImplemented(customer);
  if (byService) throw notImplemented(SSE);
  if (keyId !== undefined) throw notImplemented(KMS_KEY_ID);
}

/** Reads, too, may come with a customer's key; what it would decrypt cannot be here. */
export function assertNoCustomerKeyOfRead(head: RequestHead): void {
  const given = customerHeader(headerFields(head));
  if (given !== undefined) throw notImplemented(given);
}

function customerHeader(fields: Fields): string | undefined {
  return CUSTOMER.find((name) => fields.get(name) !== undefined);
}

function notImplemented(name: string): S3Error {
  return new S3Error(
    'NotImplemented',
    'A header you provided implies functionality that is not implemented: server-side encryption with keys of the client or of a key management service.',
    { fields: { Header: name } },
  );
}
