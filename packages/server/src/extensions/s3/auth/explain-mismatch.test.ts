import { requestHead, type TestHead } from '@zot-artifact-store/testkit/request-head.ts';
import { failure, KEY, signed } from '@zot-artifact-store/testkit/s3-authentication.ts';
import { describe, expect, it } from 'vitest';

describe('SignatureDoesNotMatch', () => {
  it('carries what was signed', async () => {
    const request = await signed('/bucket/key', { key: { ...KEY, secretAccessKey: 'another' } });
    const error = await failure(requestHead(request));
    expect(error).toMatchObject({ status: 403, fields: { AWSAccessKeyId: KEY.accessKeyId } });
    const { StringToSign = '', CanonicalRequest = '', SignatureProvided = '' } = error.fields;
    expect(request.headers.authorization).toContain(SignatureProvided);
    expect(StringToSign).toMatch(
      /^AWS4-HMAC-SHA256\n20130524T000000Z\n20130524\/us-east-1\/s3\/aws4_request\n[0-9a-f]{64}$/,
    );
    expect(CanonicalRequest).toMatch(/^GET\n\/bucket\/key\n\nhost:localhost:9000\n/);
    expect(error.message).toContain('secret access key');
    expect(JSON.stringify(error.fields)).not.toContain(KEY.secretAccessKey);
  });

  it.each<[string, Partial<TestHead> & { change?: Record<string, string> }, RegExp]>([
    ['the method', { method: 'HEAD' }, /for the method GET/],
    ['the port of the Host', { change: { host: 'localhost:1234' } }, /for the Host "localhost:9000"/],
    ['a part added to the path', { target: '/s3/bucket/a%20b?b=2&a=1' }, /without its first part, "\/s3"/],
    ['the payload', { change: { 'x-amz-content-sha256': 'UNSIGNED-PAYLOAD' } }, /hash of the payload/],
  ])('says when it is %s that differs', async (_name, altered, message) => {
    const request = await signed('/bucket/a%20b?b=2&a=1');
    const { change, ...rest } = altered;
    const head = requestHead({ ...request, ...rest, headers: { ...request.headers, ...change } });
    expect((await failure(head)).message).toMatch(message);
  });

  it('says when a header did not arrive', async () => {
    const { headers, ...request } = await signed('/bucket/key', { headers: { 'x-amz-meta-a': '1' } });
    const { 'x-amz-meta-a': _, ...left } = headers;
    expect((await failure(requestHead({ ...request, headers: left }))).message).toContain('x-amz-meta-a');
  });
});
