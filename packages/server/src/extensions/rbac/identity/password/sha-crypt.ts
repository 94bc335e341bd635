import { createHash, timingSafeEqual } from 'node:crypto';

/**
 * SHA-256 and SHA-512 crypt, as glibc, `openssl passwd -5|-6` and zot have them. The text of the specification:
 * https://www.akkadia.org/drepper/SHA-crypt.txt
 */
interface Setting {
  readonly algorithm: 'sha256' | 'sha512';
  /** `$5$rounds=10000$salt`: what comes before the checksum. */
  readonly text: string;
  readonly salt: Buffer;
  readonly rounds: number;
}

const DEFAULT_ROUNDS = 5_000;
const HASH = /^\$(5|6)\$(?:rounds=([1-9][0-9]{3,8})\$)?([^$:]{0,16})\$([./0-9A-Za-z]{43}|[./0-9A-Za-z]{86})$/;
const DIGITS = './0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

/** How many rounds a check of this hash takes; undefined when it is no such hash. */
export function shaCryptRounds(hash: string): number | undefined {
  return parse(hash)?.rounds;
}

/** Whether the password is the one of the hash; false for what is no such hash. Takes milliseconds of the thread. */
export function verifyShaCrypt(password: string, hash: string): boolean {
  const setting = parse(hash);
  if (setting === undefined) return false;
  const actual = Buffer.from(`${setting.text}$${encode(checksum(Buffer.from(password), setting))}`);
  const expected = Buffer.from(hash);
  return actual.length === expected.length && timingSafeEqual(actual, expected);
}

function parse(hash: string): Setting | undefined {
  const [, kind, rounds, salt, encoded] = HASH.exec(hash) ?? [];
  if (kind === undefined || salt === undefined || encoded === undefined) return undefined;
  const algorithm = kind === '5' ? 'sha256' : 'sha512';
  if ((encoded.length === 43) !== (algorithm === 'sha256')) return undefined;
  return {
    algorithm,
    text: hash.slice(0, -encoded.length - 1),
    salt: Buffer.from(salt),
    rounds: rounds === undefined ? DEFAULT_ROUNDS : Number(rounds),
  };
}

/** The names are those of the specification's steps. */
function checksum(key: Buffer, { algorithm, salt, rounds }: Setting): Buffer {
  const hash = (...parts: readonly Buffer[]): Buffer => {
    const state = createHash(algorithm);
    for (const part of parts) state.update(part);
    return state.digest();
  };
  const b = hash(key, salt, key);
  const bits: Buffer[] = [];
  for (let bit = key.length; bit > 0; bit >>= 1) bits.push((bit & 1) === 1 ? b : key);
  const a = hash(key, salt, stretch(b, key.length), ...bits);
  const p = stretch(hash(stretch(key, key.length ** 2)), key.length);
  const s = stretch(hash(stretch(salt, salt.length * (16 + (a[0] ?? 0)))), salt.length);
  let c = a;
  for (let round = 0; round < rounds; round++) {
    const parts = [round % 2 === 1 ? p : c];
    if (round % 3 !== 0) parts.push(s);
    if (round % 7 !== 0) parts.push(p);
    parts.push(round % 2 === 1 ? c : p);
    c = hash(...parts);
  }
  return c;
}

/** The bytes again and again, `length` of them in all. */
function stretch(bytes: Buffer, length: number): Buffer {
  return Buffer.alloc(length, bytes);
}

/** Three bytes a third of the checksum apart become four digits; the last one or two bytes stand alone. */
function encode(bytes: Buffer): string {
  const third = Math.floor(bytes.length / 3);
  const isLong = bytes.length === 64;
  let [x, y, z] = [0, third, 2 * third];
  let text = '';
  for (let group = 0; group < third; group++) {
    text += digits((at(bytes, x) << 16) | (at(bytes, y) << 8) | at(bytes, z), 4);
    [x, y, z] = isLong ? [y + 1, z + 1, x + 1] : [z + 1, x + 1, y + 1];
  }
  return text + (isLong ? digits(at(bytes, 63), 2) : digits((at(bytes, 31) << 8) | at(bytes, 30), 3));
}

function digits(value: number, count: number): string {
  let text = '';
  for (let shift = 0; shift < 6 * count; shift += 6) text += DIGITS[(value >> shift) & 63];
  return text;
}

function at(bytes: Buffer, index: number): number {
  return bytes[index] ?? 0;
}
