import { MediaType, parseDigest } from '@zot-artifact-store/spec';
import { type OciRequest, runOci } from '@zot-artifact-store/testkit/oci-run.ts';
import { describe, expect, it } from 'vitest';
import type { PutManifest } from '../../registry/registry.ts';

const DIGEST = parseDigest(`sha256:${'1'.repeat(64)}`);
const OTHER = `sha256:${'2'.repeat(64)}`;

/** Puts on a registry that takes everything; also gives what the registry was asked. */
async function put(target: string, request: OciRequest, deps = {}, subject?: string) {
  const puts: PutManifest[] = [];
  const manifests = {
    put: async (asked: PutManifest) => {
      puts.push(asked);
      return {
        digest: DIGEST,
        tags: asked.tags,
        created: true,
        ...(subject === undefined ? {} : { subject: parseDigest(subject) }),
      };
    },
  };
  const headers = { 'content-type': MediaType.imageManifest, ...request.headers };
  const reply = await runOci(target, { method: 'PUT', body: '{}', ...request, headers }, { manifests }, deps);
  return { reply, asked: puts[0] };
}

describe('pushing a manifest', () => {
  it('answers where it is and what it is', async () => {
    const { reply, asked } = await put('/v2/a/manifests/v1', {});
    expect(reply).toEqual({
      status: 201,
      headers: {
        location: `/v2/a/manifests/${DIGEST}`,
        'docker-content-digest': DIGEST,
        etag: `"${DIGEST}"`,
      },
    });
    expect(asked).toMatchObject({ repository: 'a', reference: { tag: 'v1' }, tags: [] });
    expect(asked).not.toHaveProperty('condition');
  });

  it('names the subject and every tag it set', async () => {
    const { reply } = await put(`/v2/a/manifests/${DIGEST}?tag=x&tag=y&tag=x`, {}, {}, OTHER);
    expect(reply.headers).toMatchObject({ 'oci-subject': OTHER, 'oci-tag': ['x', 'y'] });
  });

  it.each([
    'application/vnd.oci.image.manifest.v1+json; charset=utf-8',
    'Application/Vnd.OCI.image.manifest.v1+JSON',
  ])('takes the type from "%s"', async (type) => {
    const { asked } = await put('/v2/a/manifests/v1', { headers: { 'content-type': type } });
    expect(asked?.mediaType).toBe(MediaType.imageManifest);
  });

  it.each(['', 'text/plain', 'application/json', MediaType.dockerManifest, MediaType.dockerManifestList])(
    'refuses the type "%s"',
    async (type) => {
      await expect(put('/v2/a/manifests/v1', { headers: { 'content-type': type } })).rejects.toMatchObject({
        kind: 'media-type-unsupported',
      });
    },
  );

  it('takes docker manifests where the config says so, with a word about it', async () => {
    const { reply, asked } = await put(
      '/v2/a/manifests/v1',
      { headers: { 'content-type': MediaType.dockerManifest } },
      { compat: { docker2s2: true } },
    );
    expect(asked?.mediaType).toBe(MediaType.dockerManifest);
    expect(reply.headers.warning).toMatch(/^299 - "docker schema 2 /);
  });

  it('refuses what is larger than a manifest may be, before reading it', async () => {
    const limits = { manifestMaxBytes: 10 };
    const large = put('/v2/a/manifests/v1', { body: 'x'.repeat(11) }, { limits });
    await expect(large).rejects.toMatchObject({ kind: 'manifest-too-large', detail: { limitBytes: 10 } });
    await expect(put('/v2/a/manifests/v1', { body: 'x'.repeat(10) }, { limits })).resolves.toBeDefined();
  });

  it.each([
    [{ 'if-match': '*' }, { ifMatch: 'any' }],
    [{ 'if-none-match': '*' }, { ifNoneMatch: 'any' }],
    [{ 'if-match': `"${DIGEST}", "${OTHER}"` }, { ifMatch: [DIGEST, OTHER] }],
    [{ 'if-match': `W/"${DIGEST}"` }, { ifMatch: [] }],
    [{ 'if-none-match': `W/"${DIGEST}"` }, { ifNoneMatch: [DIGEST] }],
    [
      { 'if-match': `"${DIGEST}"`, 'if-none-match': `"${OTHER}"` },
      { ifMatch: [DIGEST], ifNoneMatch: [OTHER] },
    ],
  ])('passes on the condition of %j', async (headers, condition) => {
    const { asked } = await put('/v2/a/manifests/v1', { headers });
    expect(asked?.condition).toEqual(condition);
  });

  it('refuses a condition it cannot read', async () => {
    await expect(put('/v2/a/manifests/v1', { headers: { 'if-match': '"open' } })).rejects.toMatchObject({
      kind: 'argument-invalid',
    });
  });
});
