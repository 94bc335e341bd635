import { MediaType, parseDigest, StoreError } from '@zot-artifact-store/spec';
import { type OciRequest, replyText, runOci } from '@zot-artifact-store/testkit/oci-run.ts';
import { describe, expect, it } from 'vitest';
import type { OciDeps } from '../deps.ts';

const DIGEST = parseDigest(`sha256:${'1'.repeat(64)}`);
const BYTES = Buffer.from('{ "schemaVersion": 2 }');

function read(target: string, request: OciRequest = {}, vetoes: OciDeps['vetoes'] = {}) {
  const manifests = {
    resolve: async () => ({
      digest: DIGEST,
      mediaType: MediaType.imageIndex,
      sizeBytes: BYTES.length,
      pushedAtMs: 0,
    }),
    ...(request.method === 'HEAD' ? {} : { read: async () => BYTES }),
  };
  return runOci(target, request, { manifests }, { vetoes });
}

describe('reading a manifest', () => {
  it('gives the stored bytes and type, whatever is accepted', async () => {
    const reply = await read('/v2/a/manifests/v1', { headers: { accept: 'text/html' } });
    expect(reply.status).toBe(200);
    expect(reply.headers).toMatchObject({
      'content-type': MediaType.imageIndex,
      'docker-content-digest': DIGEST,
      etag: `"${DIGEST}"`,
      'cache-control': 'no-cache',
    });
    expect(await replyText(reply)).toBe(BYTES.toString());
  });

  it('by digest may be kept for good', async () => {
    const reply = await read(`/v2/a/manifests/${DIGEST}`);
    expect(reply.headers['cache-control']).toContain('immutable');
  });

  it('by HEAD tells the length and reads nothing', async () => {
    const reply = await read('/v2/a/manifests/v1', { method: 'HEAD' });
    expect(reply).toMatchObject({ status: 200, headers: { 'content-length': String(BYTES.length) } });
    expect(reply.body).toBeUndefined();
  });

  it('is not sent again to whoever has it', async () => {
    const reply = await read('/v2/a/manifests/v1', { headers: { 'if-none-match': `"x", W/"${DIGEST}"` } });
    expect(reply.status).toBe(304);
    expect(reply.headers).toMatchObject({ etag: `"${DIGEST}"`, 'docker-content-digest': DIGEST });
    expect(reply.body).toBeUndefined();
  });

  it('fails when another one was expected', async () => {
    const headers = { 'if-match': '"sha256:other"' };
    await expect(read('/v2/a/manifests/v1', { headers })).rejects.toMatchObject({
      kind: 'precondition-failed',
    });
  });

  it.each(['GET', 'HEAD'])('is refused by a veto for %s', async (method) => {
    const asked: unknown[] = [];
    const beforeServe = async (about: object) => {
      asked.push(about);
      throw new StoreError('denied', 'not signed');
    };
    await expect(read('/v2/a/manifests/v1', { method }, { beforeServe })).rejects.toMatchObject({
      kind: 'denied',
    });
    expect(asked).toMatchObject([{ repository: 'a', kind: 'manifest', digest: DIGEST }]);
  });
});
