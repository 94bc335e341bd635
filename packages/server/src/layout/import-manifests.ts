import { hash } from 'node:crypto';
import {
  type Digest,
  digestAlgorithm,
  isStoreError,
  makeDigest,
  StoreError,
  type Tag,
} from '@zot-artifact-store/spec';
import { parseBoundedJson } from '../registry/bounded-json.ts';
import { type ParsedManifest, parseManifest } from '../registry/manifest-parser.ts';
import { eachLimited } from '../work/each-limited.ts';
import { type ImportBlobs, isMissingFile, kindOf } from './import-blobs.ts';
import type { ImportTarget, LayoutSource, WantedManifest } from './import-layout.ts';
import { isManifest, namedBlobs } from './named-blobs.ts';
import { readOutsideFile } from './outside-file.ts';
import { leavable, type TransferLog, type TransferRow } from './transfer-log.ts';

/** Indexes in indexes; nobody has more than two. */
const MAX_DEPTH = 16;
const BLOBS_AT_ONCE = 2;
/** Tags set in one transaction. */
const TAGS_AT_ONCE = 100;
/** What happens between a look and the put does not happen more often in a row. */
const ATTEMPTS = 3;

const TAGS_SHOWN = 5;

interface ReadManifest {
  readonly digest: Digest;
  readonly bytes: Buffer;
  readonly mediaType: string;
  readonly parsed: ParsedManifest;
}

/** The manifests of one layout on their way into one repository, each once. */
export class ImportManifests {
  readonly #target: ImportTarget;
  readonly #source: LayoutSource;
  readonly #row: TransferRow;
  readonly #log: TransferLog;
  readonly #blobs: ImportBlobs;
  readonly #wanted: ReadonlyMap<Digest, WantedManifest>;
  readonly #brought = new Map<Digest, Promise<void>>();
  readonly #keptTags = new Set<Tag>();

  constructor(
    target: ImportTarget,
    source: LayoutSource,
    to: {
      readonly row: TransferRow;
      readonly log: TransferLog;
      readonly blobs: ImportBlobs;
      readonly wanted: ReadonlyMap<Digest, WantedManifest>;
    },
  ) {
    this.#target = target;
    this.#source = source;
    this.#row = to.row;
    this.#log = to.log;
    this.#blobs = to.blobs;
    this.#wanted = to.wanted;
  }

