import type { Reply, RequestContext } from '../../http/protocol.ts';
import type { Page } from '../../registry/registry.ts';
import type { OciDeps } from '../deps.ts';
import { nextLink } from '../locations.ts';
import type { ListTags } from '../operation.ts';
import { stringListReply } from '../string-list.ts';

/** More tags than this come as several pages, whatever `n` asks for. */
const MAX_PAGE = 10_000;

/** end-8a, end-8b: the tags of a repository in byte order. Without `n` all of them, however many. */
export async function listTags(operation: ListTags, _context: RequestContext, deps: OciDeps): Promise<Reply> {
  const { repository, page } = operation;
  const before = `{"name":${JSON.stringify(repository)},"tags":[`;
  if (page.count === undefined) {
    return stringListReply({ before, after: ']}', pages: allTags(operation, deps) });
  }
  // One is read even when none was asked for, to tell an empty list from an unknown repository.
  const found = await deps.registry.tags.names(repository, {
    ...(page.after === undefined ? {} : { after: page.after }),
    limit: Math.max(1, Math.min(page.count, MAX_PAGE)),
  });
  const tags = page.count === 0 ? [] : found.items;
  const last = tags.at(-1);
  return {
    status: 200,
    headers: {
      'content-type': 'application/json',
      ...(found.more && last !== undefined
        ? {
            link: nextLink(`/v2/${repository}/tags/list`, [
              ['n', String(page.count)],
              ['last', last],
            ]),
          }
        : {}),
    },
    body: `${before}${JSON.stringify(tags).slice(1, -1)}]}`,
  };
}

async function* allTags({ repository, page }: ListTags, { registry }: OciDeps): AsyncGenerator<Page<string>> {
  let after = page.after;
  for (;;) {
    const found = await registry.tags.names(repository, {
      ...(after === undefined ? {} : { after }),
      limit: MAX_PAGE,
    });
    yield found;
    after = found.items.at(-1);
    if (!found.more || after === undefined) return;
  }
}
