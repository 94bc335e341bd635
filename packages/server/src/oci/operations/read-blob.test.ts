import { parseDigest, type RepositoryName, StoreError } from '@zot-artifact-store/spec';
import { type OciRequest, replyText, runOci } from '@zot-artifact-store/testkit/oci-run.ts';
import { describe, expect, it } from 'vitest';
import type { ByteRange } from '../../content/blob-driver.ts';
import type { OciDeps } from '../deps.ts';

const DIGEST = parseDigest(`sha256:${'1'.repeat(64)}`);
const BYTES = Buffer.from('0123456789'.repeat(100));

function get(headers: Record<string, string> = {}, request: OciRequest = {}, vetoes: OciDeps['vetoes'] = {}) {
  const blobs = {
    stat: async () => ({ digest: DIGEST, sizeBytes: BYTES.length }),
    read: async (_name: RepositoryName, _digest: string, options: { readonly range?: ByteRange } = {}) => {
      const { start, end } = options.range ?? { start: 0, end: BYTES.length - 1 };
      return (async function* () {
        yield BYTES.subarray(start, end + 1);
      })();
    },
  };
  return runOci(`/v2/a/blobs/${DIGEST}`, { ...request, headers }, { blobs }, { vetoes });
}

describe('reading a blob', () => {
  it('sends all of it', async () => {
    const reply = await get();
    expect(reply.status).toBe(200);
    expect(reply.headers).toMatchObject({
      'content-type': 'application/octet-stream',
      'content-length': '1000',
      'accept-ranges': 'bytes',
      'docker-content-digest': DIGEST,
      etag: `"${DIGEST}"`,
      'cache-control': 'max-age=31536000, immutable',
    });
    expect(await replyText(reply)).toBe(BYTES.toString());
  });

  it('tells the same by HEAD, and ignores a range there', async () => {
    const reply = await get({ range: 'bytes=0-1' }, { method: 'HEAD' });
    expect(reply.status).toBe(200);
    expect(reply.headers).toMatchObject({ 'content-length': '1000', 'accept-ranges': 'bytes' });
    expect(reply.body).toBeUndefined();
  });

  it.each([
    ['bytes=5-14', '5678901234', 'bytes 5-14/1000'],
    ['bytes=990-', '0123456789', 'bytes 990-999/1000'],
    ['bytes=-3', '789', 'bytes 997-999/1000'],
    ['bytes=995-5000', '56789', 'bytes 995-999/1000'],
  ])('sends the part %s', async (range, text, contentRange) => {
    const reply = await get({ range });
    expect(reply.status).toBe(206);
    expect(reply.headers).toMatchObject({
      'content-range': contentRange,
      'content-length': String(text.length),
      'docker-content-digest': DIGEST,
    });
    expect(await replyText(reply)).toBe(text);
  });

  it('sends several parts as one body of known length', async () => {
    const reply = await get({ range: 'bytes=0-1,10-12' });
    expect(reply.status).toBe(206);
    const text = await replyText(reply);
    expect(reply.headers['content-length']).toBe(String(Buffer.byteLength(text)));
    expect(reply.headers['content-type']).toMatch(/^multipart\/byteranges; boundary=/);
    expect(text).toContain('Content-Range: bytes 0-1/1000\r\n\r\n01\r\n');
    expect(text).toContain('Content-Range: bytes 10-12/1000\r\n\r\n012\r\n');
  });

  it.each(['bytes=1000-', 'bytes=500-0', 'bytes=5000-10000', 'bytes=-0', 'bytes=x'])(
    'refuses the range %s and says how long the blob is',
    async (range) => {
      await expect(get({ range })).rejects.toMatchObject({
        kind: 'range-unsatisfiable',
        headers: { 'content-range': 'bytes */1000' },
      });
    },
  );

  it('honours a range only for the blob the client began with', async () => {
    const range = 'bytes=0-1';
    expect((await get({ range, 'if-range': `"${DIGEST}"` })).status).toBe(206);
    expect((await get({ range, 'if-range': '"other"' })).status).toBe(200);
    expect((await get({ range, 'if-range': `W/"${DIGEST}"` })).status).toBe(200);
  });

  it('ignores a range in another unit', async () => {
    expect((await get({ range: 'lines=1-2' })).status).toBe(200);
  });

  it('is not sent again to whoever has it', async () => {
    expect((await get({ 'if-none-match': `"${DIGEST}"`, range: 'bytes=0-1' })).status).toBe(304);
    await expect(get({ 'if-match': '"other"' })).rejects.toMatchObject({ kind: 'precondition-failed' });
  });

  it('is refused by a veto, while a push may still find out that it is there', async () => {
    const beforeServe = () => Promise.reject(new StoreError('denied', 'not scanned'));
    await expect(get({}, {}, { beforeServe })).rejects.toMatchObject({ kind: 'denied' });
    expect((await get({}, { method: 'HEAD' }, { beforeServe })).status).toBe(200);
  });
});
