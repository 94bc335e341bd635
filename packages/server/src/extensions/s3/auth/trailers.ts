import { hash } from 'node:crypto';
import { S3Error } from '../errors.ts';

/** Trailing headers by lower-case name, in the order they came. */
export type Trailers = ReadonlyMap<string, string>;

const SIGNATURE = 'x-amz-trailer-signature';
/** What is not part of a value. */
const LEADING_SPACES = /^[ \t]+/;
const LINE_END = /\r$/;
const NAME = /^[a-z0-9-]{1,128}$/;

/**
 * Reads what comes after the last chunk of an aws-chunked body. Lines end with LF or CRLF, and empty ones between them
 * are passed over, as clients have it both ways. Throws MalformedTrailerError for what is no header, and unless exactly
 * the announced ones have come.
 */
export function parseTrailers(
  text: string,
  announced: readonly string[],
): { readonly trailers: Trailers; readonly signature: string | undefined } {
  const trailers = new Map<string, string>();
  for (const line of text.split('\n')) {
    if (line === '' || line === '\r') continue;
    const colon = line.indexOf(':');
    const name = line.slice(0, Math.max(colon, 0)).toLowerCase();
    if (!NAME.test(name)) throw malformed('a line of it is no header');
    if (trailers.has(name)) throw malformed(`${name} comes twice`);
    trailers.set(
      name,
      line
        .slice(colon + 1)
        .replace(LINE_END, '')
        .replace(LEADING_SPACES, ''),
    );
  }
  const signature = trailers.get(SIGNATURE);
  trailers.delete(SIGNATURE);
  for (const name of trailers.keys()) {
    if (!announced.includes(name)) throw malformed(`${name} was not announced in x-amz-trailer`);
  }
  for (const name of announced) {
    if (!trailers.has(name)) throw malformed(`${name} was announced in x-amz-trailer and did not come`);
  }
  return { trailers, signature };
}

/** What the signature of the trailing headers covers. */
export function trailerHash(trailers: Trailers): string {
  let lines = '';
  for (const [name, value] of trailers) lines += `${name}:${value}\n`;
  return hash('sha256', Buffer.from(lines, 'latin1'), 'hex');
}

function malformed(why: string): S3Error {
  return new S3Error(
    'MalformedTrailerError',
    `The request contained trailing data that was not well-formed or did not conform to our published schema: ${why}.`,
  );
}
