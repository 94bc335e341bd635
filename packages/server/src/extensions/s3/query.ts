import { S3Error } from './errors.ts';

/** Decoded query parameters; the first of several of one name counts. `?uploads` and `?uploads=` are the same. */
export type S3Query = ReadonlyMap<string, string>;

/** `+` is a space here, as forms and every SDK's decoder have it. Throws InvalidURI for broken percent-encoding. */
export function parseQuery(raw: string): S3Query {
  const query = new Map<string, string>();
  if (raw === '') return query;
  for (const pair of raw.split('&')) {
    if (pair === '') continue;
    const equals = pair.indexOf('=');
    const name = decode(equals < 0 ? pair : pair.slice(0, equals));
    if (!query.has(name)) query.set(name, equals < 0 ? '' : decode(pair.slice(equals + 1)));
  }
  return query;
}

const ENCODED = /[%+]/;

function decode(text: string): string {
  if (!ENCODED.test(text)) return text;
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch (cause) {
    throw new S3Error('InvalidURI', 'The query string is not percent-encoded UTF-8.', { cause });
  }
}
