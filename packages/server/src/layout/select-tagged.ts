import {
  type Digest,
  digestAlgorithm,
  digestHex,
  isStoreError,
  isTag,
  type RepositoryName,
  type Tag,
} from '@zot-artifact-store/spec';
import { parseManifest } from '../registry/manifest-parser.ts';
import type { StoredManifest } from '../registry/registry.ts';
import type { ExportSource } from './export-repository.ts';
import { isManifest } from './named-blobs.ts';
import type { IndexEntry } from './write-index.ts';

const PAGE = 100;
/**
 * How tools that do not use the referrers API name what belongs to a manifest: the fallback of the distribution-spec
 * ("Referrers Tag Schema"), and the signatures, attestations and SBOMs of cosign.
 */
const ATTACHED = ['', '.sig', '.att', '.sbom'];

/**
 * The manifests the tags name, with the children of indexes and what refers to any of them. Throws `manifest-unknown`
 * for a tag that is not there.
 */
export async function selectTagged(
  { registry, signal }: ExportSource,
  repository: RepositoryName,
  tags: readonly Tag[],
): Promise<readonly IndexEntry[]> {
  const reached = new Map<Digest, StoredManifest>();
  const named = new Map<Tag, Digest>();
  const waiting: Digest[] = [];
  const reach = (manifest: StoredManifest): void => {
    if (reached.has(manifest.digest)) return;
    reached.set(manifest.digest, manifest);
    waiting.push(manifest.digest);
  };
  const find = async (reference: { tag: Tag } | { digest: Digest }): Promise<StoredManifest | undefined> => {
    try {
      return await registry.manifests.resolve(repository, reference);
    } catch (error) {
      if (isStoreError(error, 'manifest-unknown')) return undefined;
      throw error;
    }
  };
  const name = (tag: Tag, manifest: StoredManifest): void => {
    named.set(tag, manifest.digest);
    reach(manifest);
  };

  for (const tag of tags) name(tag, await registry.manifests.resolve(repository, { tag }));
  for (let digest = waiting.pop(); digest !== undefined; digest = waiting.pop()) {
    signal.throwIfAborted();
    const mediaType = reached.get(digest)?.mediaType ?? '';
    const { children } = parseManifest(await registry.manifests.read(repository, digest), mediaType);
    const belonging = [...children, ...(await referrersOf(registry, repository, digest))];
    for (const other of belonging.filter(isManifest)) {
      const manifest = reached.has(other.digest) ? undefined : await find({ digest: other.digest });
      if (manifest !== undefined) reach(manifest);
    }
    for (const suffix of ATTACHED) {
      const tag = `${digestAlgorithm(digest)}-${digestHex(digest)}${suffix}`;
      const manifest = isTag(tag) ? await find({ tag }) : undefined;
      if (manifest !== undefined && isTag(tag)) name(tag, manifest);
    }
  }
  const isNamed = new Set(named.values());
  const entry = ({ digest, mediaType, sizeBytes }: StoredManifest): IndexEntry => ({
    digest,
    mediaType,
    sizeBytes,
  });
  return [
    ...[...named].flatMap(([tag, digest]) => {
      const manifest = reached.get(digest);
      return manifest === undefined ? [] : [{ ...entry(manifest), tag }];
    }),
    ...[...reached.values()].filter(({ digest }) => !isNamed.has(digest)).map(entry),
  ];
}

async function referrersOf(registry: ExportSource['registry'], repository: RepositoryName, digest: Digest) {
  const found = [];
  let more = true;
  for (let after: string | undefined; more; ) {
    const page = await registry.referrers.list(repository, digest, {
      artifactTypes: [],
      limit: PAGE,
      ...(after === undefined ? {} : { after }),
    });
    found.push(...page.items);
    after = page.items.at(-1)?.digest;
    more = page.more;
  }
  return found;
}
