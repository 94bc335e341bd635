import { parseDigest, StoreError } from '@zot-artifact-store/spec';
import { type OciRequest, runOci } from '@zot-artifact-store/testkit/oci-run.ts';
import { describe, expect, it } from 'vitest';

const DIGEST = parseDigest(`sha256:${'1'.repeat(64)}`);
const SESSION = '/v2/a/blobs/uploads/id-1';

/** Runs on uploads that record their options, at an offset of 10 bytes. */
async function run(target: string, request: OciRequest, failure?: StoreError) {
  const calls: [string, object][] = [];
  const record =
    (name: string) =>
    async (_repository: unknown, _id: unknown, ...rest: readonly unknown[]) => {
      calls.push([name, Object(rest.at(-1))]);
      if (failure !== undefined) throw failure;
      return { id: 'id-1', offsetBytes: 10 };
    };
  const blob =
    (name: string) =>
    async (_repository: unknown, _id: unknown, ...rest: readonly unknown[]) => {
      await record(name)(_repository, _id, ...rest, ...(rest.length === 0 ? [_id] : []));
      return { digest: DIGEST, sizeBytes: 10 };
    };
  const uploads = {
    start: async (_repository: unknown, options: object) => {
      calls.push(['start', options]);
      return { id: 'id-1', offsetBytes: 0 };
    },
    status: async () => ({ id: 'id-1', offsetBytes: 10 }),
    append: record('append'),
    finish: blob('finish'),
    put: blob('put'),
    cancel: async () => {
      calls.push(['cancel', {}]);
    },
  };
  return { reply: await runOci(target, request, { uploads }), calls };
}

describe('an upload session', () => {
  it('begins with nothing', async () => {
    const { reply, calls } = await run('/v2/a/blobs/uploads/?digest-algorithm=sha512', { method: 'POST' });
    expect(reply).toMatchObject({ status: 202, headers: { location: SESSION, range: '0-0' } });
    expect(reply.headers).not.toHaveProperty('oci-chunk-min-length');
    expect(calls).toMatchObject([['start', { algorithm: 'sha512' }]]);
  });

  it('tells how far it has come', async () => {
    const { reply } = await run(SESSION, {});
    expect(reply).toMatchObject({ status: 204, headers: { location: SESSION, range: '0-9' } });
  });

  it('takes a chunk at its place', async () => {
    const headers = { 'content-range': '10-12' };
    const { reply, calls } = await run(SESSION, { method: 'PATCH', headers, body: 'abc' });
    expect(reply).toMatchObject({ status: 202, headers: { location: SESSION, range: '0-9' } });
    expect(calls).toMatchObject([['append', { at: 10, lengthBytes: 3 }]]);
  });

  it('takes a stream behind what is there', async () => {
    const { calls } = await run(SESSION, { method: 'PATCH', body: 'abc', isLengthUnknown: true });
    expect(calls[0]?.[1]).not.toHaveProperty('at');
    expect(calls[0]?.[1]).not.toHaveProperty('lengthBytes');
  });

  it.each(['PATCH', 'PUT'])('answers a misplaced chunk of %s with the true position', async (method) => {
    const failure = new StoreError('upload-out-of-order', 'expected byte 10', { resource: 'id-1' });
    const target = method === 'PUT' ? `${SESSION}?digest=${DIGEST}` : SESSION;
    await expect(
      run(target, { method, headers: { 'content-range': '5-7' }, body: 'abc' }, failure),
    ).rejects.toMatchObject({
      kind: 'upload-out-of-order',
      message: 'expected byte 10',
      headers: { location: SESSION, range: '0-9' },
    });
  });

  it('is closed without a body', async () => {
    const { reply, calls } = await run(`${SESSION}?digest=${DIGEST}`, { method: 'PUT' });
    expect(reply).toEqual({
      status: 201,
      headers: { location: `/v2/a/blobs/${DIGEST}`, 'docker-content-digest': DIGEST },
    });
    expect(calls[0]?.[1]).not.toHaveProperty('source');
  });

  it('is closed with the last chunk, or with the whole blob', async () => {
    const target = `${SESSION}?digest=${DIGEST}`;
    const last = await run(target, { method: 'PUT', headers: { 'content-range': '10-12' }, body: 'abc' });
    expect(last.calls).toMatchObject([['finish', { at: 10, lengthBytes: 3, source: expect.anything() }]]);
    const whole = await run(target, { method: 'PUT', body: 'abc', isLengthUnknown: true });
    expect(whole.calls).toMatchObject([['finish', { source: expect.anything() }]]);
    expect(whole.calls[0]?.[1]).not.toHaveProperty('lengthBytes');
  });

  it('is cancelled', async () => {
    const { reply, calls } = await run(SESSION, { method: 'DELETE' });
    expect(reply).toEqual({ status: 204, headers: {} });
    expect(calls).toEqual([['cancel', {}]]);
  });
});

describe('a blob in one request', () => {
  const target = `/v2/a/blobs/uploads/?digest=${DIGEST}`;

  it.each([undefined, 'application/octet-stream', 'application/octet-stream; x=y'])(
    'is taken with the type %s',
    async (type) => {
      const headers = type === undefined ? {} : { 'content-type': type };
      const { reply, calls } = await run(target, { method: 'POST', headers, body: 'abc' });
      expect(reply).toMatchObject({ status: 201, headers: { location: `/v2/a/blobs/${DIGEST}` } });
      expect(calls).toMatchObject([['put', { digest: DIGEST, lengthBytes: 3 }]]);
    },
  );

  it('is taken when its length is not known beforehand', async () => {
    const { calls } = await run(target, { method: 'POST', body: 'abc', isLengthUnknown: true });
    expect(calls[0]?.[1]).not.toHaveProperty('lengthBytes');
  });

  it('is refused with another type', async () => {
    const headers = { 'content-type': 'text/plain' };
    await expect(run(target, { method: 'POST', headers, body: 'abc' })).rejects.toMatchObject({
      kind: 'media-type-unsupported',
    });
  });
});
