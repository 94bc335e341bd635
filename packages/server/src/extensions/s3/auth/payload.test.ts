import { createHash } from 'node:crypto';
import { StoreError } from '@zot-artifact-store/spec';
import { awsChunkedBody } from '@zot-artifact-store/testkit/aws-chunked-body.ts';
import { requestHead } from '@zot-artifact-store/testkit/request-head.ts';
import { describe, expect, it } from 'vitest';
import type { RequestBody, RequestHead } from '../../../http/protocol.ts';
import { S3Error } from '../errors.ts';
import { HmacKey } from './hmac-key.ts';
import { explainPayloadError, openPayload, type Payload } from './payload.ts';
import { parsePayloadForm } from './payload-form.ts';
import { rememberSignedRequest } from './signed-request.ts';

const SEED = 'a'.repeat(64);
const SIGNING_KEY = Buffer.alloc(32, 7);
const SIGNER = { signingKey: SIGNING_KEY, date: '20130524T000000Z', scope: 'scope', seed: SEED };

function body(bytes: Uint8Array | string, isLengthUnknown = false): RequestBody {
  const whole = Buffer.from(bytes);
  return {
    declaredBytes: isLengthUnknown ? undefined : whole.length,
    collect: async () => whole,
    async *[Symbol.asyncIterator]() {
      yield whole;
    },
  };
}

function head(headers: Record<string, string>): RequestHead {
  return requestHead({ method: 'PUT', target: '/bucket/key', headers });
}

function signedHead(headers: Record<string, string>): RequestHead {
  const request = head(headers);
  const { date, scope } = SIGNER;
  rememberSignedRequest(request, {
    accessKeyId: 'AKID',
    user: 'alice',
    scheme: 'v4-header',
    signedAtMs: 0,
    payload: parsePayloadForm(headers['x-amz-content-sha256']),
    chunkSigning: { accessKeyId: 'AKID', key: new HmacKey(SIGNING_KEY), date, scope, seed: SEED },
  });
  return request;
}

async function read(payload: Payload): Promise<string> {
  const pieces: Uint8Array[] = [];
  for await (const piece of payload.source) pieces.push(piece);
  return Buffer.concat(pieces).toString();
}

function codeOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof S3Error) return error.code;
    throw error;
  }
  throw new Error('it was accepted');
}

describe('a plain body', () => {
  it('has the length and the hash that were declared', async () => {
    const hex = createHash('sha256').update('hello').digest('hex');
    const signed = signedHead({ 'content-length': '5', 'x-amz-content-sha256': hex });
    const payload = openPayload({ head: signed, body: body('hello') });
    expect(payload).toMatchObject({ sizeBytes: 5, sha256: `sha256:${hex}`, announcedTrailer: undefined });
    expect(await read(payload)).toBe('hello');
    expect(payload.trailers().size).toBe(0);
  });

  it.each(['UNSIGNED-PAYLOAD', undefined])('may have no hash: %s', (form) => {
    const headers = { 'content-length': '5', ...(form && { 'x-amz-content-sha256': form }) };
    expect(openPayload({ head: head(headers), body: body('hello') }).sha256).toBeUndefined();
  });

  it('may come chunked, without a length', async () => {
    const payload = openPayload({
      head: head({ 'transfer-encoding': 'chunked' }),
      body: body('hello', true),
    });
    expect(payload.sizeBytes).toBeUndefined();
    expect(await read(payload)).toBe('hello');
  });

  it('needs one or the other', () => {
    expect(codeOf(() => openPayload({ head: head({}), body: body('') }))).toBe('MissingContentLength');
  });

  it('is not decoded for its Content-Encoding', async () => {
    const headers = { 'content-length': '5', 'content-encoding': 'aws-chunked' };
    expect(await read(openPayload({ head: head(headers), body: body('5\r\nhe') }))).toBe('5\r\nhe');
  });
});

