import { S3Error } from '../errors.ts';
import type { StoredHeaders } from '../store/records.ts';
import type { Fields } from './fields.ts';

const KEPT = ['content-type', 'cache-control', 'content-disposition', 'content-language', 'expires'] as const;
export const REDIRECT = 'x-amz-website-redirect-location';
export const DEFAULT_CONTENT_TYPE = 'binary/octet-stream';

/** The headers of a PUT that its GETs answer with. Throws InvalidRedirectLocation. */
export function parseStoredHeaders(fields: Fields): StoredHeaders {
  const headers: Record<string, string> = {};
  for (const name of KEPT) {
    const value = fields.get(name);
    if (value !== undefined && value !== '') headers[name] = value;
  }
  const encoding = withoutAwsChunked(fields.get('content-encoding'));
  if (encoding !== undefined) headers['content-encoding'] = encoding;
  const redirect = fields.get(REDIRECT);
  if (redirect !== undefined) headers[REDIRECT] = checkedRedirect(redirect);
  return headers;
}

/** `aws-chunked` is how the request was sent, not what the object is. */
function withoutAwsChunked(value: string | undefined): string | undefined {
  if (value === undefined || !value.toLowerCase().includes('aws-chunked')) return value || undefined;
  const codings = value
    .split(',')
    .map((coding) => coding.trim())
    .filter((coding) => coding !== '' && coding.toLowerCase() !== 'aws-chunked');
  return codings.length === 0 ? undefined : codings.join(', ');
}

function checkedRedirect(location: string): string {
  if (/^(https?:\/\/|\/)/.test(location) && location.length <= 2_048) return location;
  throw new S3Error(
    'InvalidRedirectLocation',
    "The website redirect location must have a prefix of 'http://' or 'https://' or '/', and at most 2048 characters.",
    { fields: { ArgumentName: REDIRECT, ArgumentValue: location.slice(0, 1_024) } },
  );
}
