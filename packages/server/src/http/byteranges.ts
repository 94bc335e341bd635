import { randomBytes } from 'node:crypto';
import { type ByteRange, contentRange, rangeLength } from './range.ts';

export interface ByterangesOptions {
  /** As from `parseRange`: inside the representation, not overlapping. */
  readonly ranges: readonly ByteRange[];
  /** Of the whole representation. */
  readonly sizeBytes: number;
  /** Of the representation; repeated in every part. */
  readonly contentType: string;
  /** Opens one range; called when its part is reached, one at a time. */
  read(range: ByteRange): Promise<AsyncIterable<Uint8Array>>;
}

/** A `multipart/byteranges` body (RFC 9110 14.6) with its exact length known beforehand. */
export interface Byteranges {
  readonly contentType: string;
  readonly sizeBytes: number;
  readonly stream: AsyncIterable<Uint8Array>;
}

export function multipartByteranges(options: ByterangesOptions): Byteranges {
  // Random, so that no stored content can hold it on purpose.
  const boundary = randomBytes(18).toString('base64url');
  const heads = options.ranges.map((range) => partHead(boundary, range, options));
  const tail = Buffer.from(`\r\n--${boundary}--\r\n`, 'latin1');
  let sizeBytes = tail.length;
  for (const head of heads) sizeBytes += head.length;
  for (const range of options.ranges) sizeBytes += rangeLength(range);
  return {
    contentType: `multipart/byteranges; boundary=${boundary}`,
    sizeBytes,
    stream: streamParts(options, heads, tail),
  };
}

function partHead(boundary: string, range: ByteRange, options: ByterangesOptions): Buffer {
  return Buffer.from(
    `\r\n--${boundary}\r\nContent-Type: ${options.contentType}\r\nContent-Range: ${contentRange(range, options.sizeBytes)}\r\n\r\n`,
    'latin1',
  );
}

async function* streamParts(
  options: ByterangesOptions,
  heads: readonly Buffer[],
  tail: Buffer,
): AsyncGenerator<Uint8Array> {
  for (const [index, range] of options.ranges.entries()) {
    const head = heads[index];
    if (head !== undefined) yield head;
    yield* await options.read(range);
  }
  yield tail;
}
