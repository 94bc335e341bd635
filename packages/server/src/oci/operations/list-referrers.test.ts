import { type Descriptor, MediaType, parseDigest } from '@zot-artifact-store/spec';
import { replyText, runOci } from '@zot-artifact-store/testkit/oci-run.ts';
import { describe, expect, it } from 'vitest';

const SUBJECT = `sha256:${'f'.repeat(64)}`;

function descriptor(index: number, more: Partial<Descriptor> = {}): Descriptor {
  const digest = parseDigest(`sha256:${index.toString(16).padStart(64, '0')}`);
  return { mediaType: MediaType.imageManifest, digest, size: 7, artifactType: 'a/x', ...more };
}

function referring(all: readonly Descriptor[]) {
  const seen: (readonly string[])[] = [];
  const list = async (
    _repository: string,
    _digest: string,
    options: { readonly artifactTypes: readonly string[]; readonly after?: string; readonly limit: number },
  ) => {
    seen.push(options.artifactTypes);
    const rest = all.filter(({ digest }) => options.after === undefined || digest > options.after);
    return { items: rest.slice(0, options.limit), more: rest.length > options.limit };
  };
  return { parts: { referrers: { list } }, seen };
}

async function list(query: string, all: readonly Descriptor[]) {
  const reply = await runOci(`/v2/a/referrers/${SUBJECT}${query}`, {}, referring(all).parts);
  const index = JSON.parse(await replyText(reply));
  expect(reply.headers['content-type']).toBe(MediaType.imageIndex);
  expect(index).toMatchObject({ schemaVersion: 2, mediaType: MediaType.imageIndex });
  return { reply, manifests: index.manifests as Descriptor[] };
}

describe('the referrers list', () => {
  it('is an empty index when nothing refers to the digest', async () => {
    const { manifests, reply } = await list('', []);
    expect(manifests).toEqual([]);
    expect(reply.headers.link).toBeUndefined();
    expect(reply.headers['oci-filters-applied']).toBeUndefined();
  });

  it('holds five thousand descriptors in one answer', async () => {
    const all = Array.from({ length: 5_000 }, (_, i) => descriptor(i, { annotations: { n: String(i) } }));
    const { manifests, reply } = await list('', all);
    expect(manifests).toEqual(all);
    expect(reply.headers.link).toBeUndefined();
  });

  it('leaves out what a list of referrers does not hold', async () => {
    const { manifests } = await list('', [descriptor(1, { data: 'e30=', urls: ['https://example.com'] })]);
    expect(manifests).toEqual([descriptor(1)]);
  });

  it('says that it filtered, with every type that was asked for', async () => {
    const { parts, seen } = referring([descriptor(1)]);
    const reply = await runOci(
      `/v2/a/referrers/${SUBJECT}?artifactType=a/x&artifactType=a%2Fy%2Bz`,
      {},
      parts,
    );
    expect(reply.headers['oci-filters-applied']).toBe('artifactType');
    expect(seen).toEqual([['a/x', 'a/y+z']]);
  });

  it('pages with n, and keeps the filter in the link', async () => {
    const all = [descriptor(1), descriptor(2), descriptor(3)];
    const { manifests, reply } = await list('?n=2&artifactType=a/x', all);
    expect(manifests).toEqual(all.slice(0, 2));
    const last = encodeURIComponent(descriptor(2).digest);
    expect(reply.headers.link).toBe(
      `</v2/a/referrers/${SUBJECT}?n=2&last=${last}&artifactType=a%2Fx>; rel="next"`,
    );
    const rest = await list(`?n=2&last=${last}&artifactType=a/x`, all);
    expect(rest.manifests).toEqual([descriptor(3)]);
    expect(rest.reply.headers.link).toBeUndefined();
  });

  it('has no link when the last page is full', async () => {
    expect((await list('?n=2', [descriptor(1), descriptor(2)])).reply.headers.link).toBeUndefined();
    expect((await list('?n=0', [descriptor(1)])).reply.headers.link).toBeUndefined();
  });

  it('cuts a page at the size of the largest manifest, and links to the rest', async () => {
    const all = [1, 2, 3].map((i) => descriptor(i, { annotations: { big: 'x'.repeat(3_000_000) } }));
    const found: Descriptor[] = [];
    let query = '';
    for (let pages = 0; pages < 3; pages++) {
      const { manifests, reply } = await list(query, all);
      expect(manifests).toHaveLength(1);
      found.push(...manifests);
      const link = reply.headers.link?.toString();
      if (pages === 2) expect(link).toBeUndefined();
      else query = /\?[^>]*/.exec(link ?? '')?.[0] ?? 'none';
    }
    expect(found).toEqual(all);
  });

  it('sends a descriptor that is too large for any page by itself', async () => {
    const huge = descriptor(1, { annotations: { big: 'x'.repeat(5_000_000) } });
    expect((await list('', [huge])).manifests).toEqual([huge]);
  });
});
