import { awsChunkedBody, type ChunkSigner } from '@zot-artifact-store/testkit/aws-chunked-body.ts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { S3Error } from '../errors.ts';
import { type AwsChunkedOptions, decodeAwsChunked } from './aws-chunked.ts';
import { HmacKey } from './hmac-key.ts';
import type { ChunkSigning } from './signed-request.ts';
import { deriveSigningKey } from './signing-key.ts';
import type { Trailers } from './trailers.ts';

/** The example of "Signature calculations for the Authorization header: transferring payload in multiple chunks". */
const SEED = '4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9';
const SIGNING_KEY = deriveSigningKey('wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY', {
  date: '20130524',
  region: 'us-east-1',
  service: 's3',
});
const SIGNER: ChunkSigner = {
  signingKey: SIGNING_KEY,
  date: '20130524T000000Z',
  scope: '20130524/us-east-1/s3/aws4_request',
  seed: SEED,
};

function signing(seed = SEED): ChunkSigning {
  const { date, scope } = SIGNER;
  return { accessKeyId: 'AKIAIOSFODNN7EXAMPLE', key: new HmacKey(SIGNING_KEY), date, scope, seed };
}

interface Decoded {
  readonly bytes: Buffer;
  readonly trailers: Trailers | undefined;
}

async function decode(
  pieces: readonly Uint8Array[],
  options: Partial<AwsChunkedOptions> & { readonly decodedBytes: number },
): Promise<Decoded> {
  let trailers: Trailers | undefined;
  async function* source(): AsyncGenerator<Uint8Array> {
    yield* pieces;
  }
  const out: Uint8Array[] = [];
  const decoded = decodeAwsChunked(source(), {
    announced: [],
    onTrailers: (found) => {
      trailers = found;
    },
    ...options,
  });
  for await (const bytes of decoded) out.push(Buffer.from(bytes));
  return { bytes: Buffer.concat(out), trailers };
}

async function failure(
  body: string | Uint8Array,
  options: Partial<AwsChunkedOptions> & { readonly decodedBytes: number },
): Promise<S3Error> {
  try {
    await decode([Buffer.from(body)], options);
  } catch (error) {
    if (error instanceof S3Error) return error;
    throw error;
  }
  throw new Error('it was accepted');
}

function splitAt(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const sorted = [...new Set(cuts.map((cut) => cut % (bytes.length + 1)))].sort((a, b) => a - b);
  return [0, ...sorted].map((from, index) => bytes.subarray(from, sorted[index] ?? bytes.length));
}

describe('the examples of the reference', () => {
  const content = Buffer.alloc(65 * 1024, 'a');

  it('decode, chunk by chunk', async () => {
    const body = Buffer.concat([
      Buffer.from(
        '10000;chunk-signature=ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648\r\n',
      ),
      content.subarray(0, 65_536),
      Buffer.from(
        '\r\n400;chunk-signature=0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497\r\n',
      ),
      content.subarray(65_536),
      Buffer.from(
        '\r\n0;chunk-signature=b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9\r\n\r\n',
      ),
    ]);
    const { bytes } = await decode([body], { decodedBytes: content.length, signing: signing() });
    expect(bytes.equals(content)).toBe(true);
    expect(
      awsChunkedBody([content.subarray(0, 65_536), content.subarray(65_536)], { signer: SIGNER }),
    ).toEqual(body);
  });

  it('decode with a trailing checksum', async () => {
    const seed = '106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e';
    const body = Buffer.concat([
      Buffer.from(
        '10000;chunk-signature=b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2\r\n',
      ),
      content.subarray(0, 65_536),
      Buffer.from(
        '\r\n400;chunk-signature=1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7\r\n',
      ),
      content.subarray(65_536),
      Buffer.from(
        '\r\n0;chunk-signature=2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992\r\nx-amz-checksum-crc32c:sOO8/Q==\nx-amz-trailer-signature:d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435\r\n\r\n',
      ),
    ]);
    const { trailers } = await decode([body], {
      decodedBytes: content.length,
      signing: signing(seed),
      announced: ['x-amz-checksum-crc32c'],
    });
    expect(trailers).toEqual(new Map([['x-amz-checksum-crc32c', 'sOO8/Q==']]));
  });
});

