import { parseTag, StoreError } from '@zot-artifact-store/spec';
import { replyText, runOci } from '@zot-artifact-store/testkit/oci-run.ts';
import { describe, expect, it } from 'vitest';

function tagged(names: readonly string[]) {
  const all = [...names].sort().map((name) => parseTag(name));
  return {
    tags: {
      names: async (_: unknown, { after, limit }: { readonly after?: string; readonly limit: number }) => {
        const rest = all.filter((tag) => after === undefined || tag > after);
        return { items: rest.slice(0, limit), more: rest.length > limit };
      },
    },
  };
}

async function list(query: string, names: readonly string[]) {
  const reply = await runOci(`/v2/a/b/tags/list${query}`, {}, tagged(names));
  const body = JSON.parse(await replyText(reply));
  expect(body.name).toBe('a/b');
  return { tags: body.tags, link: reply.headers.link };
}

describe('the tag list', () => {
  it.each([
    ['', ['B', 'a', 'c'], undefined],
    ['?n=2', ['B', 'a'], '</v2/a/b/tags/list?n=2&last=a>; rel="next"'],
    ['?n=3', ['B', 'a', 'c'], undefined],
    ['?n=0', [], undefined],
    ['?n=0&last=B', [], undefined],
    ['?last=a', ['c'], undefined],
    ['?n=1&last=aa', ['c'], undefined],
    ['?n=1&last=B', ['a'], '</v2/a/b/tags/list?n=1&last=a>; rel="next"'],
    ['?n=5&last=zzz', [], undefined],
    ['?n=99999999999999999999', ['B', 'a', 'c'], undefined],
  ])('with "%s" is %j', async (query, tags, link) => {
    expect(await list(query, ['a', 'B', 'c'])).toEqual({ tags, link });
  });

  it('without n holds every tag, however many', async () => {
    const names = Array.from({ length: 25_000 }, (_, i) => `t${String(i).padStart(6, '0')}`);
    expect((await list('', names)).tags).toEqual(names);
  });

  it('answers a too large n with a shorter page and a link', async () => {
    const names = Array.from({ length: 10_001 }, (_, i) => `t${String(i).padStart(6, '0')}`);
    const { tags, link } = await list('?n=20000', names);
    expect(tags).toEqual(names.slice(0, 10_000));
    expect(link).toBe('</v2/a/b/tags/list?n=20000&last=t009999>; rel="next"');
  });

  it.each(['', '?n=0', '?n=5'])('of an unknown repository is an error with "%s"', async (query) => {
    const unknown = {
      tags: { names: () => Promise.reject(new StoreError('repository-unknown', 'no such repository')) },
    };
    await expect(runOci(`/v2/a/tags/list${query}`, {}, unknown)).rejects.toMatchObject({
      kind: 'repository-unknown',
    });
  });
});
