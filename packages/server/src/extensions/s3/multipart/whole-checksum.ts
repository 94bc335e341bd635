import { checksumOf } from '../../../content/hashing/checksum-of.ts';
import { combineCrc } from '../../../content/hashing/crc-combine.ts';
import type { CrcAlgorithm, HashAlgorithm } from '../../../content/hashing/hash-algorithm.ts';
import type { Checksum, ChecksumAlgorithm } from '../store/records.ts';

interface HashedPart {
  readonly sizeBytes: number;
  /** Base64. */
  readonly checksum: string;
}

const CRC_OF: Readonly<Partial<Record<ChecksumAlgorithm, CrcAlgorithm>>> = {
  CRC32: 'crc32',
  CRC32C: 'crc32c',
  CRC64NVME: 'crc64nvme',
};

/** MD5 of the parts' MD5s and their number: the ETag of a multipart object. */
export function multipartEtag(partEtags: readonly string[]): string {
  return `${checksumOf('md5', Buffer.from(partEtags.join(''), 'hex'))}-${partEtags.length}`;
}

/** The checksum of the whole from those of its parts, without reading a byte of it again. */
export function wholeChecksum(
  { algorithm, type }: Pick<Checksum, 'algorithm' | 'type'>,
  parts: readonly HashedPart[],
): Checksum {
  const value = type === 'COMPOSITE' ? compositeOf(algorithm, parts) : fullObjectOf(algorithm, parts);
  return { algorithm, type, value };
}

function compositeOf(algorithm: ChecksumAlgorithm, parts: readonly HashedPart[]): string {
  const joined = Buffer.concat(parts.map(({ checksum }) => Buffer.from(checksum, 'base64')));
  // Its lower-case name is what the algorithm is called in the store.
  return hexToBase64(checksumOf(algorithm.toLowerCase() as HashAlgorithm, joined));
}

function fullObjectOf(algorithm: ChecksumAlgorithm, parts: readonly HashedPart[]): string {
  const crc = CRC_OF[algorithm];
  const [first, ...rest] = parts;
  if (crc === undefined || first === undefined) throw new RangeError(`${algorithm} cannot be combined`);
  let whole = base64ToHex(first.checksum);
  for (const { checksum, sizeBytes } of rest)
    whole = combineCrc(crc, whole, base64ToHex(checksum), sizeBytes);
  return hexToBase64(whole);
}

function base64ToHex(base64: string): string {
  return Buffer.from(base64, 'base64').toString('hex');
}

function hexToBase64(hex: string): string {
  return Buffer.from(hex, 'hex').toString('base64');
}
