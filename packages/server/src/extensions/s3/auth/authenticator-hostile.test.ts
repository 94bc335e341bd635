import { requestHead } from '@zot-artifact-store/testkit/request-head.ts';
import { authenticate, KEY } from '@zot-artifact-store/testkit/s3-authentication.ts';
import { EMPTY_SHA256 } from '@zot-artifact-store/testkit/s3-signer.ts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { S3Error } from '../errors.ts';

describe('a request of anything at all', () => {
  const latin1 = fc.string({
    unit: fc.integer({ min: 0x20, max: 0xff }).map((code) => String.fromCharCode(code)),
    maxLength: 60,
  });
  const pieces = fc.constantFrom(
    'AWS4-HMAC-SHA256 ',
    'AWS ',
    'Credential=',
    `${KEY.accessKeyId}/20130524/us-east-1/s3/aws4_request`,
    'root/20130524/us-east-1/s3/aws4_request',
    ', SignedHeaders=',
    'host;x-amz-content-sha256;x-amz-date',
    ', Signature=',
    'f'.repeat(64),
    ':',
    '20130524T000000Z',
    'Fri, 24 May 2013 00:00:00 GMT',
    'UNSIGNED-PAYLOAD',
    EMPTY_SHA256,
  );
  const value = fc.array(fc.oneof(pieces, latin1), { maxLength: 8 }).map((parts) => parts.join(''));
  const parameter = fc.constantFrom(
    'X-Amz-Algorithm',
    'X-Amz-Credential',
    'X-Amz-Date',
    'X-Amz-Expires',
    'X-Amz-SignedHeaders',
    'X-Amz-Signature',
    'AWSAccessKeyId',
    'Expires',
    'Signature',
    'x-amz-acl',
  );
  const header = fc.constantFrom(
    'authorization',
    'x-amz-date',
    'date',
    'x-amz-content-sha256',
    'x-amz-security-token',
    'host',
    'x-forwarded-host',
    'x-forwarded-prefix',
    'accept-encoding',
  );

  it('is refused in the words of S3 or has nothing to say, and is never let in', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(header, value), { maxLength: 6 }),
        fc.array(fc.tuple(parameter, value), { maxLength: 8 }),
        latin1,
        fc.constantFrom<boolean | 'all'>(true, false, 'all'),
        async (headers, parameters, path, signatureV2) => {
          const query = parameters.map(([name, text]) => `${name}=${encodeURIComponent(text)}`).join('&');
          const head = requestHead({ target: `/${path.replaceAll('?', '')}?${query}`, headers });
          const changes = { signatureV2, trustedProxies: ['127.0.0.1'], domains: ['localhost'] };
          try {
            expect(await authenticate(head, changes)).toEqual({ outcome: 'abstain' });
          } catch (error) {
            if (!(error instanceof S3Error)) throw error;
            expect([400, 403, 503]).toContain(error.status);
          }
        },
      ),
      { numRuns: 2_000 },
    );
  });
});
