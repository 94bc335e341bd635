import type { Entry, Key, MetadataStore, Range } from '../metadata/metadata-store.ts';

const PAGE = 500;

/** Every entry of the range, a page in memory at a time; pages are snapshots of their own. */
export async function* scanAll(
  metadata: MetadataStore,
  range: Range,
  options: { readonly pageSize?: number; readonly after?: Key; readonly signal?: AbortSignal } = {},
): AsyncGenerator<Entry> {
  const { pageSize = PAGE, signal } = options;
  let { after } = options;
  for (;;) {
    signal?.throwIfAborted();
    const page = await metadata.scan(
      range,
      after === undefined ? { limit: pageSize } : { limit: pageSize, after },
    );
    yield* page;
    const last = page.at(-1);
    if (last === undefined || page.length < pageSize) return;
    after = last.key;
  }
}
