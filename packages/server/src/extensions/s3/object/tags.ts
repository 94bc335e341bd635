import { S3Error } from '../errors.ts';
import { invalidArgument } from './invalid-argument.ts';

export type Tags = readonly (readonly [name: string, value: string])[];

export const MAX_OBJECT_TAGS = 10;
export const MAX_BUCKET_TAGS = 50;
const MAX_NAME_CHARACTERS = 128;
const MAX_VALUE_CHARACTERS = 256;
/** "Letters, whitespace, and numbers, plus the following special characters: + - = . _ : / @" */
const ALLOWED = /^[\p{L}\p{Z}\p{N}+\-=._:/@]*$/u;

/** `x-amz-tagging`: a URL query, whose order means nothing. Sorted by name. Throws InvalidArgument when it is none, InvalidTag for tags that cannot be. */
export function parseTaggingHeader(text: string): Tags {
  const tags: [string, string][] = [];
  for (const pair of text.split('&')) {
    if (pair === '') continue;
    const equals = pair.indexOf('=');
    const name = decode(equals < 0 ? pair : pair.slice(0, equals), text);
    const value = equals < 0 ? '' : decode(pair.slice(equals + 1), text);
    if (name === '' || tags.some(([other]) => other === name)) throw notAQuery(text);
    tags.push([name, value]);
  }
  assertTags(tags, MAX_OBJECT_TAGS);
  return tags.sort(([one], [other]) => (one < other ? -1 : 1));
}

/** Throws InvalidTag. */
export function assertTags(tags: Tags, maxTags: number): void {
  if (tags.length > maxTags) throw invalidTag(`There can be at most ${maxTags} tags.`);
  const names = new Set<string>();
  for (const [name, value] of tags) {
    if (names.has(name)) throw invalidTag('Cannot provide multiple Tags with the same key', name);
    names.add(name);
    const isSystem = name.toLowerCase().startsWith('aws:');
    if (name === '' || isSystem || !ALLOWED.test(name) || charactersIn(name) > MAX_NAME_CHARACTERS) {
      throw invalidTag('The TagKey you have provided is invalid', name);
    }
    if (!ALLOWED.test(value) || charactersIn(value) > MAX_VALUE_CHARACTERS) {
      throw invalidTag('The TagValue you have provided is invalid', name, value);
    }
  }
}

function charactersIn(text: string): number {
  let count = 0;
  for (const _ of text) count += 1;
  return count;
}

function decode(text: string, whole: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    throw notAQuery(whole);
  }
}

function notAQuery(text: string): S3Error {
  return invalidArgument(
    'x-amz-tagging',
    text,
    "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query parameters without tag name duplicates.",
  );
}

function invalidTag(message: string, name?: string, value?: string): S3Error {
  const fields = {
    ...(name !== undefined && { TagKey: name.slice(0, 256) }),
    ...(value !== undefined && { TagValue: value.slice(0, 512) }),
  };
  return new S3Error('InvalidTag', message, { fields });
}
