import type { RequestHead } from '../../../http/protocol.ts';
import { S3Error } from '../errors.ts';
import type { Fields } from './fields.ts';
import { headerFields } from './fields.ts';

const SSE = 'x-amz-server-side-encryption';
const CUSTOMER = ['', 'copy-source-'].flatMap((of) =>
  ['algorithm', 'key', 'key-md5'].map((what) => `x-amz-${of}server-side-encryption-customer-${what}`),
);

/**
 * `AES256` asks the store to look after its disks, so it is accepted; replies do not claim that it was done, because
 * this server leaves encryption at rest to what is below it. Keys of the client or of a key service would be a promise
 * that cannot be kept: NotImplemented.
 */
export function assertEncryption(fields: Fields): void {
  assertNoCustomerKey(fields);
  const asked = fields.get(SSE);
  if (asked === undefined || asked === 'AES256') {
    if (fields.get(`${SSE}-aws-kms-key-id`) === undefined) return;
    throw notImplemented(`${SSE}-aws-kms-key-id`);
  }
  if (asked === 'aws:kms' || asked === 'aws:kms:dsse') throw notImplemented(SSE);
  throw new S3Error(
    'InvalidEncryptionAlgorithmError',
    'The encryption request you specified is not valid. The valid value is AES256.',
    { fields: { ArgumentName: SSE, ArgumentValue: asked.slice(0, 256) } },
  );
}

/** Reads, too, may come with a customer's key; what it would decrypt cannot be here. */
export function assertNoCustomerKeyOfRead(head: RequestHead): void {
  assertNoCustomerKey(headerFields(head));
}

function assertNoCustomerKey(fields: Fields): void {
  const given = CUSTOMER.find((name) => fields.get(name) !== undefined);
  if (given !== undefined) throw notImplemented(given);
}

function notImplemented(name: string): S3Error {
  return new S3Error(
    'NotImplemented',
    'A header you provided implies functionality that is not implemented: server-side encryption with keys of the client or of a key management service.',
    { fields: { Header: name } },
  );
}
