import { isStoreError } from '@zot-artifact-store/spec';
import type { RequestHead } from '../../../http/protocol.ts';
import { headerOf } from '../auth/header-of.ts';
import { type BucketName, isBucketName } from '../bucket-name.ts';
import { assertObjectKey, percentDecode } from '../object-key.ts';
import { invalidArgument } from './invalid-argument.ts';
import { assertVersionId } from './version-id.ts';

export interface CopySource {
  readonly bucket: BucketName;
  readonly key: string;
  readonly versionId: string | undefined;
}

const NAME = 'x-amz-copy-source';
const VERSION = '?versionId=';

/**
 * `bucket/key` or `/bucket/key`, percent-encoded, with `?versionId=` for an older version; an encoded question mark
 * belongs to the key. Throws InvalidArgument.
 */
export function copySource(head: RequestHead): CopySource {
  const text = headerOf(head, NAME) ?? '';
  const mark = text.indexOf(VERSION);
  const versionId = mark < 0 ? undefined : text.slice(mark + VERSION.length);
  if (versionId !== undefined) assertVersionId(versionId);
  const path = decode(mark < 0 ? text : text.slice(0, mark), text);
  const from = path.startsWith('/') ? 1 : 0;
  const slash = path.indexOf('/', from);
  const bucket = slash < 0 ? path.slice(from) : path.slice(from, slash);
  if (!isBucketName(bucket)) throw invalidArgument(NAME, text, 'Invalid copy source bucket name');
  const key = slash < 0 ? '' : path.slice(slash + 1);
  if (key === '') throw invalidArgument(NAME, text, 'Invalid copy source object key');
  return { bucket, key: checked(key, text), versionId };
}

function decode(path: string, whole: string): string {
  try {
    return percentDecode(path);
  } catch (error) {
    if (!isStoreError(error)) throw error;
    throw invalidArgument(NAME, whole, 'Invalid copy source encoding');
  }
}

function checked(key: string, whole: string): string {
  try {
    assertObjectKey(key);
    return key;
  } catch (error) {
    if (!isStoreError(error)) throw error;
    throw invalidArgument(NAME, whole, 'Invalid copy source object key');
  }
}
