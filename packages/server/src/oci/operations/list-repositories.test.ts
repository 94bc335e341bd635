import type { RepositoryName } from '@zot-artifact-store/spec';
import { parseRepositoryName } from '@zot-artifact-store/spec';
import { replyText, runOci } from '@zot-artifact-store/testkit/oci-run.ts';
import { describe, expect, it } from 'vitest';

/** A sorted catalog, and how many names were read from it. */
function catalogOf(names: readonly string[]) {
  const all = names.map(parseRepositoryName);
  const reads: number[] = [];
  const list = async ({ after, limit }: { readonly after?: string; readonly limit: number }) => {
    const rest = after === undefined ? all : all.slice(firstAfter(all, after));
    reads.push(Math.min(limit, rest.length));
    return { items: rest.slice(0, limit), more: rest.length > limit };
  };
  return { parts: { repositories: { list } }, reads };
}

function firstAfter(sorted: readonly RepositoryName[], after: string): number {
  const index = sorted.findIndex((name) => name > after);
  return index < 0 ? sorted.length : index;
}

const numbered = (count: number) => Array.from({ length: count }, (_, i) => `r${String(i).padStart(6, '0')}`);

async function catalog(target: string, parts: ReturnType<typeof catalogOf>['parts'], readable?: RegExp) {
  const reply = await runOci(
    target,
    readable === undefined ? {} : { can: ({ resource }) => readable.test(resource) },
    parts,
  );
  return { link: reply.headers.link, names: JSON.parse(await replyText(reply)).repositories as string[] };
}

describe('the catalog', () => {
  it('lists everything without n, over many pages of the store', async () => {
    const { parts } = catalogOf(numbered(2_500));
    const { names, link } = await catalog('/v2/_catalog', parts);
    expect(names).toEqual(numbered(2_500));
    expect(link).toBeUndefined();
  });

  it('is an empty list for an empty store', async () => {
    expect(await catalog('/v2/_catalog', catalogOf([]).parts)).toEqual({ names: [], link: undefined });
  });

  it('pages with n and last, and links to the next page while there is one', async () => {
    const { parts } = catalogOf(['a', 'a/b', 'b', 'c']);
    expect(await catalog('/v2/_catalog?n=2', parts)).toEqual({
      names: ['a', 'a/b'],
      link: '</v2/_catalog?n=2&last=a%2Fb>; rel="next"',
    });
    expect(await catalog('/v2/_catalog?n=2&last=a%2Fb', parts)).toEqual({
      names: ['b', 'c'],
      link: undefined,
    });
    expect(await catalog('/v2/_catalog?n=9&last=aa', parts)).toEqual({ names: ['b', 'c'], link: undefined });
    expect(await catalog('/v2/_catalog?n=0', parts)).toEqual({ names: [], link: undefined });
  });

  it('shows what may be pulled only, with full pages and links that name nothing else', async () => {
    const { parts } = catalogOf(['a', 'hidden/1', 'hidden/2', 'm', 'n', 'z-hidden']);
    const readable = /^repository:[a-n]$/;
    expect((await catalog('/v2/_catalog', parts, readable)).names).toEqual(['a', 'm', 'n']);
    const first = await catalog('/v2/_catalog?n=2', parts, readable);
    expect(first).toEqual({ names: ['a', 'm'], link: '</v2/_catalog?n=2&last=m>; rel="next"' });
    const second = await catalog('/v2/_catalog?n=2&last=m', parts, readable);
    expect(second).toEqual({ names: ['n'], link: undefined });
  });

  it('stops looking after a hundred thousand names when it has something to go on from', async () => {
    const { parts, reads } = catalogOf(['a', ...numbered(150_000), 'z']);
    const first = await catalog('/v2/_catalog?n=2', parts, /:[az]$/);
    expect(first).toEqual({ names: ['a'], link: '</v2/_catalog?n=2&last=a>; rel="next"' });
    expect(reads.reduce((sum, read) => sum + read)).toBeLessThanOrEqual(100_000);
    const second = await catalog('/v2/_catalog?n=2&last=a', parts, /:[az]$/);
    expect(second).toEqual({ names: ['z'], link: undefined });
  });

  it('stops when the client is gone', async () => {
    const { parts } = catalogOf(numbered(5_000));
    const gone = AbortSignal.abort(new Error('gone'));
    await expect(runOci('/v2/_catalog', { signal: gone }, parts)).rejects.toThrow('gone');
  });
});
