import { createHash, hkdfSync, randomBytes, timingSafeEqual } from 'node:crypto';
import { S3Error } from '../errors.ts';
import { invalidArgument } from '../object/invalid-argument.ts';
import type { CustomerKeyCheck } from '../store/records.ts';

/** A key that the client brings with each request, and the server forgets after it. */
export interface CustomerKey {
  readonly key: Uint8Array;
  /** As the client sent it. */
  readonly md5: string;
}

interface Headers {
  get(name: string): string | undefined;
}

const KEY_BYTES = 32;
const SALT_BYTES = 16;
const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/;
const PURPOSE = 'zas s3 customer key check';

export const CUSTOMER_PREFIX = 'x-amz-server-side-encryption-customer-';
export const SOURCE_CUSTOMER_PREFIX = 'x-amz-copy-source-server-side-encryption-customer-';

/**
 * The three headers of SSE-C; undefined without any. Throws InvalidArgument for one that is missing, for another
 * algorithm, and for a key that is not 256 bits or does not have the MD5.
 */
export function customerKey(headers: Headers, prefix: string = CUSTOMER_PREFIX): CustomerKey | undefined {
  const algorithm = headers.get(`${prefix}algorithm`);
  const text = headers.get(`${prefix}key`);
  const md5 = headers.get(`${prefix}key-md5`);
  if (algorithm === undefined && text === undefined && md5 === undefined) return undefined;
  if (algorithm === undefined) {
    throw missing(`${prefix}algorithm`, 'must provide a valid encryption algorithm');
  }
  if (algorithm !== 'AES256') {
    throw new S3Error(
      'InvalidEncryptionAlgorithmError',
      'The encryption request that you specified is not valid. The valid value is AES256.',
      { fields: { ArgumentName: `${prefix}algorithm`, ArgumentValue: algorithm.slice(0, 64) } },
    );
  }
  if (text === undefined) throw missing(`${prefix}key`, 'must provide an appropriate secret key');
  if (md5 === undefined)
    throw missing(`${prefix}key-md5`, 'must provide the client calculated MD5 of the secret key');
  const key = Buffer.from(text, 'base64');
  if (!BASE64.test(text) || key.length !== KEY_BYTES) {
    // The key itself must not come back in an error.
    throw missing(`${prefix}key`, 'must provide a secret key of 256 bits, in base64');
  }
  if (createHash('md5').update(key).digest('base64') !== md5) {
    throw invalidArgument(
      `${prefix}key-md5`,
      md5,
      'The calculated MD5 hash of the key did not match the hash that was provided.',
    );
  }
  return { key, md5 };
}

/** Tells the key again, and nothing of it. */
export function newKeyCheck({ key }: CustomerKey): CustomerKeyCheck {
  const salt = randomBytes(SALT_BYTES);
  return { salt, value: checkOf(key, salt) };
}

export function fitsCheck({ key }: CustomerKey, { salt, value }: CustomerKeyCheck): boolean {
  const expected = checkOf(key, salt);
  return expected.length === value.length && timingSafeEqual(expected, value);
}

function checkOf(key: Uint8Array, salt: Uint8Array): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', key, salt, PURPOSE, KEY_BYTES));
}

function missing(name: string, what: string): S3Error {
  return new S3Error(
    'InvalidArgument',
    `Requests specifying Server Side Encryption with Customer provided keys ${what}.`,
    { fields: { ArgumentName: name, ArgumentValue: 'null' } },
  );
}