describe('any body', () => {
  it('decodes the same however the network cuts it', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.uint8Array({ minLength: 1, maxLength: 300 }), { maxLength: 8 }),
        fc.array(fc.nat(4_000), { maxLength: 40 }),
        fc.boolean(),
        fc.constantFrom(undefined, 'crlf' as const, 'minio-go' as const),
        async (chunks, cuts, isSigned, style) => {
          const content = Buffer.concat(chunks);
          const trailers = { 'x-amz-checksum-crc32': 'AAAAAA==' };
          const body = awsChunkedBody(chunks, {
            ...(isSigned && { signer: SIGNER }),
            ...(style && { style, trailers }),
          });
          const decoded = await decode(splitAt(body, cuts), {
            decodedBytes: content.length,
            signing: isSigned ? signing() : undefined,
            announced: style ? Object.keys(trailers) : [],
          });
          expect(decoded.bytes.equals(content)).toBe(true);
          expect(Object.fromEntries(decoded.trailers ?? [])).toEqual(style ? trailers : {});
        },
      ),
      { numRuns: 300 },
    );
  });

  it('is refused, and never ends well, when one byte of it is another', async () => {
    const chunks = [Buffer.from('hello '), Buffer.from('world')];
    const trailers = { 'x-amz-checksum-crc32': 'AAAAAA==' };
    const body = awsChunkedBody(chunks, { signer: SIGNER, trailers });
    await fc.assert(
      fc.asyncProperty(fc.nat(body.length - 1), fc.integer({ min: 1, max: 255 }), async (at, change) => {
        const altered = Buffer.from(body);
        altered[at] = (altered[at] ?? 0) ^ change;
        // Upper case of a hex digit or of a header name says the same, and so does another end of a trailing line.
        const meaning = (bytes: Buffer) =>
          bytes
            .toString('latin1')
            .toLowerCase()
            .replace(/[\r\n]+/g, '\n');
        fc.pre(meaning(altered) !== meaning(body));
        const options = { decodedBytes: 11, signing: signing(), announced: Object.keys(trailers) };
        expect(['IncompleteBody', 'SignatureDoesNotMatch', 'MalformedTrailerError']).toContain(
          (await failure(altered, options)).code,
        );
      }),
      { numRuns: 1_000 },
    );
  });

  it('passes bytes on before the chunk they are in has ended', async () => {
    let hasMore = false;
    async function* source(): AsyncGenerator<Uint8Array> {
      yield Buffer.from('a\r\nhello');
      hasMore = true;
      yield Buffer.from('world\r\n0\r\n\r\n');
    }
    const decoded = decodeAwsChunked(source(), { decodedBytes: 10, announced: [], onTrailers() {} });
    expect(Buffer.from((await decoded.next()).value ?? []).toString()).toBe('hello');
    expect(hasMore).toBe(false);
    await decoded.return();
  });

  it('lets go of its source when nobody wants the rest', async () => {
    let isReleased = false;
    async function* source(): AsyncGenerator<Uint8Array> {
      try {
        yield Buffer.from('a\r\nhello');
        yield Buffer.from('world\r\n0\r\n\r\n');
      } finally {
        isReleased = true;
      }
    }
    for await (const _ of decodeAwsChunked(source(), { decodedBytes: 10, announced: [], onTrailers() {} }))
      break;
    expect(isReleased).toBe(true);
  });
});

