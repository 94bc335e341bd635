import { createHash, type Hash } from 'node:crypto';
import { S3Error } from '../errors.ts';
import { isSameSignature } from './signature-compare.ts';
import { signatureMismatch } from './signature-v4.ts';
import type { ChunkSigning } from './signed-request.ts';
import { parseTrailers, type Trailers, trailerHash } from './trailers.ts';

export interface AwsChunkedOptions {
  /** `x-amz-decoded-content-length`: exactly so many bytes come out. */
  readonly decodedBytes: number;
  /** Present when every chunk, and the trailer, is signed. */
  readonly signing?: ChunkSigning | undefined;
  /** Names of the trailing headers that were announced; no others may come, and all of them must. */
  readonly announced: readonly string[];
  /** Told of the trailing headers once everything was found right, before the stream ends. */
  onTrailers(trailers: Trailers): void;
}

const LF = 0x0a;
const CR = 0x0d;
const MAX_LINE_BYTES = 1_024;
const MAX_TRAILER_BYTES = 8_192;
const CHUNK_LINE = /^([0-9a-f]{1,16})(?:;chunk-signature=([0-9a-f]{64}))?\r$/i;
const EMPTY_SHA256 = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';

/**
 * What an aws-chunked body holds. Bytes are passed on as they come, so that nothing is kept but one line; a chunk whose
 * signature turns out wrong makes the stream fail before it ends, and whoever stores it must not keep what fails.
 * Throws IncompleteBody for broken framing or another length than announced, MalformedTrailerError,
 * SignatureDoesNotMatch.
 */
export async function* decodeAwsChunked(
  source: AsyncIterable<Uint8Array>,
  options: AwsChunkedOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  const decoder = new Decoder(options);
  for await (const bytes of source) yield* decoder.decode(bytes);
  decoder.end();
}

class Decoder {
  readonly #options: AwsChunkedOptions;
  readonly #signatures: ChunkSignatures | undefined;
  #state: 'line' | 'data' | 'data-end' | 'trailer' = 'line';
  /** What has come of a line, or of the trailer. */
  #pending: Buffer = Buffer.alloc(0);
  /** Bytes the chunk still has; in `data-end`, of its line break. */
  #leftBytes = 0;
  #decodedBytes = 0;

  constructor(options: AwsChunkedOptions) {
    this.#options = options;
    this.#signatures = options.signing && new ChunkSignatures(options.signing);
  }

