import { requestHead } from '@zot-artifact-store/testkit/request-head.ts';
import {
  ALICE,
  authenticate,
  failure,
  presigned,
  type SignedHead,
  signed,
} from '@zot-artifact-store/testkit/s3-authentication.ts';
import { describe, expect, it } from 'vitest';

describe('behind a proxy', () => {
  const proxy = { trustedProxies: ['10.0.0.0/8', 'fd00::1'], publicUrl: 'https://s3.example.com' };
  const via = (request: SignedHead, headers: Record<string, string>, path?: string) =>
    requestHead({
      ...request,
      target: path ?? request.target,
      headers: { ...request.headers, ...headers },
      remoteAddress: '10.1.2.3',
    });

  it.each<[string, Record<string, string>]>([
    ['the forwarded Host', { host: 'backend', 'x-forwarded-host': 'localhost:9000' }],
    [
      'the forwarded Host and port',
      { host: 'backend', 'x-forwarded-host': 'localhost', 'x-forwarded-port': '9000' },
    ],
    ['the forwarded port', { host: 'localhost', 'x-forwarded-port': '9000' }],
    ['the first of several', { host: 'backend', 'x-forwarded-host': 'localhost:9000, inner' }],
  ])('a request was signed for %s', async (_name, headers) => {
    const request = await signed('/bucket/key?x=1');
    expect(await authenticate(via(request, headers), proxy)).toEqual(ALICE);
    const url = await presigned('/bucket/key');
    expect(await authenticate(via(url, headers), proxy)).toEqual(ALICE);
  });

  it('a path is signed with the prefix that the proxy took off', async () => {
    const request = await signed('/storage/s3/bucket/key');
    const headers = { 'x-forwarded-prefix': '/storage/s3/' };
    expect(await authenticate(via(request, headers, '/bucket/key'), proxy)).toEqual(ALICE);
    const publicUrl = 'http://localhost:9000/storage/s3';
    expect(await authenticate(via(request, { host: 'backend' }, '/bucket/key'), { publicUrl })).toEqual(
      ALICE,
    );
  });

  it('the public URL counts without any header', async () => {
    const request = await signed('/bucket/key');
    const head = requestHead({ ...request, headers: { ...request.headers, host: 'backend:8080' } });
    expect(await authenticate(head, { publicUrl: 'http://localhost:9000' })).toEqual(ALICE);
  });

  it('a stranger is not believed', async () => {
    const request = await signed('/bucket/key');
    const headers = { ...request.headers, host: 'backend', 'x-forwarded-host': 'localhost:9000' };
    const head = requestHead({ ...request, headers, remoteAddress: '192.0.2.1' });
    expect((await failure(head, proxy)).code).toBe('SignatureDoesNotMatch');
  });

  it('an Accept-Encoding that was rewritten does no harm', async () => {
    const { headers, ...request } = await signed('/bucket/key', {
      headers: { 'accept-encoding': 'identity' },
    });
    expect(headers.authorization).toContain('accept-encoding');
    const head = requestHead({ ...request, headers: { ...headers, 'accept-encoding': 'gzip, br' } });
    expect(await authenticate(head)).toEqual(ALICE);
  });
});