  /** Brings a manifest with all it names and the tags the layout gives it. What cannot be brought is reported. */
  bring(digest: Digest, mediaType: string, depth = 0): Promise<void> {
    const before = this.#brought.get(digest);
    if (before !== undefined) return before;
    const bringing = this.#bring(digest, mediaType, depth).catch((error: unknown) => {
      this.#lose(digest, leavable(error));
    });
    this.#brought.set(digest, bringing);
    return bringing;
  }

  async #bring(digest: Digest, listedAs: string, depth: number): Promise<void> {
    this.#target.signal.throwIfAborted();
    if (depth > MAX_DEPTH)
      throw new StoreError('manifest-invalid', `it is more than ${MAX_DEPTH} indexes deep`);
    const manifest = await this.#read(digest, listedAs);
    for (const child of manifest.parsed.children) {
      if (isManifest(child)) await this.bring(child.digest, child.mediaType, depth + 1);
    }
    for (let attempt = 1; ; attempt++) {
      const { blobs, isNew } = await this.#bringBlobs(manifest.parsed);
      try {
        await this.#put(manifest, isNew);
      } catch (error) {
        // A tag was set meanwhile; or a blob went before the manifest held it, where storage.gcDelay is very short.
        const mayPass =
          isStoreError(error, 'precondition-failed') || isStoreError(error, 'manifest-blob-unknown');
        if (attempt < ATTEMPTS && mayPass) continue;
        throw error;
      }
      if (attempt === ATTEMPTS || (await this.#hasAll(blobs))) return;
    }
  }

  async #read(digest: Digest, listedAs: string): Promise<ReadManifest> {
    const { path } = await this.#blobs.findManifest(digest);
    const bytes = await readOutsideFile(path, this.#target.manifestMaxBytes);
    const algorithm = digestAlgorithm(digest);
    const actual = makeDigest(algorithm, hash(algorithm, bytes, 'hex'));
    if (actual !== digest) throw new StoreError('digest-mismatch', `the content has the digest ${actual}`);
    const mediaType = ownMediaType(bytes) ?? listedAs;
    return { digest, bytes, mediaType, parsed: parseManifest(bytes, mediaType) };
  }

  /** The blobs of a manifest that the repository has now, and whether it lacked one of them before. */
  async #bringBlobs(
    parsed: ParsedManifest,
  ): Promise<{ readonly blobs: readonly Digest[]; readonly isNew: boolean }> {
    const blobs: Digest[] = [];
    let isNew = false;
    await eachLimited(namedBlobs(parsed), BLOBS_AT_ONCE, async (blob) => {
      const { digest } = blob;
      const outcome = await this.#blobs.bring(blob);
      if (outcome !== 'lost') blobs.push(digest);
      if (outcome === 'brought') isNew = true;
    });
    return { blobs, isNew };
  }

  /** Puts the manifest, unless it is there with all its blobs, and the tags that are not there. */
  async #put({ digest, bytes, mediaType }: ReadManifest, hasNewBlobs: boolean): Promise<void> {
    const { registry, principal, movesTags } = this.#target;
    const { repository } = this.#source;
    const tags = await this.#missingTags(digest);
    if (tags.length === 0 && !hasNewBlobs && (await this.#resolve({ digest })) !== undefined) {
      this.#row.alreadyThere++;
      return;
    }
    const condition = movesTags ? {} : { condition: { movesNoTag: true } as const };
    for (let at = 0; at === 0 || at < tags.length; at += TAGS_AT_ONCE) {
      const some = tags.slice(at, at + TAGS_AT_ONCE);
      const put = {
        repository,
        reference: { digest },
        tags: some,
        mediaType,
        bytes,
        principal,
        ...condition,
      };
      const { created } = await registry.manifests.put(put);
      if (created) this.#row.manifests++;
      this.#row.tags += some.length;
    }
  }

  /** The tags of the manifest that are to be set. One that is there and may not move is reported, once. */
  async #missingTags(digest: Digest): Promise<readonly Tag[]> {
    const missing: Tag[] = [];
    for (const tag of this.#wanted.get(digest)?.tags ?? []) {
      const current = await this.#resolve({ tag });
      if (current === digest) continue;
      if (current === undefined || this.#target.movesTags) missing.push(tag);
      else this.#keepTag(digest, tag, current);
    }
    return missing;
  }

  #keepTag(digest: Digest, tag: Tag, current: Digest): void {
    if (this.#keptTags.has(tag)) return;
    this.#keptTags.add(tag);
    const { repository } = this.#source;
    const reason = `the tag is there and names ${current}; with --move-tags it moves`;
    this.#log.problem({ kind: 'tag-differs', repository, digest, tag, reason });
  }

  async #resolve(
    reference: { readonly tag: Tag } | { readonly digest: Digest },
  ): Promise<Digest | undefined> {
    try {
      const { manifests } = this.#target.registry;
      return (await manifests.resolve(this.#source.repository, reference)).digest;
    } catch (error) {
      if (isStoreError(error, 'manifest-unknown') || isStoreError(error, 'repository-unknown'))
        return undefined;
      throw error;
    }
  }

  async #hasAll(blobs: readonly Digest[]): Promise<boolean> {
    for (const digest of blobs) if (!(await this.#blobs.has(digest))) return false;
    return true;
  }

  /** An index may do without a child; index.json lists what the repository should have. */
  #lose(digest: Digest, error: StoreError): void {
    const { repository } = this.#source;
    const wanted = this.#wanted.get(digest);
    if (wanted === undefined && isMissingFile(error)) {
      const reason = 'an index names it and the layout does not have it';
      this.#log.note({ kind: 'manifest-unknown', repository, digest, reason });
      return;
    }
    const tag = wanted?.tags.slice(0, TAGS_SHOWN).join(', ');
    this.#log.problem({
      kind: kindOf(error),
      repository,
      digest,
      ...(tag ? { tag } : {}),
      reason: `the manifest was left out: ${error.message}`,
    });
    this.#blobs.markLost(digest);
  }
}

/** What a manifest says it is counts more than what a list says of it. */
function ownMediaType(bytes: Uint8Array): string | undefined {
  const document = parseBoundedJson(bytes);
  if (typeof document !== 'object' || document === null || !('mediaType' in document)) return undefined;
  return typeof document.mediaType === 'string' ? document.mediaType : undefined;
}