  *decode(bytes: Uint8Array): Generator<Uint8Array, void, undefined> {
    let at = 0;
    while (at < bytes.length) {
      switch (this.#state) {
        case 'line':
          at = this.#readLine(bytes, at);
          break;
        case 'data': {
          const data = bytes.subarray(at, at + this.#leftBytes);
          at += data.length;
          this.#leftBytes -= data.length;
          this.#signatures?.update(data);
          if (this.#leftBytes === 0) this.#endData();
          yield data;
          break;
        }
        case 'data-end':
          if (bytes[at] !== (this.#leftBytes === 2 ? CR : LF))
            throw incomplete('a chunk is longer than it says');
          at += 1;
          this.#leftBytes -= 1;
          if (this.#leftBytes === 0) this.#state = 'line';
          break;
        case 'trailer':
          this.#keep(bytes.subarray(at), MAX_TRAILER_BYTES);
          at = bytes.length;
          break;
      }
    }
  }

  /** The source has ended. */
  end(): void {
    const { announced, decodedBytes, onTrailers } = this.#options;
    if (this.#state !== 'trailer') throw incomplete('it ended before its last chunk');
    if (this.#decodedBytes !== decodedBytes) {
      throw incomplete(`${decodedBytes} bytes were announced and ${this.#decodedBytes} arrived`);
    }
    const text = this.#pending.toString('latin1');
    if (!text.endsWith('\r\n') || (text !== '\r\n' && !text.endsWith('\n\r\n'))) {
      throw incomplete('it ended within its trailer');
    }
    const { trailers, signature } = parseTrailers(text, announced);
    this.#signatures?.assertTrailer(trailers, signature);
    onTrailers(trailers);
  }

  #readLine(bytes: Uint8Array, at: number): number {
    const end = bytes.indexOf(LF, at);
    if (end < 0) {
      this.#keep(bytes.subarray(at), MAX_LINE_BYTES);
      return bytes.length;
    }
    this.#keep(bytes.subarray(at, end), MAX_LINE_BYTES);
    const line = this.#pending.toString('latin1');
    this.#pending = Buffer.alloc(0);
    this.#startChunk(line);
    return end + 1;
  }

  #startChunk(line: string): void {
    const [, digits, signature] = CHUNK_LINE.exec(line) ?? [];
    if (digits === undefined) throw incomplete('the line before a chunk cannot be read');
    if (this.#signatures !== undefined && signature === undefined) {
      throw incomplete('a chunk has no chunk-signature');
    }
    const sizeBytes = Number.parseInt(digits, 16);
    this.#decodedBytes += sizeBytes;
    if (this.#decodedBytes > this.#options.decodedBytes) {
      throw incomplete(`more than the announced ${this.#options.decodedBytes} bytes arrived`);
    }
    this.#signatures?.begin(signature ?? '');
    this.#leftBytes = sizeBytes;
    this.#state = 'data';
    if (sizeBytes === 0) {
      this.#signatures?.assertChunk();
      this.#state = 'trailer';
    }
  }

  #endData(): void {
    this.#signatures?.assertChunk();
    this.#state = 'data-end';
    this.#leftBytes = 2;
  }

  #keep(bytes: Uint8Array, limitBytes: number): void {
    if (this.#pending.length + bytes.length > limitBytes) {
      throw incomplete(`a line of it, or its trailer, is longer than ${limitBytes} bytes`);
    }
    this.#pending = Buffer.concat([this.#pending, bytes]);
  }
}

/**
 * The chain of signatures: each covers its chunk and the signature before it ("Signature calculations for the
 * Authorization header: transferring a payload in multiple chunks").
 */
class ChunkSignatures {
  readonly #signing: ChunkSigning;
  #previous: string;
  #given = '';
  #hash: Hash = createHash('sha256');

  constructor(signing: ChunkSigning) {
    this.#signing = signing;
    this.#previous = signing.seed;
  }

  begin(signature: string): void {
    this.#given = signature.toLowerCase();
    this.#hash = createHash('sha256');
  }

  update(data: Uint8Array): void {
    this.#hash.update(data);
  }

  assertChunk(): void {
    this.#assert(
      this.#given,
      this.#stringToSign('AWS4-HMAC-SHA256-PAYLOAD', [EMPTY_SHA256, this.#hash.digest('hex')]),
      'It is the signature of a chunk of the body.',
    );
  }

  /** A body without trailing headers has none to sign. */
  assertTrailer(trailers: Trailers, signature: string | undefined): void {
    if (trailers.size === 0 && signature === undefined) return;
    this.#assert(
      signature ?? '',
      this.#stringToSign('AWS4-HMAC-SHA256-TRAILER', [trailerHash(trailers)]),
      'It is the signature of the trailing headers of the body (x-amz-trailer-signature).',
    );
  }

  #assert(given: string, stringToSign: string, why: string): void {
    const { accessKeyId, key } = this.#signing;
    const computed = key.sign(stringToSign);
    if (!isSameSignature(given, computed)) {
      throw signatureMismatch({ accessKeyId, stringToSign, signature: given, why });
    }
    this.#previous = computed;
  }

  #stringToSign(algorithm: string, hashes: readonly string[]): string {
    const { date, scope } = this.#signing;
    return [algorithm, date, scope, this.#previous, ...hashes].join('\n');
  }
}

function incomplete(why: string): S3Error {
  return new S3Error('IncompleteBody', `The request body terminated unexpectedly: ${why}.`);
}
