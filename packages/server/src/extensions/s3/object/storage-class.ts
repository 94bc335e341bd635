import { S3Error } from '../errors.ts';
import type { Fields } from './fields.ts';

/** There is one class of storage here. Throws InvalidStorageClass for any other. */
export function assertStorageClass(fields: Fields): void {
  const asked = fields.get('x-amz-storage-class');
  if (asked === undefined || asked === '' || asked === STORAGE_CLASS) return;
  throw new S3Error(
    'InvalidStorageClass',
    `The storage class you specified is not valid: this server has ${STORAGE_CLASS} alone.`,
    { fields: { StorageClassRequested: asked.slice(0, 256) } },
  );
}

export const STORAGE_CLASS = 'STANDARD';
