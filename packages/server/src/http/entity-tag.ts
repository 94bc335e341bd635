import { StoreError } from '@zot-artifact-store/spec';

export interface EntityTag {
  /** Without quotes. */
  readonly value: string;
  readonly isWeak: boolean;
}

/** A conditional header's list; 'any' for `*`. */
export type EntityTagList = 'any' | readonly EntityTag[];

/**
 * Reads an `If-Match` or `If-None-Match` value (RFC 9110 8.8.3 and 13.1), in time linear in its length. A bare token
 * counts as a tag, because widely used clients forget the quotes and a condition must not be dropped for that.
 * Throws `argument-invalid` for what is neither: ignoring it could overwrite what the client meant to protect.
 */
export function parseEntityTagList(header: string, headerName: string): EntityTagList {
  if (header.trim() === '*') return 'any';
  const tags: EntityTag[] = [];
  let at = 0;
  while (at < header.length) {
    const code = header.charCodeAt(at);
    if (code === COMMA || code === SPACE || code === TAB) {
      at++;
      continue;
    }
    const isWeak = header.startsWith('W/"', at);
    const open = isWeak ? at + 2 : at;
    const isQuoted = header.charCodeAt(open) === QUOTE;
    const from = isQuoted ? open + 1 : open;
    const to = endOfTag(header, from, isQuoted);
    if (to < 0) throw malformed(headerName);
    tags.push({ value: header.slice(from, to), isWeak });
    at = isQuoted ? to + 1 : to;
    at = expectSeparator(header, at, headerName);
  }
  if (tags.length === 0) throw malformed(headerName);
  return tags;
}

/** A single tag, as in `ETag` and `If-Range`; undefined when the text is not a quoted tag. */
export function parseEntityTag(text: string): EntityTag | undefined {
  const isWeak = text.startsWith('W/');
  const from = isWeak ? 3 : 1;
  if (text.charCodeAt(from - 1) !== QUOTE) return undefined;
  const to = endOfTag(text, from, true);
  return to === text.length - 1 ? { value: text.slice(from, to), isWeak } : undefined;
}

const QUOTE = 34;
const COMMA = 44;
const SPACE = 32;
const TAB = 9;

/** Index of the closing quote, or of the end of a bare token; -1 when the tag is malformed. */
function endOfTag(text: string, from: number, isQuoted: boolean): number {
  for (let i = from; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (isQuoted) {
      if (code === QUOTE) return i;
      if (code <= SPACE || code === 127) return -1;
    } else {
      if (code === COMMA || code === SPACE || code === TAB) return i;
      if (code < SPACE || code === QUOTE || code === 127) return -1;
    }
  }
  return isQuoted ? -1 : text.length;
}

function expectSeparator(header: string, from: number, headerName: string): number {
  let at = from;
  while (at < header.length && (header.charCodeAt(at) === SPACE || header.charCodeAt(at) === TAB)) at++;
  if (at < header.length && header.charCodeAt(at) !== COMMA) throw malformed(headerName);
  return at;
}

function malformed(headerName: string): StoreError {
  return new StoreError(
    'argument-invalid',
    `${headerName} must be * or a comma-separated list of entity tags`,
    {
      resource: headerName,
    },
  );
}
