import { type Digest, isStoreError, makeDigest } from '@zot-artifact-store/spec';
import type { RequestContext, RequestHead } from '../../../http/protocol.ts';
import { S3Error } from '../errors.ts';
import { decodeAwsChunked } from './aws-chunked.ts';
import { headerOf } from './header-of.ts';
import { type PayloadForm, parsePayloadForm } from './payload-form.ts';
import { signedRequestOf } from './signed-request.ts';
import type { Trailers } from './trailers.ts';

/** The body of a request as its client meant it. */
export interface Payload {
  /** Decoded. Fails, before it ends, when the body is not what was signed or announced. */
  readonly source: AsyncIterable<Uint8Array>;
  /** Decoded length; undefined when it is known only at the end. */
  readonly sizeBytes: number | undefined;
  /** What the content must hash to: `expected` of the ingest. */
  readonly sha256: Digest | undefined;
  /** The checksum that comes after the content, by its header name: `x-amz-checksum-crc32`. */
  readonly announcedTrailer: string | undefined;
  /** The trailing headers; empty until `source` has ended. */
  trailers(): Trailers;
}

const NO_TRAILERS: Trailers = new Map();
const CHECKSUM = /^x-amz-checksum-[a-z0-9]+$/;
/** Headers that say something about a checksum and hold none. */
const DESCRIBES_CHECKSUM: ReadonlySet<string> = new Set([
  'x-amz-checksum-algorithm',
  'x-amz-checksum-mode',
  'x-amz-checksum-type',
]);

/** What a request says its body is, in its header or its signed query. */
export function payloadFormOf(head: RequestHead): PayloadForm {
  return signedRequestOf(head)?.payload ?? parsePayloadForm(headerOf(head, 'x-amz-content-sha256'));
}

/**
 * The body of an upload. Nothing is read before `source` is. Throws MissingContentLength, InvalidRequest, and whatever
 * the headers that describe the body have wrong.
 */
export function openPayload(context: Pick<RequestContext, 'head' | 'body'>): Payload {
  const { head, body } = context;
  const form = payloadFormOf(head);
  if (form.kind === 'chunked') return openChunked(context, form);
  if (head.headers['content-length'] === undefined && head.headers['transfer-encoding'] === undefined) {
    throw new S3Error('MissingContentLength', 'You must provide the Content-Length HTTP header.');
  }
  return {
    source: body,
    sizeBytes: body.declaredBytes,
    sha256: form.kind === 'sha256' ? makeDigest('sha256', form.hex) : undefined,
    announcedTrailer: undefined,
    trailers: () => NO_TRAILERS,
  };
}

/** Says an ingest's `digest-mismatch` of the payload's own hash in S3's words; other errors are passed on. */
export function explainPayloadError(error: unknown, payload: Pick<Payload, 'sha256'>): unknown {
  if (!isStoreError(error, 'digest-mismatch') || error instanceof S3Error) return error;
  if (payload.sha256 === undefined) return error;
  const computed = computedDigest(error.detail);
  return sha256Mismatch(payload.sha256.slice(7), computed?.slice(7));
}

export function sha256Mismatch(client: string, computed: string | undefined): S3Error {
  return new S3Error(
    'XAmzContentSHA256Mismatch',
    "The provided 'x-amz-content-sha256' header does not match what was computed.",
    {
      fields: {
        ClientComputedContentSHA256: client,
        ...(computed !== undefined && { S3ComputedContentSHA256: computed }),
      },
    },
  );
}

function openChunked(
  { head, body }: Pick<RequestContext, 'head' | 'body'>,
  form: Extract<PayloadForm, { kind: 'chunked' }>,
): Payload {
  const signing = signedRequestOf(head)?.chunkSigning;
  if (form.isSigned && signing === undefined) {
    throw new S3Error(
      'InvalidRequest',
      'Only requests signed in the Authorization header can have signed chunks. Please use UNSIGNED-PAYLOAD or STREAMING-UNSIGNED-PAYLOAD-TRAILER.',
    );
  }
  const decodedBytes = decodedLength(head);
  if (body.declaredBytes !== undefined && body.declaredBytes < decodedBytes) {
    throw new S3Error(
      'IncompleteBody',
      'You did not provide the number of bytes specified by the x-amz-decoded-content-length HTTP header',
    );
  }
  const announcedTrailer = form.hasTrailer ? announcedChecksum(head) : undefined;
  let trailers = NO_TRAILERS;
  const source = decodeAwsChunked(body, {
    decodedBytes,
    signing: form.isSigned ? signing : undefined,
    announced: announcedTrailer === undefined ? [] : [announcedTrailer],
    onTrailers: (found) => {
      trailers = found;
    },
  });
  return {
    source,
    sizeBytes: decodedBytes,
    sha256: undefined,
    announcedTrailer,
    trailers: () => trailers,
  };
}

function decodedLength(head: RequestHead): number {
  const text = headerOf(head, 'x-amz-decoded-content-length') ?? '';
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new S3Error(
    'MissingContentLength',
    'You must provide the x-amz-decoded-content-length HTTP header, a number of bytes.',
  );
}

/** Throws InvalidRequest unless one checksum, and nothing else, is announced in `x-amz-trailer` and nowhere else. */
function announcedChecksum(head: RequestHead): string | undefined {
  const text = headerOf(head, 'x-amz-trailer');
  if (text === undefined) return undefined;
  const name = text.trim().toLowerCase();
  if (!CHECKSUM.test(name)) {
    throw new S3Error(
      'InvalidRequest',
      'The value specified in the x-amz-trailer header is not supported; it names one x-amz-checksum- header.',
    );
  }
  if (Object.keys(head.headers).some((other) => CHECKSUM.test(other) && !DESCRIBES_CHECKSUM.has(other))) {
    throw new S3Error(
      'InvalidRequest',
      'Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.',
    );
  }
  const algorithm = headerOf(head, 'x-amz-sdk-checksum-algorithm');
  if (algorithm !== undefined && name !== `x-amz-checksum-${algorithm.toLowerCase()}`) {
    throw new S3Error('InvalidRequest', 'Value for x-amz-sdk-checksum-algorithm header is invalid.');
  }
  return name;
}

function computedDigest(detail: unknown): string | undefined {
  if (typeof detail !== 'object' || detail === null || !('actual' in detail)) return undefined;
  return typeof detail.actual === 'string' ? detail.actual : undefined;
}
