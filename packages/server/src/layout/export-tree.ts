import type { RepositoryName } from '@zot-artifact-store/spec';
import type { Repositories } from '../registry/registry.ts';
import { type ExportSource, exportRepository } from './export-repository.ts';
import { BLOBS_FOLDER, INDEX_FILE, LAYOUT_FILE } from './read-layout.ts';
import { makeFolders } from './safe-folders.ts';
import { leavable, type TransferLog } from './transfer-log.ts';

const PAGE = 100;
/** Below a repository these are files of its layout, so no repository can have its folder there. */
const RESERVED: ReadonlySet<string> = new Set([BLOBS_FOLDER, INDEX_FILE, LAYOUT_FILE]);

/** Writes every repository into the folder below `root` that its name spells: a root directory for zot. */
export async function exportTree(
  source: ExportSource & { readonly repositories: Repositories },
  root: string,
  log: TransferLog,
): Promise<void> {
  for await (const repository of allRepositories(source.repositories)) {
    source.signal.throwIfAborted();
    const parts = repository.split('/');
    const reserved = parts.slice(1).find((part) => RESERVED.has(part));
    if (reserved !== undefined) {
      const reason = `"${reserved}" in its name is a file of the layout above it; export it with --repository`;
      log.problem({ kind: 'name-reserved', repository, reason });
      continue;
    }
    try {
      const folder = await makeFolders(root, parts);
      await exportRepository(source, { repository, tags: [], folder }, log);
    } catch (error) {
      const { kind, message } = leavable(error);
      // Deleted since the list was read.
      if (kind !== 'repository-unknown') log.problem({ kind, repository, reason: message });
    }
  }
}

async function* allRepositories(repositories: Repositories): AsyncGenerator<RepositoryName> {
  let more = true;
  for (let after: string | undefined; more; ) {
    const page = await repositories.list({ limit: PAGE, ...(after === undefined ? {} : { after }) });
    yield* page.items;
    after = page.items.at(-1);
    more = page.more;
  }
}
