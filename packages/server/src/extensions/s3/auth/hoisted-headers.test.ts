import { requestHead } from '@zot-artifact-store/testkit/request-head.ts';
import { describe, expect, it } from 'vitest';
import type { RequestContext } from '../../../http/protocol.ts';
import { withHoistedContext, withHoistedHeaders } from './hoisted-headers.ts';
import { rememberSignedRequest, signedRequestOf } from './signed-request.ts';

const SIGNED = 'X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Date=20130524T000000Z&X-Amz-Signature=abc';

describe('x-amz- parameters of a presigned URL', () => {
  it('count as headers, in bytes as node:http gives them', () => {
    const head = withHoistedHeaders(
      requestHead({ method: 'PUT', target: `/bucket/key?${SIGNED}&X-Amz-Acl=private&x-amz-meta-a=%C3%A9` }),
    );
    expect(head.headers).toMatchObject({
      host: 'localhost',
      'x-amz-acl': 'private',
      'x-amz-meta-a': '\u00c3\u00a9',
    });
    expect(head.rawHeaders.slice(-4)).toEqual(['x-amz-acl', 'private', 'x-amz-meta-a', '\u00c3\u00a9']);
    expect(head.headers['x-amz-date']).toBeUndefined();
    expect(head.headers['x-amz-signature']).toBeUndefined();
  });

  it('do not replace a header that was sent, nor count when nothing is signed', () => {
    const sent = requestHead({
      target: `/bucket/key?${SIGNED}&x-amz-acl=private`,
      headers: { 'X-Amz-Acl': 'public-read' },
    });
    expect(withHoistedHeaders(sent)).toBe(sent);
    const unsigned = requestHead({ target: '/bucket/key?x-amz-acl=private' });
    expect(withHoistedHeaders(unsigned)).toBe(unsigned);
  });

  it('tell nothing of the checksum of a body that came later', () => {
    const target = `/bucket/key?${SIGNED}&x-amz-checksum-crc32=AAAAAA%3D%3D&x-amz-sdk-checksum-algorithm=CRC32`;
    const head = requestHead({ method: 'PUT', target });
    expect(withHoistedHeaders(head)).toBe(head);
  });

  it.each(['%0d%0ax', '%00', '%7f'])('cannot hold %s', (value) => {
    const head = requestHead({ target: `/bucket/key?${SIGNED}&x-amz-meta-a=${value}` });
    expect(() => withHoistedHeaders(head)).toThrow(expect.objectContaining({ code: 'InvalidArgument' }));
  });

  it('leave the rest of the context, and what was signed, where they are', () => {
    const head = requestHead({ target: `/bucket/key?${SIGNED}&x-amz-acl=private` });
    const context = {
      head,
      principal: { kind: 'anonymous' },
      body: {},
      signal: new AbortController().signal,
    } as unknown as RequestContext; // what is looked at here
    rememberSignedRequest(head, {
      accessKeyId: 'AKID',
      user: 'alice',
      scheme: 'v4-query',
      signedAtMs: 0,
      payload: { kind: 'unstated' },
    });
    const hoisted = withHoistedContext(context);
    expect(hoisted.head.headers['x-amz-acl']).toBe('private');
    expect(hoisted.body).toBe(context.body);
    expect(hoisted.signal).toBe(context.signal);
    expect(signedRequestOf(hoisted.head)?.user).toBe('alice');
    expect(withHoistedContext(hoisted)).toBe(hoisted);
  });
});