describe('broken framing', () => {
  it.each([
    'A\ndummy data\r\n0\r\n\r\n',
    'A\r\ndummy data0\r\n\r\n',
    'A\r\nXYZ\r\ndummy data\r\n0\r\n\r\n',
    'B\r\ndummy data\r\n0\r\n\r\n',
    'A\r\ndummy data\r\n0\r\n',
    'A\r\ndummy data\r\n0\r\nx-amz-checksum-crc32:AAAAAA==\r\n',
    'A\r\n',
    '',
    'A\r\nA\r\ndummy data\r\n0\r\n\r\n',
    'size\r\ndummy data\r\n0\r\n\r\n',
    'A\r\ndummy data\r\nJ\r\n\r\n',
    '-A\r\ndummy data\r\n0\r\n\r\n',
    ' A\r\ndummy data\r\n0\r\n\r\n',
    'A;name=value\r\ndummy data\r\n0\r\n\r\n',
    'ffffffffffffffff\r\ndummy data\r\n0\r\n\r\n',
    'fffffffffffffffff\r\ndummy data\r\n0\r\n\r\n',
    'A\r\ndummy data\r\n1\r\nx\r\n0\r\n\r\n',
    '9\r\ndummy dat\r\n0\r\n\r\n',
    `${'0'.repeat(2_000)}A\r\ndummy data\r\n0\r\n\r\n`,
    `A\r\ndummy data\r\n0\r\n${'x'.repeat(9_000)}\r\n\r\n`,
  ])('is IncompleteBody: %j', async (body) => {
    const error = await failure(body, { decodedBytes: 10, announced: ['x-amz-checksum-crc32'] });
    expect(error).toMatchObject({ code: 'IncompleteBody', status: 400 });
  });

  it('never keeps more than a line, however long the line is', async () => {
    async function* endless(): AsyncGenerator<Uint8Array> {
      for (;;) yield Buffer.alloc(512, '0');
    }
    const decoded = decodeAwsChunked(endless(), { decodedBytes: 1, announced: [], onTrailers() {} });
    await expect(decoded.next()).rejects.toMatchObject({ code: 'IncompleteBody' });
  });

  it('includes a signed body with an unsigned chunk', async () => {
    const error = await failure('1\r\nx\r\n0\r\n\r\n', { decodedBytes: 1, signing: signing() });
    expect(error.code).toBe('IncompleteBody');
  });
});

describe('trailing headers', () => {
  const announced = ['x-amz-checksum-crc32'];

  it.each([
    ['that were announced and did not come', '', announced],
    ['without a name', ':AAAAAA==\r\n', announced],
    ['nobody announced', 'x-amz-checksum-crc32:AAAAAA==\r\n', []],
    ['of another name', 'x-amz-checksum-sha1:AAAAAA==\r\n', announced],
    ['beside the announced one', 'x-amz-checksum-crc32:AAAAAA==\r\nx-other:1\r\n', announced],
    ['that come twice', 'x-amz-checksum-crc32:AAAAAA==\r\nx-amz-checksum-crc32:AAAAAA==\r\n', announced],
    ['that are none', 'nonsense\r\n', announced],
  ])('%s are MalformedTrailerError', async (_name, lines, names) => {
    const error = await failure(`5\r\nhello\r\n0\r\n${lines}\r\n`, { decodedBytes: 5, announced: names });
    expect(error).toMatchObject({ code: 'MalformedTrailerError', status: 400 });
  });

  it('must be signed when the chunks are', async () => {
    const trailers = { 'x-amz-checksum-crc32': 'AAAAAA==' };
    const body = awsChunkedBody([Buffer.from('hello')], { signer: SIGNER, trailers }).toString('latin1');
    const unsigned = body.replace(/x-amz-trailer-signature:\w+\r\n/, '');
    const error = await failure(unsigned, { decodedBytes: 5, signing: signing(), announced });
    expect(error).toMatchObject({ code: 'SignatureDoesNotMatch', status: 403 });
    const altered = body.replace('AAAAAA==', 'AAAAAB==');
    expect((await failure(altered, { decodedBytes: 5, signing: signing(), announced })).code).toBe(
      'SignatureDoesNotMatch',
    );
  });
});
