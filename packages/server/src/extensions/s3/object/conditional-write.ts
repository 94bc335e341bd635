import type { RequestHead } from '../../../http/protocol.ts';
import { headerOf } from '../auth/header-of.ts';
import { S3Error } from '../errors.ts';
import type { VersionRecord } from '../store/records.ts';
import { preconditionFailed } from './conditional-read.ts';
import { namesEtag, unquoted } from './entity-tag.ts';
import { invalidArgument } from './invalid-argument.ts';

/** What a write asks of the version it replaces; undefined when it asks nothing. */
export interface WriteConditions {
  readonly ifMatch: string | undefined;
  readonly ifNoneMatch: string | undefined;
}

export function writeConditions(head: RequestHead): WriteConditions | undefined {
  const ifMatch = headerOf(head, 'if-match');
  const ifNoneMatch = headerOf(head, 'if-none-match');
  return ifMatch === undefined && ifNoneMatch === undefined ? undefined : { ifMatch, ifNoneMatch };
}

/**
 * PreconditionFailed when the current version is not as asked; NoSuchKey when If-Match asks for one and there is none,
 * or it is a delete marker. Entity tags work as in RFC 9110, not only `*` as at Amazon.
 */
export function assertWritable(
  { ifMatch, ifNoneMatch }: WriteConditions,
  current: VersionRecord | undefined,
  key: string,
): void {
  const object = current?.kind === 'object' ? current : undefined;
  if (ifMatch !== undefined) {
    if (object === undefined) {
      throw new S3Error('NoSuchKey', 'The specified key does not exist.', { fields: { Key: key } });
    }
    if (!namesEtag(ifMatch, object.etag)) throw preconditionFailed('If-Match');
  }
  if (ifNoneMatch !== undefined && object !== undefined && namesEtag(ifNoneMatch, object.etag)) {
    throw preconditionFailed('If-None-Match');
  }
}

/** What a delete asks of the version it removes, or hides. */
export interface DeleteConditions {
  readonly etag: string | undefined;
  readonly sizeBytes: number | undefined;
  readonly modifiedAtMs: number | undefined;
}

/** Throws InvalidArgument for a size or a date that is none. */
export function deleteConditions(head: RequestHead): DeleteConditions | undefined {
  return parseDeleteConditions({
    etag: headerOf(head, 'if-match'),
    size: headerOf(head, 'x-amz-if-match-size'),
    modified: headerOf(head, 'x-amz-if-match-last-modified-time'),
  });
}

/** The same from their texts, as DeleteObjects has them for each key. */
export function parseDeleteConditions(texts: {
  readonly etag: string | undefined;
  readonly size: string | undefined;
  readonly modified: string | undefined;
}): DeleteConditions | undefined {
  const { etag, size, modified } = texts;
  if (etag === undefined && size === undefined && modified === undefined) return undefined;
  return { etag, sizeBytes: parseSize(size), modifiedAtMs: parseTime(modified) };
}

/**
 * Whether the delete may go on: false when there is nothing to compare with, and so nothing to delete. A delete marker
 * is there, but no tag other than `*` is its own. Throws PreconditionFailed.
 */
export function assertDeletable(
  { etag, sizeBytes, modifiedAtMs }: DeleteConditions,
  version: VersionRecord | undefined,
): boolean {
  if (version === undefined) return false;
  const isObject = version.kind === 'object';
  const isTag = etag === undefined || (isObject ? namesEtag(etag, version.etag) : unquoted(etag) === '*');
  if (!isTag) throw preconditionFailed('If-Match');
  if (sizeBytes !== undefined && sizeBytes !== (isObject ? version.sizeBytes : 0)) {
    throw preconditionFailed('If-Match-Size');
  }
  if (modifiedAtMs !== undefined && seconds(modifiedAtMs) !== seconds(version.modifiedAtMs)) {
    throw preconditionFailed('If-Match-Last-Mod-Time');
  }
  return true;
}

function parseSize(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const size = /^\d{1,15}$/.test(text) ? Number(text) : undefined;
  if (size === undefined) throw invalidArgument('x-amz-if-match-size', text, 'The size must be a number.');
  return size;
}

/** An HTTP date in the header, ISO 8601 in a document; clients send either in both. */
function parseTime(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const ms = Date.parse(text);
  if (Number.isNaN(ms)) {
    throw invalidArgument('x-amz-if-match-last-modified-time', text, 'The time must be a date.');
  }
  return ms;
}

/** Clients know the time of a version from a header, which has no fractions, or from a listing, which has. */
function seconds(ms: number): number {
  return Math.floor(ms / 1_000);
}
