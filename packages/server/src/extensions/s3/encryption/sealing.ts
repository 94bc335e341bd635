import type { S3Deps } from '../deps.ts';
import type { StoredBucket } from '../store/buckets.ts';
import type { ObjectEncryption } from '../store/records.ts';
import type { EncryptionAsked } from './asked.ts';
import { defaultEncryption } from './bucket-default.ts';
import { newKeyCheck } from './customer-key.ts';
import { type Keyring, namedKey } from './keyring.ts';

/** How an object is encrypted, with the key it is done with. */
export interface Sealing {
  readonly encryption: ObjectEncryption;
  readonly key: Uint8Array;
}

/**
 * What is done to a new object: what the request asks, else what the bucket does. Undefined leaves it as it is. Throws
 * KMS.NotFoundException.
 */
export async function settleSealing(
  asked: EncryptionAsked | undefined,
  bucket: StoredBucket,
  deps: Pick<S3Deps, 'documents' | 'keyring'>,
): Promise<Sealing | undefined> {
  if (asked !== undefined) return sealingOf(asked, deps.keyring);
  const byDefault = await defaultEncryption(bucket, deps);
  if (byDefault === undefined) return undefined;
  const { keyId } = byDefault;
  return sealingOf(keyId === undefined ? { kind: 'server' } : { kind: 'named', keyId }, deps.keyring);
}

/**
 * As `settleSealing`, for a copy: what was encrypted stays so when nobody says how, with the same key where the server
 * has it.
 */
export async function settleCopySealing(
  asked: EncryptionAsked | undefined,
  bucket: StoredBucket,
  {
    source,
    deps,
  }: { readonly source: ObjectEncryption | undefined; readonly deps: Pick<S3Deps, 'documents' | 'keyring'> },
): Promise<Sealing | undefined> {
  const settled = await settleSealing(asked, bucket, deps);
  if (settled !== undefined || source === undefined) return settled;
  return sealingOf(source.kind === 'customer' ? { kind: 'server' } : source, deps.keyring);
}

/** Whether what one of them sealed is what the other would have: the content can be shared. */
export function isSameSealing(a: ObjectEncryption | undefined, b: ObjectEncryption | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  if (a.kind === 'server') return b.kind === 'server';
  return a.kind === 'named' && b.kind === 'named' && a.keyId === b.keyId;
}

function sealingOf(asked: EncryptionAsked, keyring: Keyring): Sealing {
  switch (asked.kind) {
    case 'server':
      return { encryption: asked, key: keyring.server };
    case 'named':
      return { encryption: asked, key: namedKey(keyring, asked.keyId) };
    case 'customer':
      return {
        encryption: { kind: 'customer', check: newKeyCheck(asked.customer) },
        key: asked.customer.key,
      };
  }
}
