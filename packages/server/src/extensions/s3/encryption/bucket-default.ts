import type { S3Deps } from '../deps.ts';
import type { StoredBucket } from '../store/buckets.ts';

/** What PutBucketEncryption keeps. */
export interface DefaultEncryption {
  /** Of aws:kms; without it AES256. */
  readonly keyId?: string;
  readonly bucketKey: boolean;
}

/** How a bucket encrypts what comes without a word about it; undefined when it does not. */
export function defaultEncryption(
  bucket: StoredBucket,
  { documents }: Pick<S3Deps, 'documents'>,
): Promise<DefaultEncryption | undefined> {
  // Written by PutBucketEncryption.
  return documents.parsed(bucket, 'encryption', (text) => JSON.parse(text) as DefaultEncryption);
}
