import type { RequestHead } from '../../../http/protocol.ts';
import { headerOf } from '../auth/header-of.ts';
import { S3Error } from '../errors.ts';
import { CHECKSUM_ALGORITHMS, CHECKSUMS, parseChecksumAlgorithm } from '../object/checksum.ts';
import type { Checksum, ChecksumAlgorithm } from '../store/records.ts';
import type { UploadRecord } from './records.ts';

/**
 * What checksum an upload is begun with: `x-amz-checksum-algorithm` and `-type`. CRC64NVME is always of the full
 * object; the others are composites unless the full object is asked for, which the SHAs cannot be. Throws
 * InvalidRequest.
 */
export function uploadChecksum(head: RequestHead): UploadRecord['checksum'] {
  const name = headerOf(head, 'x-amz-checksum-algorithm');
  const asked = headerOf(head, 'x-amz-checksum-type')?.toUpperCase();
  if (name === undefined) {
    if (asked === undefined) return undefined;
    throw new S3Error(
      'InvalidRequest',
      'The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header.',
    );
  }
  const algorithm = parseChecksumAlgorithm(name);
  const type = parseType(asked, algorithm);
  const isPossible = type === 'FULL_OBJECT' ? algorithm.startsWith('CRC') : algorithm !== 'CRC64NVME';
  if (!isPossible) {
    throw new S3Error(
      'InvalidRequest',
      `The ${type} checksum type cannot be used with the ${algorithm.toLowerCase()} checksum algorithm.`,
    );
  }
  return { algorithm, type };
}

/** `x-amz-checksum-type` of a request that completes an upload. */
export function checksumTypeAsked(head: RequestHead): Checksum['type'] | undefined {
  const asked = headerOf(head, 'x-amz-checksum-type')?.toUpperCase();
  return asked === undefined ? undefined : parseType(asked, 'CRC64NVME');
}

/** The checksums of the whole that a request which completes an upload claims, as written. */
export function claimedChecksums(head: RequestHead): Readonly<Partial<Record<ChecksumAlgorithm, string>>> {
  const claimed: Partial<Record<ChecksumAlgorithm, string>> = {};
  for (const algorithm of CHECKSUM_ALGORITHMS) {
    const value = headerOf(head, CHECKSUMS[algorithm].header);
    if (value !== undefined) claimed[algorithm] = value;
  }
  if (Object.keys(claimed).length > 1) {
    throw new S3Error(
      'InvalidRequest',
      'Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.',
    );
  }
  return claimed;
}

function parseType(text: string | undefined, algorithm: ChecksumAlgorithm): Checksum['type'] {
  if (text === undefined) return algorithm === 'CRC64NVME' ? 'FULL_OBJECT' : 'COMPOSITE';
  if (text === 'FULL_OBJECT' || text === 'COMPOSITE') return text;
  throw new S3Error('InvalidRequest', 'Value for x-amz-checksum-type header is invalid.');
}
