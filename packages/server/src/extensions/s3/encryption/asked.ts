import type { Fields } from '../object/fields.ts';
import { invalidArgument } from '../object/invalid-argument.ts';
import { type CustomerKey, customerKey } from './customer-key.ts';

/** How a request wants its object encrypted. */
export type EncryptionAsked =
  | { readonly kind: 'server' }
  | { readonly kind: 'named'; readonly keyId: string }
  | { readonly kind: 'customer'; readonly customer: CustomerKey };

export const SSE = 'x-amz-server-side-encryption';
export const KMS_KEY_ID = `${SSE}-aws-kms-key-id`;
const KMS_CONTEXT = `${SSE}-context`;

/**
 * Undefined when the request says nothing, so that the bucket decides. Throws InvalidArgument for what is unknown,
 * incomplete or contradicts itself, and what `customerKey` throws.
 */
export function encryptionAsked(fields: Fields): EncryptionAsked | undefined {
  const method = fields.get(SSE);
  const keyId = fields.get(KMS_KEY_ID);
  const customer = customerKey(fields);
  if (customer !== undefined) {
    if (method === undefined && keyId === undefined) return { kind: 'customer', customer };
    throw invalidArgument(
      SSE,
      method ?? '',
      'Server Side Encryption with Customer provided key is incompatible with the encryption method specified',
    );
  }
  if (method === 'aws:kms') return { kind: 'named', keyId: requiredKeyId(fields, keyId) };
  if (keyId !== undefined) {
    throw invalidArgument(
      KMS_KEY_ID,
      keyId,
      `${KMS_KEY_ID} can only be used when you specify ${SSE}: aws:kms`,
    );
  }
  if (method === undefined) return undefined;
  if (method === 'AES256') return { kind: 'server' };
  throw invalidArgument(SSE, method, 'The encryption method specified is not supported');
}

/** Amazon has a key for who names none; here every key is one that the operator has. */
function requiredKeyId(fields: Fields, keyId: string | undefined): string {
  const context = fields.get(KMS_CONTEXT);
  if (context !== undefined) {
    throw invalidArgument(
      KMS_CONTEXT,
      context,
      'An encryption context is not supported by the keys of this server',
    );
  }
  if (keyId !== undefined && keyId !== '') return keyId;
  throw invalidArgument(
    KMS_KEY_ID,
    keyId ?? '',
    `${SSE}: aws:kms needs ${KMS_KEY_ID}: there is no default key`,
  );
}
