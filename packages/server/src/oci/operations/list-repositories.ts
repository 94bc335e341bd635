import type { Reply, RequestContext } from '../../http/protocol.ts';
import type { Page } from '../../registry/registry.ts';
import type { OciDeps } from '../deps.ts';
import { nextLink } from '../locations.ts';
import type { ListRepositories, PageQuery } from '../operation.ts';
import { stringListReply } from '../string-list.ts';

/** Names read from the store at a time. */
const SCAN_PAGE = 1000;
/** The most entries of one page, whatever `n` asks for. */
const MAX_PAGE = 10_000;
/** Names looked at for one page of readable ones, once there is something to go on from. */
const MAX_SCANNED = 100_000;

/** The catalog, in byte order: the repositories the client may pull from, and no trace of the others. */
export async function listRepositories(
  { page }: ListRepositories,
  context: RequestContext,
  deps: OciDeps,
): Promise<Reply> {
  const before = '{"repositories":[';
  if (page.count === undefined) {
    return stringListReply({ before, after: ']}', pages: readablePages(page.after, context, deps) });
  }
  const { items, more } = await collectReadable(page, page.count, context, deps);
  const last = items.at(-1);
  return {
    status: 200,
    headers: {
      'content-type': 'application/json',
      ...(more && last !== undefined
        ? {
            link: nextLink('/v2/_catalog', [
              ['n', String(page.count)],
              ['last', last],
            ]),
          }
        : {}),
    },
    body: `${before}${JSON.stringify(items).slice(1, -1)}]}`,
  };
}

/**
 * Up to `count` readable names. A scan through very many unreadable ones stops early with what it has, and the next
 * page goes on behind the last *readable* name: to name another would give away that it exists.
 */
async function collectReadable(
  page: PageQuery,
  count: number,
  context: RequestContext,
  deps: OciDeps,
): Promise<Page<string>> {
  const wanted = Math.min(count, MAX_PAGE);
  const items: string[] = [];
  if (wanted === 0) return { items, more: false };
  let scanned = 0;
  for await (const { items: names, more } of readablePages(page.after, context, deps)) {
    items.push(...names);
    scanned += SCAN_PAGE;
    if (items.length > wanted) return { items: items.slice(0, wanted), more: true };
    if (more && items.length > 0 && scanned >= MAX_SCANNED) return { items, more: true };
  }
  return { items, more: false };
}

/** The readable names after `after`; one page for each page of the store, so possibly empty ones. */
async function* readablePages(
  start: string | undefined,
  context: RequestContext,
  { registry }: OciDeps,
): AsyncGenerator<Page<string>> {
  let after = start;
  for (;;) {
    context.signal.throwIfAborted();
    const found = await registry.repositories.list({
      ...(after === undefined ? {} : { after }),
      limit: SCAN_PAGE,
    });
    const names: string[] = [];
    for (const name of found.items) {
      if (await context.can({ action: 'oci:Pull', resource: `repository:${name}` })) names.push(name);
    }
    yield { items: names, more: found.more };
    after = found.items.at(-1);
    if (!found.more || after === undefined) return;
  }
}
