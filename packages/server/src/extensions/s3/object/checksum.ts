import type { RequestHead } from '../../../http/protocol.ts';
import { headerOf } from '../auth/header-of.ts';
import { S3Error } from '../errors.ts';
import type { Checksum, ChecksumAlgorithm } from '../store/records.ts';

interface AlgorithmEntry {
  /** What documents call it. */
  readonly element: string;
  readonly header: string;
  readonly sizeBytes: number;
  /** What the content store calls it. */
  readonly hash: 'crc32' | 'crc32c' | 'crc64nvme' | 'sha1' | 'sha256';
}

export const CHECKSUMS: Readonly<Record<ChecksumAlgorithm, AlgorithmEntry>> = {
  CRC32: { element: 'ChecksumCRC32', header: 'x-amz-checksum-crc32', sizeBytes: 4, hash: 'crc32' },
  CRC32C: { element: 'ChecksumCRC32C', header: 'x-amz-checksum-crc32c', sizeBytes: 4, hash: 'crc32c' },
  CRC64NVME: {
    element: 'ChecksumCRC64NVME',
    header: 'x-amz-checksum-crc64nvme',
    sizeBytes: 8,
    hash: 'crc64nvme',
  },
  SHA1: { element: 'ChecksumSHA1', header: 'x-amz-checksum-sha1', sizeBytes: 20, hash: 'sha1' },
  SHA256: { element: 'ChecksumSHA256', header: 'x-amz-checksum-sha256', sizeBytes: 32, hash: 'sha256' },
};
export const CHECKSUM_ALGORITHMS: readonly ChecksumAlgorithm[] = [
  'CRC32',
  'CRC32C',
  'CRC64NVME',
  'SHA1',
  'SHA256',
];
/** What an object has when its writer asks for none. */
export const DEFAULT_CHECKSUM: ChecksumAlgorithm = 'CRC64NVME';

const PREFIX = 'x-amz-checksum-';
/** What begins like a checksum and is none. */
const NO_CHECKSUMS: ReadonlySet<string> = new Set(['algorithm', 'mode', 'type']);

/** The checksum that comes with a body. */
export interface ChecksumSent {
  readonly algorithm: ChecksumAlgorithm;
  /** Base64 as it stands in the header; undefined when it follows the body as a trailer. */
  readonly value: string | undefined;
}

/**
 * The one checksum a request sends, in a header or announced as a trailer; undefined when it sends none. Throws
 * InvalidRequest for several, for algorithms that are not supported, for a value that cannot be one of its algorithm,
 * and when `x-amz-sdk-checksum-algorithm` names another.
 */
export function checksumSent(head: Pick<RequestHead, 'headers'>): ChecksumSent | undefined {
  let sent: ChecksumSent | undefined;
  for (const name in head.headers) {
    if (!name.startsWith(PREFIX) || NO_CHECKSUMS.has(name.slice(PREFIX.length))) continue;
    if (sent !== undefined) throw several();
    const algorithm = algorithmOfHeader(name);
    const value = headerOf(head, name) ?? '';
    assertChecksumValue(algorithm, value);
    sent = { algorithm, value };
  }
  const trailer = headerOf(head, 'x-amz-trailer')?.trim().toLowerCase();
  if (trailer?.startsWith(PREFIX)) {
    if (sent !== undefined) throw several();
    sent = { algorithm: algorithmOfHeader(trailer), value: undefined };
  }
  const named = headerOf(head, 'x-amz-sdk-checksum-algorithm');
  if (named !== undefined && parseChecksumAlgorithm(named) !== sent?.algorithm) {
    throw new S3Error(
      'InvalidRequest',
      sent === undefined
        ? 'x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or x-amz-trailer headers were found.'
        : 'Value for x-amz-sdk-checksum-algorithm header is invalid.',
    );
  }
  return sent;
}

/** Throws InvalidRequest for a name that is not one of the five. */
export function parseChecksumAlgorithm(text: string): ChecksumAlgorithm {
  const upper = text.toUpperCase();
  const found = CHECKSUM_ALGORITHMS.find((algorithm) => algorithm === upper);
  if (found !== undefined) return found;
  throw new S3Error(
    'InvalidRequest',
    `Checksum algorithm provided is unsupported. Please try again with any of the valid types: [${CHECKSUM_ALGORITHMS.join(', ')}]`,
  );
}

/**
 * Throws InvalidRequest for what is not base64, or is of another length than the algorithm's. Text that could be the
 * beginning of base64 is taken for a checksum that is wrong: BadDigest, as other servers have it.
 */
export function assertChecksumValue(algorithm: ChecksumAlgorithm, value: string): void {
  if (/^[A-Za-z0-9+/]+$/.test(value) && value.length % 4 !== 0) throw badChecksum(algorithm);
  const isBase64 = /^[A-Za-z0-9+/]+={0,2}$/.test(value) && value.length % 4 === 0;
  if (isBase64 && Buffer.byteLength(value, 'base64') === CHECKSUMS[algorithm].sizeBytes) return;
  throw new S3Error('InvalidRequest', `Value for ${CHECKSUMS[algorithm].header} header is invalid.`);
}

export function badChecksum(algorithm: ChecksumAlgorithm): S3Error {
  return new S3Error('BadDigest', `The ${algorithm} you specified did not match the calculated checksum.`);
}

/** As headers have it: a composite ends in the number of its parts. */
export function checksumText({ type, value }: Checksum, partsCount: number | undefined): string {
  return type === 'COMPOSITE' ? `${value}-${partsCount ?? 1}` : value;
}

/** What PUT answers with, and GET and HEAD where checksums were asked for. */
export function checksumHeaders(
  checksum: Checksum | undefined,
  partsCount: number | undefined,
): Record<string, string> {
  if (checksum === undefined) return {};
  return {
    [CHECKSUMS[checksum.algorithm].header]: checksumText(checksum, partsCount),
    'x-amz-checksum-type': checksum.type,
  };
}

/** Base64 from the hex that the content store gives. */
export function base64OfHex(hex: string): string {
  return Buffer.from(hex, 'hex').toString('base64');
}

function algorithmOfHeader(name: string): ChecksumAlgorithm {
  const found = CHECKSUM_ALGORITHMS.find((algorithm) => CHECKSUMS[algorithm].header === name);
  if (found !== undefined) return found;
  throw new S3Error('InvalidRequest', `The algorithm type you specified in ${name} header is invalid.`);
}

function several(): S3Error {
  return new S3Error(
    'InvalidRequest',
    'Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.',
  );
}
