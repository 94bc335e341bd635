import { ERROR_KINDS, StoreError } from '@zot-artifact-store/spec';
import { describe, expect, it } from 'vitest';
import type { RequestHead } from '../http/protocol.ts';
import { OCI_ERRORS, renderOciError } from './errors.ts';

const head: RequestHead = {
  id: 'request-1',
  method: 'GET',
  target: '/v2/',
  path: '/v2/',
  query: '',
  headers: {},
  rawHeaders: [],
  remoteAddress: '127.0.0.1',
};

function render(error: StoreError) {
  const reply = renderOciError(error, head);
  const [entry] = JSON.parse(String(reply.body)).errors;
  return { ...reply, entry };
}

describe('an error on the wire', () => {
  it.each(ERROR_KINDS)('has the body of the spec for %s', (kind) => {
    const reply = render(new StoreError(kind, 'a sentence', { resource: 'x' }));
    expect(reply.status).toBe(OCI_ERRORS[kind].status);
    expect(reply.headers['content-type']).toBe('application/json');
    expect(reply.entry).toMatchObject({ message: 'a sentence', code: expect.stringMatching(/^[A-Z_]+$/) });
  });

  it('uses no code outside the spec below 500', () => {
    const own = Object.values(OCI_ERRORS).filter(({ code }) => code === 'UNKNOWN' || code === 'UNAVAILABLE');
    expect(own.every(({ status }) => status >= 500)).toBe(true);
  });

  it('says when to come back with 429 and 503', () => {
    expect(render(new StoreError('too-many-requests', 'x')).headers['retry-after']).toBe('1');
    const busy = new StoreError('unavailable', 'x', { retryAfterSeconds: 7.2 });
    expect(render(busy).headers['retry-after']).toBe('8');
    expect(render(new StoreError('denied', 'x')).headers['retry-after']).toBeUndefined();
  });

  it('keeps the headers the error calls for', () => {
    const error = new StoreError('method-not-allowed', 'x', { headers: { allow: 'GET' } });
    expect(render(error).headers).toMatchObject({ allow: 'GET' });
    expect(render(new StoreError('in-use', 'x')).headers).toMatchObject({ allow: 'GET, HEAD' });
  });

  it.each([
    [{}, undefined],
    [{ resource: 'r' }, { resource: 'r' }],
    [{ detail: [1] }, [1]],
    [
      { resource: 'r', detail: { limit: 3 } },
      { resource: 'r', limit: 3 },
    ],
    [
      { resource: 'r', detail: ['a'] },
      { resource: 'r', reason: ['a'] },
    ],
  ])('shows the offending value of %j', (options, detail) => {
    expect(render(new StoreError('manifest-invalid', 'x', options)).entry.detail).toEqual(detail);
  });

  it('gives only the request id for what went wrong inside', () => {
    const error = new StoreError('internal', 'something went wrong', {
      resource: 'secret',
      detail: { path: '/secret' },
      cause: new Error('secret'),
    });
    const reply = render(error);
    expect(reply.entry.detail).toEqual({ requestId: 'request-1' });
    expect(String(reply.body)).not.toContain('secret');
  });
});
