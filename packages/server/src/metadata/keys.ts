import { type Digest, type DigestAlgorithm, makeDigest } from '@zot-artifact-store/spec';
import type { Key } from './metadata-store.ts';

/**
 * Order-preserving tuple encoding. Each element starts with a type byte so that a key can be decoded without knowing
 * its table, and ends so that no element is a prefix of another:
 * - string: 0x02, UTF-8 with 0x00 written as 0x00 0xff, then 0x00. Order is UTF-8 byte order.
 * - unsigned integer up to 2^53-1: 0x03, 8 bytes big-endian. Order is numeric.
 * - digest: 0x04 (sha256) + 32 bytes, 0x05 (sha512) + 64 bytes.
 */
export type KeyPart = string | number | { readonly digest: Digest };

const STRING = 0x02;
const INTEGER = 0x03;
const SHA256 = 0x04;
const SHA512 = 0x05;

/** Encodes `parts` after the one-byte table mark `table` (see content/keyspace and registry/keyspace). */
export function encodeKey(table: number, ...parts: readonly KeyPart[]): Key {
  let size = 1;
  for (const part of parts) size += encodedSize(part);
  const key = Buffer.allocUnsafe(size);
  key[0] = table;
  let at = 1;
  for (const part of parts) at = writePart(key, at, part);
  return key;
}

/** A prefix that matches every key whose next string element starts with `start`. */
export function encodeStringPrefix(base: Key, start: string): Key {
  const whole = Buffer.allocUnsafe(stringSize(start));
  const end = writeString(whole, 0, start);
  return Buffer.concat([base, whole.subarray(0, end - 1)]);
}

/** The smallest key greater than every key with this prefix, or undefined when the prefix is all 0xff. */
export function prefixEnd(prefix: Key): Key | undefined {
  for (let i = prefix.length - 1; i >= 0; i--) {
    const byte = prefix[i] as number;
    if (byte < 0xff) {
      const end = Buffer.from(prefix.subarray(0, i + 1));
      end[i] = byte + 1;
      return end;
    }
  }
  return undefined;
}

/** The elements after the table byte. Throws on bytes that `encodeKey` cannot have made. */
export function decodeKey(key: Key): KeyPart[] {
  const bytes = Buffer.from(key.buffer, key.byteOffset, key.length);
  const parts: KeyPart[] = [];
  let at = 1;
  while (at < bytes.length) {
    const type = bytes[at++];
    if (type === STRING) {
      const { text, next } = readString(bytes, at);
      parts.push(text);
      at = next;
    } else if (type === INTEGER) {
      parts.push(Number(bytes.readBigUInt64BE(at)));
      at += 8;
    } else if (type === SHA256 || type === SHA512) {
      const length = type === SHA256 ? 32 : 64;
      parts.push({
        digest: makeDigest(type === SHA256 ? 'sha256' : 'sha512', bytes.toString('hex', at, at + length)),
      });
      at += length;
    } else {
      throw new Error(`not a key: type byte ${type} at ${at - 1}`);
    }
  }
  return parts;
}

/** The string element whose type byte stands at `offset`: quicker than the whole key where the place is known. */
export function decodeStringAt(key: Key, offset: number): string {
  const bytes = Buffer.from(key.buffer, key.byteOffset, key.length);
  if (bytes[offset] !== STRING) throw new Error(`not a key: no string at ${offset}`);
  return readString(bytes, offset + 1).text;
}

function encodedSize(part: KeyPart): number {
  if (typeof part === 'string') return stringSize(part);
  if (typeof part === 'number') return 9;
  return part.digest.startsWith('sha512:') ? 65 : 33;
}

function writePart(key: Buffer, at: number, part: KeyPart): number {
  if (typeof part === 'string') return writeString(key, at, part);
  if (typeof part === 'number') {
    key[at] = INTEGER;
    key.writeBigUInt64BE(BigInt(part), at + 1);
    return at + 9;
  }
  const algorithm: DigestAlgorithm = part.digest.startsWith('sha512:') ? 'sha512' : 'sha256';
  key[at] = algorithm === 'sha256' ? SHA256 : SHA512;
  const written = key.write(part.digest.slice(7), at + 1, 'hex');
  return at + 1 + written;
}

function stringSize(text: string): number {
  let zeros = 0;
  for (let i = text.indexOf('\0'); i >= 0; i = text.indexOf('\0', i + 1)) zeros++;
  return Buffer.byteLength(text) + zeros + 2;
}

function writeString(key: Buffer, at: number, text: string): number {
  key[at] = STRING;
  const escaped = text.includes('\0') ? text.split('\0').map((piece) => Buffer.from(piece)) : undefined;
  let next = at + 1;
  if (escaped === undefined) next += key.write(text, next);
  else {
    escaped.forEach((piece, index) => {
      if (index > 0) {
        key[next++] = 0x00;
        key[next++] = 0xff;
      }
      next += piece.copy(key, next);
    });
  }
  key[next] = 0x00;
  return next + 1;
}

function readString(bytes: Buffer, from: number): { text: string; next: number } {
  const first = bytes.indexOf(0x00, from);
  if (first >= 0 && bytes[first + 1] !== 0xff) {
    return { text: bytes.toString('utf8', from, first), next: first + 1 };
  }
  const pieces: string[] = [];
  let start = from;
  for (;;) {
    const end = bytes.indexOf(0x00, start);
    if (end < 0) throw new Error('not a key: unterminated string');
    pieces.push(bytes.toString('utf8', start, end));
    if (bytes[end + 1] !== 0xff) return { text: pieces.join('\0'), next: end + 1 };
    start = end + 2;
  }
}
