import type { RequestHead } from '../../../http/protocol.ts';
import { headerOf } from '../auth/header-of.ts';
import { httpTime } from '../reply.ts';
import type { ObjectVersion } from '../store/records.ts';
import { versionIdOf } from '../store/versions.ts';
import { quoted } from './entity-tag.ts';
import type { FoundObject } from './find-object.ts';
import { lockHeaders } from './lock-headers.ts';
import { METADATA_PREFIX } from './metadata.ts';
import { DEFAULT_CONTENT_TYPE } from './stored-headers.ts';

/** What identifies the state of an object: all that a 304 says of it. */
export function validatorHeaders({
  bucket,
  record,
}: Pick<FoundObject, 'bucket' | 'record'>): Record<string, string> {
  const headers: Record<string, string> = {
    'last-modified': httpTime(record.modifiedAtMs),
    etag: quoted(record.etag),
  };
  if (bucket.record.versioning !== 'unversioned') headers['x-amz-version-id'] = versionIdOf(record);
  return headers;
}

/** Everything GET and HEAD say of an object but its length and checksums. */
export function objectHeaders(found: FoundObject): Record<string, string> {
  const { record, extra } = found;
  const headers = validatorHeaders(found);
  headers['accept-ranges'] = 'bytes';
  headers['content-type'] = DEFAULT_CONTENT_TYPE;
  for (const name in extra.headers) headers[name] = extra.headers[name] ?? '';
  for (const name in extra.metadata) headers[METADATA_PREFIX + name] = extra.metadata[name] ?? '';
  if (extra.tags.length > 0) headers['x-amz-tagging-count'] = String(extra.tags.length);
  if (record.retention !== undefined || record.legalHold !== undefined) {
    Object.assign(headers, lockHeaders(record));
  }
  Object.assign(headers, digestHeaders(record));
  return headers;
}

/** Ours: the digest of the whole content, in hex, that it is still being computed, or that it is not kept. */
export function digestHeaders({
  sha256,
  encryption,
}: Pick<ObjectVersion, 'sha256' | 'encryption'>): Record<string, string> {
  if (sha256 === undefined) {
    return { 'x-zas-sha256-state': encryption?.kind === 'customer' ? 'not-kept' : 'pending' };
  }
  return { 'x-zas-sha256': sha256.slice(sha256.indexOf(':') + 1) };
}

export function wantsChecksums(head: RequestHead): boolean {
  return headerOf(head, 'x-amz-checksum-mode')?.toUpperCase() === 'ENABLED';
}
