import type { Reply } from '../http/protocol.ts';
import type { Page } from '../registry/registry.ts';

export interface StringList {
  /** The JSON before the list's items, and after them. */
  readonly before: string;
  readonly after: string;
  /** The items, page by page; `more` says whether another page follows. */
  readonly pages: AsyncGenerator<Page<string>>;
}

/**
 * A JSON document around a list of any length, with one page in memory at a time. The first page is awaited, so that
 * what is wrong with the request is still an error reply; a list that ends with it is sent whole.
 */
export async function stringListReply(list: StringList): Promise<Reply> {
  const first = await list.pages.next();
  const headers = { 'content-type': 'application/json' };
  if (first.done || !first.value.more) {
    await list.pages.return(undefined);
    const items = first.done ? [] : first.value.items;
    return { status: 200, headers, body: list.before + joinItems(items) + list.after };
  }
  return { status: 200, headers, body: { stream: render(list, first.value) } };
}

async function* render(list: StringList, first: Page<string>): AsyncGenerator<Uint8Array> {
  yield Buffer.from(list.before + joinItems(first.items));
  let lead = first.items.length === 0 ? '' : ',';
  for await (const { items } of list.pages) {
    if (items.length === 0) continue;
    yield Buffer.from(lead + joinItems(items));
    lead = ',';
  }
  yield Buffer.from(list.after);
}

function joinItems(items: readonly string[]): string {
  return JSON.stringify(items).slice(1, -1);
}
