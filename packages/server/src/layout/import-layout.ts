import { opendir } from 'node:fs/promises';
import { join } from 'node:path';
import {
  DIGEST_HEX_LENGTH,
  type Digest,
  isStoreError,
  type RepositoryName,
  StoreError,
  type Tag,
  tryParseDigest,
} from '@zot-artifact-store/spec';
import type { OutsideFile } from '../content/content-store.ts';
import type { Principal } from '../extension/access.ts';
import type { OwnRegistry } from '../registry/create-registry.ts';
import { eachLimited } from '../work/each-limited.ts';
import { ImportBlobs } from './import-blobs.ts';
import { ImportManifests } from './import-manifests.ts';
import { isMissing, translate } from './outside-file.ts';
import { BLOBS_FOLDER, type Layout, type LayoutEntry } from './read-layout.ts';
import { tagOfRefName } from './ref-name.ts';
import type { TransferLog } from './transfer-log.ts';

/** Where an import brings things, and how. */
export interface ImportTarget {
  readonly registry: Pick<OwnRegistry, 'manifests' | 'blobs' | 'takeOver'>;
  readonly principal: Principal;
  readonly manifestMaxBytes: number;
  /** Whether the store may share bytes with the layout by hard links. */
  readonly mayLink: boolean;
  /** Whether a tag that is there moves to what the layout says; else it stays. */
  readonly movesTags: boolean;
  readonly signal: AbortSignal;
}

/** One layout on its way into one repository. */
export interface LayoutSource {
  readonly layout: Layout;
  readonly repository: RepositoryName;
  /** The tag of the only entry, in place of its name in the layout. */
  readonly tag?: Tag;
  /** Where else the bytes may be that an empty file stands for. */
  findElsewhere?(digest: Digest): Promise<OutsideFile | undefined>;
}

/** A manifest that index.json lists. */
export interface WantedManifest {
  readonly digest: Digest;
  readonly mediaType: string;
  readonly tags: Tag[];
}

const MANIFESTS_AT_ONCE = 16;

/**
 * Brings a layout into a repository: what index.json lists, with all that it leads to, blobs before the manifests that
 * name them and manifests before the indexes that name them, so that a client of a running server sees whole images.
 * What is there already is left as it is, so a second run finishes a first. Throws when the store itself fails.
 */
export async function importLayout(
  target: ImportTarget,
  source: LayoutSource,
  log: TransferLog,
): Promise<void> {
  const { layout, repository } = source;
  const row = log.row(repository);
  for (const reason of layout.faults) log.problem({ kind: 'descriptor-invalid', repository, reason });
  const wanted = collectWanted(source, log);
  const blobs = new ImportBlobs(target, source, { row, log });
  const manifests = new ImportManifests(target, source, { row, log, blobs, wanted });
  await eachLimited(wanted.values(), MANIFESTS_AT_ONCE, ({ digest, mediaType }) =>
    manifests.bring(digest, mediaType),
  );
  await noteUnreferenced(target, source, { log, isReported: (digest) => blobs.isLost(digest) });
}

/** What index.json lists, each manifest once. Of several manifests for a tag the first counts, as in zot. */
function collectWanted(
  { layout, repository, tag: only }: LayoutSource,
  log: TransferLog,
): ReadonlyMap<Digest, WantedManifest> {
  const wanted = new Map<Digest, WantedManifest>();
  const owners = new Map<Tag, Digest>();
  for (const entry of layout.entries) {
    const { digest, mediaType } = entry;
    const manifest = wanted.get(digest) ?? { digest, mediaType, tags: [] };
    wanted.set(digest, manifest);
    const tag = only ?? tagOf(entry, repository, log);
    if (tag === undefined) continue;
    const owner = owners.get(tag);
    if (owner === undefined) {
      owners.set(tag, digest);
      manifest.tags.push(tag);
    } else if (owner !== digest) {
      const reason = `the layout gives the tag to ${owner} as well, which it went to`;
      log.problem({ kind: 'tag-repeated', repository, digest, tag, reason });
    }
  }
  if (only !== undefined && wanted.size !== 1) {
    throw new StoreError(
      'argument-invalid',
      `--tag names one image and the layout lists ${wanted.size}; leave it out to use the names in the layout`,
    );
  }
  return wanted;
}

function tagOf(
  { refName, digest }: LayoutEntry,
  repository: RepositoryName,
  log: TransferLog,
): Tag | undefined {
  if (refName === undefined) return undefined;
  const tag = tagOfRefName(refName);
  if (tag === undefined) {
    const reason = `there is no tag in its name "${refName.slice(0, 140)}"; it can be had by digest`;
    log.problem({ kind: 'tag-invalid', repository, digest, reason });
  }
  return tag;
}

/** Files under blobs that nothing brought into the repository. */
async function noteUnreferenced(
  { registry, signal }: ImportTarget,
  { layout, repository }: LayoutSource,
  { log, isReported }: { readonly log: TransferLog; isReported(digest: Digest): boolean },
): Promise<void> {
  const isThere = async (digest: Digest): Promise<boolean> =>
    (await isKnown(registry.blobs.stat(repository, digest))) ||
    (await isKnown(registry.manifests.resolve(repository, { digest })));
  for (const algorithm of Object.keys(DIGEST_HEX_LENGTH)) {
    for await (const name of namesIn(join(layout.folder, BLOBS_FOLDER, algorithm))) {
      signal.throwIfAborted();
      const digest = tryParseDigest(`${algorithm}:${name}`);
      if (digest === undefined) {
        const reason = `${algorithm}/${name.slice(0, 140)} is not named as a blob is`;
        log.note({ kind: 'file-unknown', repository, reason });
      } else if (!isReported(digest) && !(await isThere(digest))) {
        const reason = 'nothing that was imported names it';
        log.note({ kind: 'unreferenced', repository, digest, reason });
      }
    }
  }
}

async function* namesIn(folder: string): AsyncGenerator<string> {
  try {
    for await (const { name } of await opendir(folder, { bufferSize: 256 })) yield name;
  } catch (error) {
    if (!isMissing(error)) throw translate(error);
  }
}

async function isKnown(found: Promise<unknown>): Promise<boolean> {
  try {
    await found;
    return true;
  } catch (error) {
    const isUnknown = (['blob-unknown', 'manifest-unknown', 'repository-unknown'] as const).some((kind) =>
      isStoreError(error, kind),
    );
    if (isUnknown) return false;
    throw error;
  }
}
