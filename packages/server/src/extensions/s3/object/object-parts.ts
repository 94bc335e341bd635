import type { RequestHead } from '../../../http/protocol.ts';
import { headerOf } from '../auth/header-of.ts';
import type { S3Deps } from '../deps.ts';
import { S3Error } from '../errors.ts';
import type { S3Query } from '../query.ts';
import { readParts } from '../store/object-parts.ts';
import type { ObjectPart, ObjectVersion } from '../store/records.ts';
import type { XmlElement } from '../xml/write.ts';
import { CHECKSUMS } from './checksum.ts';
import { type FoundObject, noSuchKey } from './find-object.ts';
import { invalidArgument } from './invalid-argument.ts';

const MAX_PART_NUMBER = 10_000;
const MAX_LISTED_PARTS = 1_000;

/** Where in an object one of its parts lies. */
export interface LocatedPart {
  readonly startBytes: number;
  readonly sizeBytes: number;
  /** Undefined for an object that came in one piece, which is its own only part. */
  readonly partsCount: number | undefined;
  readonly checksum: string | undefined;
}

/** `?partNumber`, or undefined without one. Throws InvalidArgument. */
export function partNumberOfQuery(query: S3Query): number | undefined {
  const text = query.get('partNumber');
  if (text === undefined) return undefined;
  const number = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (number >= 1 && number <= MAX_PART_NUMBER) return number;
  throw invalidArgument('partNumber', text, 'Part number must be an integer between 1 and 10000, inclusive.');
}

/** Throws InvalidPartNumber. */
export async function locatePart(
  found: FoundObject,
  partNumber: number,
  deps: Pick<S3Deps, 'metadata'>,
): Promise<LocatedPart> {
  const parts = await partsOf(found, deps);
  if (parts === undefined) {
    if (partNumber > 1) throw noSuchPart(partNumber, 1);
    const { sizeBytes } = found.record;
    return { startBytes: 0, sizeBytes, partsCount: undefined, checksum: undefined };
  }
  let startBytes = 0;
  for (const part of parts) {
    if (part.partNumber === partNumber) {
      const { sizeBytes, checksum } = part;
      return { startBytes, sizeBytes, partsCount: parts.length, checksum };
    }
    startBytes += part.sizeBytes;
  }
  throw noSuchPart(partNumber, parts.length);
}

/** `ObjectParts` of GetObjectAttributes, a page of it; undefined for an object that came in one piece. */
export async function objectPartsElement(
  head: RequestHead,
  found: FoundObject,
  deps: Pick<S3Deps, 'metadata'>,
): Promise<XmlElement | undefined> {
  const limit = Math.min(countOf(head, 'x-amz-max-parts') ?? MAX_LISTED_PARTS, MAX_LISTED_PARTS);
  const marker = countOf(head, 'x-amz-part-number-marker') ?? 0;
  const parts = await partsOf(found, deps);
  if (parts === undefined) return undefined;
  const after = parts.filter(({ partNumber }) => partNumber > marker);
  const shown = after.slice(0, limit);
  return {
    PartsCount: parts.length,
    PartNumberMarker: marker,
    NextPartNumberMarker: shown.at(-1)?.partNumber ?? 0,
    MaxParts: limit,
    IsTruncated: after.length > shown.length,
    Part: shown.map((part) => partElement(part, found.record)),
  };
}

function partElement({ partNumber, sizeBytes, checksum }: ObjectPart, version: ObjectVersion): XmlElement {
  const algorithm = version.checksum?.algorithm;
  return {
    PartNumber: partNumber,
    Size: sizeBytes,
    ...(checksum !== undefined && algorithm !== undefined && { [CHECKSUMS[algorithm].element]: checksum }),
  };
}

/** Undefined for an object that came in one piece. */
async function partsOf(
  { bucket, key, record }: FoundObject,
  { metadata }: Pick<S3Deps, 'metadata'>,
): Promise<readonly ObjectPart[] | undefined> {
  if (record.partPages === undefined) return undefined;
  const parts = await readParts(metadata, { bucketId: bucket.record.id, key }, record);
  // The version went since it was found.
  if (parts === undefined) throw noSuchKey(key);
  return parts;
}

function noSuchPart(partNumber: number, partsCount: number): S3Error {
  return new S3Error('InvalidPartNumber', 'The requested partnumber is not satisfiable', {
    fields: { ActualPartCount: String(partsCount), PartNumberRequested: String(partNumber) },
  });
}

function countOf(head: RequestHead, name: string): number | undefined {
  const text = headerOf(head, name);
  if (text === undefined) return undefined;
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw invalidArgument(name, text, `Provided ${name} not an integer or within integer range`);
}
