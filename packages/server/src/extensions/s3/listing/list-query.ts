import { S3Error } from '../errors.ts';
import { assertKeyText } from '../object-key.ts';
import type { S3Query } from '../query.ts';

export const MAX_LIST_KEYS = 1000;

/** `max-keys` and its kin: absent or empty means the most; more is cut to it. Throws InvalidArgument. */
export function parseMax(query: S3Query, name: string, most = MAX_LIST_KEYS): number {
  const text = query.get(name);
  if (text === undefined || text === '') return most;
  if (!/^\d{1,10}$/.test(text) || Number(text) > 2_147_483_647) {
    throw invalidArgument(name, text, `Argument ${name} must be an integer between 0 and 2147483647`);
  }
  return Math.min(Number(text), most);
}

/**
 * A prefix or a marker: '' when absent. Throws KeyTooLongError and InvalidURI for what no key begins with or stands
 * beside.
 */
export function parseKeyText(query: S3Query, name: string): string {
  const text = query.get(name) ?? '';
  assertKeyText(text);
  return text;
}

/** Encodes names as the client asked: URL-encoded with `/` as it is, or as they are. Throws InvalidArgument. */
export function parseEncoding(query: S3Query): (name: string) => string {
  const type = query.get('encoding-type');
  if (type === undefined || type === '') return (name) => name;
  if (type !== 'url')
    throw invalidArgument('encoding-type', type, 'Invalid Encoding Method specified in Request');
  return urlEncode;
}

/** RFC 3986 with `/` kept; a space is `%20`, a plus `%2B`. */
export function urlEncode(name: string): string {
  return encodeURIComponent(name)
    .replaceAll('%2F', '/')
    .replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);
}

export function invalidArgument(name: string, value: string, message: string): S3Error {
  return new S3Error('InvalidArgument', message, {
    fields: { ArgumentName: name, ArgumentValue: value.slice(0, 1024) },
  });
}
