import { S3Error } from '../errors.ts';

/** What the keys of objects are derived from; the secret of the host for this purpose. */
export const OBJECT_KEY_PURPOSE = 'object encryption';

/** The keys that this server has itself. */
export interface Keyring {
  /** Of SSE-S3. */
  readonly server: Uint8Array;
  /** Of SSE-KMS: the keys of the configuration, by name. */
  readonly named: ReadonlyMap<string, Uint8Array>;
}

/** Throws KMS.NotFoundException, which an object meets, too, whose key was taken from the configuration. */
export function namedKey({ named }: Keyring, keyId: string): Uint8Array {
  const key = named.get(keyId);
  if (key !== undefined) return key;
  throw new S3Error(
    'KMS.NotFoundException',
    `There is no key "${keyId.slice(0, 200)}". The keys of this server are those that extensions.s3.kmsKeys lists.`,
  );
}