describe('an aws-chunked body', () => {
  const UNSIGNED = 'STREAMING-UNSIGNED-PAYLOAD-TRAILER';
  const trailers = { 'x-amz-checksum-crc32': 'AAAAAA==' };
  const chunks = [Buffer.from('hello '), Buffer.from('world')];

  it('is decoded, and its trailing checksum is there at the end', async () => {
    const bytes = awsChunkedBody(chunks, { trailers });
    const payload = openPayload({
      // With an outer chunked coding, as clients send it over TLS.
      head: head({
        'transfer-encoding': 'chunked',
        'x-amz-content-sha256': UNSIGNED,
        'x-amz-decoded-content-length': '11',
        'x-amz-trailer': 'x-amz-checksum-crc32',
        'x-amz-sdk-checksum-algorithm': 'CRC32',
      }),
      body: body(bytes, true),
    });
    expect(payload).toMatchObject({
      sizeBytes: 11,
      sha256: undefined,
      announcedTrailer: 'x-amz-checksum-crc32',
    });
    expect(payload.trailers().size).toBe(0);
    expect(await read(payload)).toBe('hello world');
    expect(Object.fromEntries(payload.trailers())).toEqual(trailers);
  });

  it.each([true, false])('is verified chunk by chunk; with a trailer: %s', async (hasTrailer) => {
    const bytes = awsChunkedBody(chunks, { signer: SIGNER, ...(hasTrailer && { trailers }) });
    const headers = {
      'content-length': String(bytes.length),
      'x-amz-content-sha256': `STREAMING-AWS4-HMAC-SHA256-PAYLOAD${hasTrailer ? '-TRAILER' : ''}`,
      'x-amz-decoded-content-length': '11',
      ...(hasTrailer && { 'x-amz-trailer': 'x-amz-checksum-crc32' }),
    };
    expect(await read(openPayload({ head: signedHead(headers), body: body(bytes) }))).toBe('hello world');
    const altered = Buffer.from(bytes.toString('latin1').replace('world', 'worle'), 'latin1');
    const payload = openPayload({ head: signedHead(headers), body: body(altered) });
    await expect(read(payload)).rejects.toMatchObject({ code: 'SignatureDoesNotMatch' });
  });

  it('with signed chunks needs a signed head', () => {
    const headers = {
      'content-length': '100',
      'x-amz-content-sha256': 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD',
      'x-amz-decoded-content-length': '11',
    };
    expect(codeOf(() => openPayload({ head: head(headers), body: body('') }))).toBe('InvalidRequest');
  });

  it.each(['', 'abc', '12x', '-1', '1e3', '9'.repeat(20)])('needs its decoded length, not "%s"', (length) => {
    const headers = { 'x-amz-content-sha256': UNSIGNED, 'x-amz-decoded-content-length': length };
    expect(codeOf(() => openPayload({ head: head(headers), body: body('') }))).toBe('MissingContentLength');
  });

  it('cannot decode to more than it has', () => {
    const headers = { 'x-amz-content-sha256': UNSIGNED, 'x-amz-decoded-content-length': '11' };
    expect(codeOf(() => openPayload({ head: head(headers), body: body('0\r\n\r\n') }))).toBe(
      'IncompleteBody',
    );
  });

  it.each([
    { 'x-amz-trailer': 'x-amz-meta-a' },
    { 'x-amz-trailer': 'x-amz-checksum-crc32, x-amz-checksum-sha1' },
    { 'x-amz-trailer': 'x-amz-checksum-crc32', 'x-amz-checksum-sha1': 'AAAA' },
    { 'x-amz-trailer': 'x-amz-checksum-crc32', 'x-amz-sdk-checksum-algorithm': 'SHA1' },
  ])('is InvalidRequest with %j', (wrong) => {
    const headers = { 'x-amz-content-sha256': UNSIGNED, 'x-amz-decoded-content-length': '0', ...wrong };
    expect(codeOf(() => openPayload({ head: head(headers), body: body('0\r\n\r\n') }))).toBe(
      'InvalidRequest',
    );
  });
});

describe('an ingest that found another hash', () => {
  it('is told in the words of the header', () => {
    const expected = openPayload({
      head: head({ 'content-length': '1', 'x-amz-content-sha256': 'b'.repeat(64) }),
      body: body('x'),
    });
    const actual = `sha256:${'c'.repeat(64)}`;
    const mismatch = new StoreError('digest-mismatch', 'no', { detail: { actual } });
    expect(explainPayloadError(mismatch, expected)).toMatchObject({
      code: 'XAmzContentSHA256Mismatch',
      status: 400,
      fields: {
        ClientComputedContentSHA256: 'b'.repeat(64),
        S3ComputedContentSHA256: 'c'.repeat(64),
      },
    });
    const other = new StoreError('storage-full', 'full');
    expect(explainPayloadError(other, expected)).toBe(other);
    expect(explainPayloadError(mismatch, { sha256: undefined })).toBe(mismatch);
  });
});
