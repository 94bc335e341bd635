import type { Digest, RepositoryName, Tag } from '@zot-artifact-store/spec';
import type { OwnRegistry } from '../registry/create-registry.ts';
import type { StoredManifest } from '../registry/registry.ts';
import { BlobFolder } from './blob-folder.ts';
import { ExportManifests, unlessGone } from './export-manifests.ts';
import { selectTagged } from './select-tagged.ts';
import type { TransferLog } from './transfer-log.ts';
import { type IndexEntry, writeIndex } from './write-index.ts';

/** Where an export takes things from, and how. */
export interface ExportSource {
  readonly registry: Pick<OwnRegistry, 'manifests' | 'tags' | 'blobs' | 'referrers' | 'linkOut'>;
  /** Whether the layout may share bytes with the store by hard links. */
  readonly mayLink: boolean;
  readonly signal: AbortSignal;
}

export interface RepositoryExport {
  readonly repository: RepositoryName;
  /** Only these, with all they need and all that refers to them; everything when empty. */
  readonly tags: readonly Tag[];
  /** An existing folder. */
  readonly folder: string;
}

const PAGE = 100;

/**
 * Writes a repository as an OCI image layout that zot serves too: index.json lists each manifest once for every tag,
 * and once without a name when it has none, children of indexes and referrers included. What the folder has already is
 * kept. Throws `manifest-unknown` and `repository-unknown`, and when the store or the disk fails.
 */
export async function exportRepository(
  source: ExportSource,
  { repository, tags, folder }: RepositoryExport,
  log: TransferLog,
): Promise<void> {
  const { registry, signal } = source;
  const selected = tags.length === 0 ? undefined : await selectTagged(source, repository, tags);
  // Also a repository without tags must be there.
  if (selected === undefined) await registry.tags.list(repository, { limit: 1 });
  const files = new BlobFolder(folder);
  await files.open();
  try {
    const manifests = new ExportManifests(source, { repository, files, row: log.row(repository), log });
    const pages = selected === undefined ? pagesOfAll(source, repository) : pagesOf(selected);
    const entries = async function* () {
      for await (const page of pages) {
        signal.throwIfAborted();
        const there = await manifests.write(page);
        yield* page.filter(({ digest }) => there.has(digest));
      }
    };
    await writeIndex(folder, files, entries());
  } finally {
    await files.close();
  }
}

/** A page at a time: every tag, then every manifest without one. */
async function* pagesOfAll(
  { registry }: ExportSource,
  repository: RepositoryName,
): AsyncGenerator<readonly IndexEntry[]> {
  const tagged = new Set<Digest>();
  let more = true;
  for (let after: string | undefined; more; ) {
    const page = await registry.tags.list(repository, {
      limit: PAGE,
      ...(after === undefined ? {} : { after }),
    });
    const entries: IndexEntry[] = [];
    for (const { tag } of page.items) {
      // Looked up again: the tag may have moved or gone since the page was read, and what it named with it.
      const manifest = await unlessGone(registry.manifests.resolve(repository, { tag }));
      if (manifest === undefined) continue;
      tagged.add(manifest.digest);
      entries.push({ ...entryOf(manifest), tag });
    }
    yield entries;
    after = page.items.at(-1)?.tag;
    more = page.more;
  }
  more = true;
  for (let after: Digest | undefined; more; ) {
    const page = await registry.manifests.list(repository, {
      limit: PAGE,
      ...(after === undefined ? {} : { after }),
    });
    yield page.items.filter(({ digest }) => !tagged.has(digest)).map(entryOf);
    after = page.items.at(-1)?.digest;
    more = page.more;
  }
}

async function* pagesOf(entries: readonly IndexEntry[]): AsyncGenerator<readonly IndexEntry[]> {
  for (let at = 0; at < entries.length; at += PAGE) yield entries.slice(at, at + PAGE);
}

function entryOf({ digest, mediaType, sizeBytes }: StoredManifest): IndexEntry {
  return { digest, mediaType, sizeBytes };
}
