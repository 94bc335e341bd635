import { hash } from 'node:crypto';
import { checksumOf } from '../../../content/hashing/checksum-of.ts';
import type { RequestContext, RequestHead } from '../../../http/protocol.ts';
import { ByteBudget } from '../../../work/byte-budget.ts';
import { S3Error } from '../errors.ts';
import {
  assertChecksumValue,
  badChecksum,
  base64OfHex,
  CHECKSUMS,
  checksumSent,
} from '../object/checksum.ts';
import { assertMd5, contentMd5 } from '../object/content-md5.ts';
import { openPayload, payloadFormOf, sha256Mismatch } from './payload.ts';
import type { Trailers } from './trailers.ts';

const NO_TRAILERS: Trailers = new Map();
/** Taken without asking; nearly all documents are smaller. */
const FREE_BYTES = 64 * 1024;
/** What all larger ones together may hold in this process, so that many slow clients do not take its memory. */
const largeDocuments = new ByteBudget(64 * 1024 * 1024);

/**
 * The whole of a small body, a document, checked against everything its client said of it: the signed hash,
 * Content-MD5 and checksums. Throws MaxMessageLengthExceeded above the limit, XAmzContentSHA256Mismatch, InvalidDigest,
 * BadDigest, InvalidRequest, and what `openPayload` throws.
 */
export async function collectPayload(
  context: Pick<RequestContext, 'head' | 'body'>,
  limitBytes: number,
): Promise<Buffer> {
  const { head } = context;
  const md5 = contentMd5(head);
  const checksum = checksumSent(head);
  const { bytes, trailers } = await collect(context, limitBytes);
  if (md5 !== undefined) assertMd5(md5, checksumOf('md5', bytes));
  if (checksum === undefined) return bytes;
  const { algorithm } = checksum;
  const expected = checksum.value ?? trailers.get(CHECKSUMS[algorithm].header);
  if (expected === undefined) {
    throw new S3Error('InvalidRequest', 'x-amz-trailer announces a checksum, and the body has no trailer.');
  }
  assertChecksumValue(algorithm, expected);
  if (base64OfHex(checksumOf(CHECKSUMS[algorithm].hash, bytes)) !== expected) throw badChecksum(algorithm);
  return bytes;
}

/** Throws InvalidRequest for a body that its client sent no checksum of, where one is required. */
export function assertIntegrityStated(head: RequestHead): void {
  if (contentMd5(head) !== undefined || checksumSent(head) !== undefined) return;
  throw new S3Error(
    'InvalidRequest',
    'Missing required header for this request: Content-MD5 OR x-amz-checksum-*',
  );
}

async function collect(
  context: Pick<RequestContext, 'head' | 'body'>,
  limitBytes: number,
): Promise<{ readonly bytes: Buffer; readonly trailers: Trailers }> {
  const form = payloadFormOf(context.head);
  if (form.kind === 'chunked') {
    const payload = openPayload(context);
    const bytes = await gather(payload.source, { sizeBytes: payload.sizeBytes, limitBytes });
    return { bytes, trailers: payload.trailers() };
  }
  // A document may be left out, so that no length is required.
  const { body } = context;
  const bytes = await gather(body, { sizeBytes: body.declaredBytes, limitBytes });
  if (form.kind === 'sha256') {
    const computed = hash('sha256', bytes, 'hex');
    if (computed !== form.hex) throw sha256Mismatch(form.hex, computed);
  }
  return { bytes, trailers: NO_TRAILERS };
}

async function gather(
  source: AsyncIterable<Uint8Array>,
  { sizeBytes, limitBytes }: { readonly sizeBytes: number | undefined; readonly limitBytes: number },
): Promise<Buffer> {
  if (sizeBytes !== undefined && sizeBytes > limitBytes) throw tooLong(limitBytes);
  const pieces: Uint8Array[] = [];
  let gathered = 0;
  let taken = 0;
  try {
    for await (const piece of source) {
      gathered += piece.length;
      if (gathered > limitBytes) throw tooLong(limitBytes);
      if (gathered > FREE_BYTES) {
        if (!largeDocuments.tryTake(piece.length)) throw tooBusy();
        taken += piece.length;
      }
      pieces.push(piece);
    }
    // Always a copy: a piece is a view of a whole socket read, which a caller that keeps it would keep too.
    return Buffer.concat(pieces, gathered);
  } finally {
    largeDocuments.give(taken);
  }
}

/** Not awaited: a client that sends nothing more would keep everybody waiting. */
function tooBusy(): S3Error {
  return new S3Error('SlowDown', 'Please reduce your request rate.', { retryAfterSeconds: 1 });
}

function tooLong(limitBytes: number): S3Error {
  return new S3Error('MaxMessageLengthExceeded', 'Your request was too big.', {
    fields: { MaxMessageLengthBytes: String(limitBytes) },
  });
}
