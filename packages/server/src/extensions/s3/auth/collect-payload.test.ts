import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { awsChunkedBody } from '@zot-artifact-store/testkit/aws-chunked-body.ts';
import { requestHead } from '@zot-artifact-store/testkit/request-head.ts';
import { describe, expect, it } from 'vitest';
import { assertIntegrityStated, collectPayload } from './collect-payload.ts';

const DOCUMENT = '<Tagging/>';
const digest = (algorithm: string, encoding: 'hex' | 'base64', text = DOCUMENT) =>
  createHash(algorithm).update(text).digest(encoding);
const CRC32 = Buffer.alloc(4);
CRC32.writeUInt32BE(crc32(DOCUMENT));

async function collect(
  headers: Record<string, string>,
  { bytes = DOCUMENT, declaredBytes }: { bytes?: string | Uint8Array; declaredBytes?: number } = {},
): Promise<string> {
  const whole = Buffer.from(bytes);
  const collected = await collectPayload(
    {
      head: requestHead({ method: 'PUT', target: '/bucket?tagging', headers }),
      body: {
        declaredBytes,
        collect: async () => whole,
        async *[Symbol.asyncIterator]() {
          for (const byte of whole) yield Buffer.from([byte]);
        },
      },
    },
    64,
  );
  return collected.toString();
}

describe('a document', () => {
  it.each<[string, Record<string, string>]>([
    ['nothing', {}],
    ['its SHA-256', { 'x-amz-content-sha256': digest('sha256', 'hex') }],
    ['its MD5', { 'content-md5': digest('md5', 'base64') }],
    [
      'a CRC-32',
      { 'x-amz-checksum-crc32': CRC32.toString('base64'), 'x-amz-sdk-checksum-algorithm': 'CRC32' },
    ],
    ['a SHA-1', { 'x-amz-checksum-sha1': digest('sha1', 'base64') }],
    ['a SHA-256 checksum', { 'x-amz-checksum-sha256': digest('sha256', 'base64') }],
  ])('comes whole with %s', async (_name, headers) => {
    expect(await collect(headers)).toBe(DOCUMENT);
  });

  it.each<[string, Record<string, string>]>([
    ['XAmzContentSHA256Mismatch', { 'x-amz-content-sha256': digest('sha256', 'hex', 'other') }],
    ['BadDigest', { 'content-md5': digest('md5', 'base64', 'other') }],
    ['BadDigest', { 'x-amz-checksum-sha1': digest('sha1', 'base64', 'other') }],
    ['InvalidDigest', { 'content-md5': 'AAAA' }],
    ['InvalidRequest', { 'x-amz-checksum-sha1': 'AAAA' }],
    ['InvalidRequest', { 'x-amz-trailer': 'x-amz-checksum-crc32' }],
    [
      'InvalidRequest',
      {
        'x-amz-checksum-sha1': digest('sha1', 'base64'),
        'x-amz-checksum-sha256': digest('sha256', 'base64'),
      },
    ],
  ])('is %s with %j', async (code, headers) => {
    await expect(collect(headers)).rejects.toMatchObject({ code, status: 400 });
  });

  it('is no longer than its limit, whether it says how long it is or not', async () => {
    const tooLong = { code: 'MaxMessageLengthExceeded', status: 400 };
    await expect(collect({}, { bytes: 'x'.repeat(65) })).rejects.toMatchObject(tooLong);
    await expect(collect({}, { declaredBytes: 65 })).rejects.toMatchObject(tooLong);
    expect(await collect({}, { bytes: 'x'.repeat(64) })).toHaveLength(64);
  });

  it('may come aws-chunked where nobody signed, and is checked against its trailer', async () => {
    const trailers = { 'x-amz-checksum-crc32': CRC32.toString('base64') };
    const headers = {
      'x-amz-content-sha256': 'STREAMING-UNSIGNED-PAYLOAD-TRAILER',
      'x-amz-decoded-content-length': String(DOCUMENT.length),
      'x-amz-trailer': 'x-amz-checksum-crc32',
    };
    const chunks = [Buffer.from(DOCUMENT)];
    expect(await collect(headers, { bytes: awsChunkedBody(chunks, { trailers }) })).toBe(DOCUMENT);
    const wrong = awsChunkedBody(chunks, { trailers: { 'x-amz-checksum-crc32': 'AAAAAA==' } });
    await expect(collect(headers, { bytes: wrong })).rejects.toMatchObject({ code: 'BadDigest' });
  });

  it('can be required to come with a checksum', () => {
    const stated = (headers: Record<string, string>) =>
      assertIntegrityStated(requestHead({ target: '/bucket?delete', headers }));
    expect(() => stated({})).toThrow('Content-MD5');
    stated({ 'content-md5': digest('md5', 'base64') });
    stated({ 'x-amz-checksum-crc32': CRC32.toString('base64') });
  });

  it('of many slow clients does not take the memory of the process, nor keep small ones waiting', async () => {
    const limitBytes = 4 * 1024 * 1024;
    const isStopped = Promise.withResolvers<void>();
    async function* slow() {
      yield Buffer.alloc(limitBytes - 1);
      await isStopped.promise;
    }
    const read = (body: AsyncIterable<Uint8Array>) =>
      collectPayload(
        {
          head: requestHead({ target: '/bucket?delete' }),
          body: Object.assign(body, { declaredBytes: undefined, collect: () => Promise.reject() }),
        },
        limitBytes,
      );
    const reading = Array.from({ length: 40 }, () => read(slow()).then(Buffer.byteLength));
    const [refused] = await Promise.allSettled([Promise.race(reading)]);
    expect(refused).toMatchObject({ reason: { code: 'SlowDown', status: 503 } });
    expect(await collect({})).toBe(DOCUMENT);
    isStopped.resolve();
    const sizes = (await Promise.allSettled(reading)).filter(({ status }) => status === 'fulfilled');
    expect(sizes).toHaveLength(16);
    // All is given back.
    expect(Buffer.byteLength(await read(slow()))).toBe(limitBytes - 1);
  });
});
