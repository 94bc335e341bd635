import { StoreError } from '@zot-artifact-store/spec';

export function errorCode(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}

export function isMissing(error: unknown): boolean {
  return errorCode(error) === 'ENOENT';
}

export function isFull(error: unknown): boolean {
  return errorCode(error) === 'ENOSPC' || errorCode(error) === 'EDQUOT';
}

/** Errors after which no write to this filesystem can be trusted, whichever call met them. */
export function isDamage(error: unknown): boolean {
  return errorCode(error) === 'EIO' || errorCode(error) === 'EROFS';
}

export function unknownContent(resource: string, cause?: unknown): StoreError {
  return new StoreError('blob-unknown', 'the content is not in the store', { resource, cause });
}

/** `doing` completes "the store could not ..."; it is shown to clients and names no path. */
export function translateError(error: unknown, doing: string): StoreError {
  if (error instanceof StoreError) return error;
  if (isFull(error)) {
    return new StoreError('storage-full', 'the store has no room for this content', { cause: error });
  }
  return new StoreError('unavailable', `the store could not ${doing}`, { cause: error });
}
