import { createHmac, timingSafeEqual } from 'node:crypto';

/** No token of ours is longer; clients send it in a header with each request. */
const MAX_TOKEN_CHARS = 12_000;

/**
 * Signs JSON and reads it back: a JWT (RFC 7519) in compact form, HS256, with one fixed header per kind of token. The
 * header of a token that comes in is compared and never read, so that it cannot choose an algorithm or a key.
 */
export class SealedJson<Payload extends object> {
  readonly #key: Uint8Array;
  readonly #prefix: string;

  constructor(key: Uint8Array, type: string) {
    this.#key = key;
    this.#prefix = `${encode({ alg: 'HS256', typ: type })}.`;
  }

  seal(payload: Payload): string {
    const signed = this.#prefix + encode(payload);
    return `${signed}.${this.#sign(signed).toString('base64url')}`;
  }

  /** Whether `token` claims to be of this kind. */
  isOurs(token: string): boolean {
    return token.startsWith(this.#prefix);
  }

  /** What was sealed; undefined for anything else. */
  open(token: string): Payload | undefined {
    if (token.length > MAX_TOKEN_CHARS || !this.isOurs(token)) return undefined;
    const dot = token.lastIndexOf('.');
    const signature = Buffer.from(token.slice(dot + 1), 'base64url');
    const expected = this.#sign(token.slice(0, dot));
    if (signature.length !== expected.length || !timingSafeEqual(signature, expected)) return undefined;
    // The signature vouches for its shape: only `seal` makes one.
    return JSON.parse(Buffer.from(token.slice(this.#prefix.length, dot), 'base64url').toString()) as Payload;
  }

  #sign(text: string): Buffer {
    return createHmac('sha256', this.#key).update(text).digest();
  }
}

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}
