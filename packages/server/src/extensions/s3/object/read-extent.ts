import { parseHttpDate } from '../../../http/http-date.ts';
import type { RequestHead } from '../../../http/protocol.ts';
import { headerOf } from '../auth/header-of.ts';
import { S3Error } from '../errors.ts';
import type { ObjectVersion } from '../store/records.ts';
import { CHECKSUMS, checksumHeaders } from './checksum.ts';
import { namesEtag } from './entity-tag.ts';
import { wantsChecksums } from './object-headers.ts';
import type { LocatedPart } from './object-parts.ts';
import { parseRange } from './range.ts';

/** Which bytes of an object a read gets, and what the reply says of them. */
export interface ReadExtent {
  readonly status: 200 | 206;
  readonly sizeBytes: number;
  /** Undefined for all of it. */
  readonly range: { readonly start: number; readonly end: number } | undefined;
  readonly headers: Readonly<Record<string, string>>;
}

/**
 * Judges `Range`, and what `partNumber` located. Checksums are of the whole object, so a range has none. Throws
 * InvalidRange, and InvalidRequest for both at once.
 */
export function readExtent(
  head: RequestHead,
  record: ObjectVersion,
  located: LocatedPart | undefined,
): ReadExtent {
  const { sizeBytes } = record;
  const range = headerOf(head, 'range');
  if (located !== undefined) {
    if (range !== undefined) {
      throw new S3Error('InvalidRequest', 'Cannot specify both Range header and partNumber query parameter');
    }
    if (located.sizeBytes > 0) {
      const { startBytes } = located;
      const extent = { start: startBytes, end: startBytes + located.sizeBytes - 1 };
      return part(extent, record, partHeaders(head, record, located));
    }
  } else if (range !== undefined && isCurrent(headerOf(head, 'if-range'), record)) {
    const asked = parseRange(range, sizeBytes);
    if (asked.kind === 'unsatisfiable') throw unsatisfiable(range, sizeBytes);
    if (asked.kind === 'part') return part(asked, record, {});
  }
  return { status: 200, sizeBytes, range: undefined, headers: checksums(head, record) };
}

/** A part has a checksum of its own where the upload asked for one. */
function partHeaders(
  head: RequestHead,
  record: ObjectVersion,
  { partsCount, checksum }: LocatedPart,
): Record<string, string> {
  if (partsCount === undefined) return checksums(head, record);
  const count = { 'x-amz-mp-parts-count': String(partsCount) };
  if (checksum === undefined || record.checksum === undefined || !wantsChecksums(head)) return count;
  const { algorithm, type } = record.checksum;
  return { ...count, [CHECKSUMS[algorithm].header]: checksum, 'x-amz-checksum-type': type };
}

function part(
  { start, end }: { readonly start: number; readonly end: number },
  { sizeBytes }: ObjectVersion,
  headers: Readonly<Record<string, string>>,
): ReadExtent {
  return {
    status: 206,
    sizeBytes: end - start + 1,
    range: { start, end },
    headers: { ...headers, 'content-range': `bytes ${start}-${end}/${sizeBytes}` },
  };
}

function checksums(head: RequestHead, { checksum, partsCount }: ObjectVersion): Record<string, string> {
  return wantsChecksums(head) ? checksumHeaders(checksum, partsCount) : {};
}

/** Whether `If-Range` lets the range count: there is none, or it names this very state. */
function isCurrent(ifRange: string | undefined, { etag, modifiedAtMs }: ObjectVersion): boolean {
  if (ifRange === undefined) return true;
  const dateMs = parseHttpDate(ifRange);
  if (dateMs !== undefined) return dateMs === Math.floor(modifiedAtMs / 1_000) * 1_000;
  return !ifRange.startsWith('W/') && namesEtag(ifRange, etag);
}

function unsatisfiable(range: string, sizeBytes: number): S3Error {
  return new S3Error('InvalidRange', 'The requested range is not satisfiable', {
    fields: { RangeRequested: range.slice(0, 256), ActualObjectSize: String(sizeBytes) },
    headers: { 'content-range': `bytes */${sizeBytes}`, 'accept-ranges': 'bytes' },
  });
}
