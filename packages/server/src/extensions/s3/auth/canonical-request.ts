import { hash } from 'node:crypto';
import type { RequestHead } from '../../../http/protocol.ts';

/** The six lines a client signed ("Create a canonical request" in the signature version 4 reference). */
export interface CanonicalRequest {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  /** One line for each signed header, each with its line break. */
  readonly headers: string;
  /** `host;x-amz-date` */
  readonly signedHeaders: string;
  readonly payloadHash: string;
  /**
   * How the header values became bytes. They arrive as latin1, byte for byte; a client whose HTTP library sent latin1
   * may have signed the same text in UTF-8.
   */
  readonly encoding: 'latin1' | 'utf8';
}

export function canonicalText(request: CanonicalRequest): string {
  const { method, path, query, headers, signedHeaders, payloadHash } = request;
  return `${method}\n${path}\n${query}\n${headers}\n${signedHeaders}\n${payloadHash}`;
}

/** Lower-case hex of the SHA-256 of the canonical request. */
export function canonicalHash(request: CanonicalRequest): string {
  return hash('sha256', Buffer.from(canonicalText(request), request.encoding), 'hex');
}

const PLAIN_PATH = /^[A-Za-z0-9\-._~/]*$/;
const PATH_UNITS = /%([0-9A-Fa-f]{2})|[^A-Za-z0-9\-._~/]/g;
const QUERY_UNITS = /%([0-9A-Fa-f]{2})|[^A-Za-z0-9\-._~]/g;
const UNRESERVED = /^[A-Za-z0-9\-._~]$/;

/**
 * The raw path, with what is not percent-encoded and has to be encoded once. Nothing is normalised: `..`, `//` and
 * `%2e` stay what they are.
 */
export function canonicalPath(rawPath: string): string {
  if (PLAIN_PATH.test(rawPath)) return rawPath;
  return rawPath.replace(PATH_UNITS, (unit, hex: string | undefined) =>
    hex === undefined ? percentEncode(unit) : unit,
  );
}

/** The same with every escape written anew, as a server does that decodes a path and encodes it again. */
export function recodedPath(rawPath: string): string {
  return rawPath.replace(PATH_UNITS, reencode);
}

export interface QueryOptions {
  /** A parameter that is not signed: the signature itself. */
  readonly omit?: string | undefined;
  /** What a bare `+` stands for: a space, as in forms and most clients, or itself. */
  readonly plus?: 'space' | 'plus';
}

/** Sorted by encoded name, then value; `name` becomes `name=`. */
export function canonicalQuery(rawQuery: string, { omit, plus = 'space' }: QueryOptions = {}): string {
  if (rawQuery === '') return '';
  const reencodeQuery = (text: string): string =>
    text.replace(QUERY_UNITS, (unit, hex: string | undefined) =>
      unit === '+' && plus === 'space' ? '%20' : reencode(unit, hex),
    );
  const pairs: (readonly [name: string, value: string])[] = [];
  for (const part of rawQuery.split('&')) {
    if (part === '') continue;
    const equals = part.indexOf('=');
    const name = reencodeQuery(equals < 0 ? part : part.slice(0, equals));
    if (name === omit) continue;
    pairs.push([name, equals < 0 ? '' : reencodeQuery(part.slice(equals + 1))]);
  }
  pairs.sort(byNameThenValue);
  return pairs.map(([name, value]) => `${name}=${value}`).join('&');
}

/**
 * A line for each of `names`, from the headers exactly as they were received: values trimmed, runs of spaces made one,
 * repeated headers joined by a comma. A header that did not arrive counts as empty. `instead` overrides values.
 */
export function canonicalHeaders(
  head: RequestHead,
  names: readonly string[],
  instead?: ReadonlyMap<string, string>,
): string {
  const values = new Map<string, string>();
  const { rawHeaders } = head;
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = (rawHeaders[index] ?? '').toLowerCase();
    const value = foldSpaces(rawHeaders[index + 1] ?? '');
    const before = values.get(name);
    values.set(name, before === undefined ? value : `${before},${value}`);
  }
  let lines = '';
  for (const name of names) lines += `${name}:${instead?.get(name) ?? values.get(name) ?? ''}\n`;
  return lines;
}

/** Without spaces around it, and with one space where there were several. Linear, whatever it is given. */
function foldSpaces(value: string): string {
  let start = 0;
  let end = value.length;
  while (start < end && isSpace(value.charCodeAt(start))) start++;
  while (end > start && isSpace(value.charCodeAt(end - 1))) end--;
  const trimmed = start === 0 && end === value.length ? value : value.slice(start, end);
  return trimmed.includes('  ') ? trimmed.replace(/ {2,}/g, ' ') : trimmed;
}

function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x09;
}

/** One character, or one escape, as the reference has it: unreserved characters bare, all else in upper-case hex. */
function reencode(unit: string, hex: string | undefined): string {
  if (hex === undefined) return percentEncode(unit);
  const char = String.fromCharCode(Number.parseInt(hex, 16));
  return UNRESERVED.test(char) ? char : `%${hex.toUpperCase()}`;
}

/** node:http gives the bytes of a request target as latin1. */
function percentEncode(char: string): string {
  return `%${char.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`;
}

function byNameThenValue(left: readonly [string, string], right: readonly [string, string]): number {
  const [leftName, leftValue] = left;
  const [rightName, rightValue] = right;
  if (leftName !== rightName) return leftName < rightName ? -1 : 1;
  if (leftValue === rightValue) return 0;
  return leftValue < rightValue ? -1 : 1;
}
