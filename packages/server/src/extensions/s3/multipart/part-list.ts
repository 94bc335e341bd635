import { S3Error } from '../errors.ts';
import { invalidArgument } from '../object/invalid-argument.ts';
import type { ChecksumAlgorithm } from '../store/records.ts';
import { childrenNamed, childText, malformed, parseLongXml } from '../xml/parse.ts';

export const MAX_PARTS = 10_000;
/** Of each part itself, its number, ETag and five checksums. */
const ELEMENTS_OF_A_PART = 8;

/** One `<Part>` of CompleteMultipartUpload. */
export interface ListedPart {
  readonly partNumber: number;
  /** Without quotes. */
  readonly etag: string;
  readonly checksums: Readonly<Partial<Record<ChecksumAlgorithm, string>>>;
}

const CHECKSUMS = {
  CRC32: 'ChecksumCRC32',
  CRC32C: 'ChecksumCRC32C',
  CRC64NVME: 'ChecksumCRC64NVME',
  SHA1: 'ChecksumSHA1',
  SHA256: 'ChecksumSHA256',
} as const satisfies Record<ChecksumAlgorithm, string>;

/** The list a client completes an upload with. Throws MalformedXML, InvalidArgument and InvalidPartOrder. */
export async function parsePartList(bytes: Uint8Array): Promise<readonly ListedPart[]> {
  const document = await parseLongXml(bytes, 'CompleteMultipartUpload', {
    maxElements: 1 + (MAX_PARTS + 1) * ELEMENTS_OF_A_PART,
  });
  const parts = childrenNamed(document, 'Part').map((node) => {
    const number = childText(node, 'PartNumber');
    if (number === undefined) throw malformed('a part has no PartNumber');
    const partNumber = parsePartNumber(number);
    const etag = childText(node, 'ETag');
    if (etag === undefined) throw malformed(`part ${partNumber} has no ETag`);
    const checksums: Partial<Record<ChecksumAlgorithm, string>> = {};
    for (const [algorithm, name] of Object.entries(CHECKSUMS) as [ChecksumAlgorithm, string][]) {
      const value = childText(node, name);
      if (value !== undefined) checksums[algorithm] = value;
    }
    if (Object.keys(checksums).length > 1) {
      throw invalidArgument('Checksum', '', `part ${partNumber} has more than one checksum`);
    }
    return { partNumber, etag: unquote(etag.trim()), checksums };
  });
  if (parts.length === 0) throw malformed('the list has no part');
  if (parts.length > MAX_PARTS) throw malformed(`the list has more than ${MAX_PARTS} parts`);
  for (const [index, { partNumber }] of parts.entries()) {
    const before = parts[index - 1];
    if (before !== undefined && before.partNumber >= partNumber) {
      throw new S3Error(
        'InvalidPartOrder',
        'The list of parts was not in ascending order. Parts must be ordered by part number.',
      );
    }
  }
  return parts;
}

/** 1 to 10,000. Throws InvalidArgument. */
export function parsePartNumber(text: string): number {
  const partNumber = /^\d{1,6}$/.test(text) ? Number(text) : 0;
  if (partNumber >= 1 && partNumber <= MAX_PARTS) return partNumber;
  throw new S3Error(
    'InvalidArgument',
    `Part number must be an integer between 1 and ${MAX_PARTS}, inclusive`,
    {
      fields: { ArgumentName: 'partNumber', ArgumentValue: text.slice(0, 100) },
    },
  );
}

function unquote(etag: string): string {
  return etag.length > 1 && etag.startsWith('"') && etag.endsWith('"') ? etag.slice(1, -1) : etag;
}
