import { createHash, createHmac } from 'node:crypto';

export interface ChunkSigner {
  /** The derived key, not the secret. */
  readonly signingKey: Uint8Array;
  /** `20130524T000000Z` */
  readonly date: string;
  /** `20130524/us-east-1/s3/aws4_request` */
  readonly scope: string;
  readonly seed: string;
}

export interface ChunkedBodyOptions {
  readonly signer?: ChunkSigner;
  readonly trailers?: Readonly<Record<string, string>>;
  /** How the trailing headers are written: with CRLF, or with the LF and CRLF of the Go client of MinIO. */
  readonly style?: 'crlf' | 'minio-go';
}

/** The body that a client sends for `chunks`, aws-chunked ("Signature calculations ... multiple chunks"). */
export function awsChunkedBody(chunks: readonly Uint8Array[], options: ChunkedBodyOptions = {}): Buffer {
  const { signer, trailers, style = 'crlf' } = options;
  const pieces: (string | Uint8Array)[] = [];
  let previous = signer?.seed ?? '';
  const line = (chunk: Uint8Array): string => {
    const size = chunk.length.toString(16);
    if (signer === undefined) return `${size}\r\n`;
    previous = sign(signer, 'AWS4-HMAC-SHA256-PAYLOAD', [previous, sha256(''), sha256(chunk)]);
    return `${size};chunk-signature=${previous}\r\n`;
  };
  for (const chunk of chunks) pieces.push(line(chunk), chunk, '\r\n');
  pieces.push(line(new Uint8Array()));
  if (trailers === undefined) return join([...pieces, '\r\n']);

  const lines = Object.entries(trailers).map(([name, value]) => `${name}:${value}`);
  const signed = lines.map((each) => `${each}\n`).join('');
  const signature = signer && sign(signer, 'AWS4-HMAC-SHA256-TRAILER', [previous, sha256(signed)]);
  if (style === 'minio-go') {
    pieces.push(signed, '\r\n');
    if (signature !== undefined) pieces.push(`x-amz-trailer-signature:${signature}\r\n`);
  } else {
    pieces.push(...lines.map((each) => `${each}\r\n`));
    if (signature !== undefined) pieces.push(`x-amz-trailer-signature:${signature}\r\n`);
  }
  return join([...pieces, '\r\n']);
}

function sign({ signingKey, date, scope }: ChunkSigner, algorithm: string, parts: readonly string[]): string {
  return createHmac('sha256', signingKey)
    .update([algorithm, date, scope, ...parts].join('\n'))
    .digest('hex');
}

function sha256(data: string | Uint8Array): string {
  return createHash('sha256').update(data).digest('hex');
}

function join(pieces: readonly (string | Uint8Array)[]): Buffer {
  return Buffer.concat(pieces.map((piece) => Buffer.from(piece)));
}
